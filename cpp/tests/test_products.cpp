// Packing and products: against plain loops in double, and bit for bit against the rule in kernels/tile.hpp.
// Floor: tests.
#include "check.hpp"

#include <deepcore/rng.hpp>

#include "kernels/panels.hpp"

#include <cmath>
#include <limits>
#include <vector>

namespace deepcore::kernels {
namespace {

template <class T>
std::vector<T> numbers(index count, index seed) {
  std::vector<double> draws(static_cast<std::size_t>(count));
  normal(static_cast<std::uint64_t>(seed), stream(Stream::user, 0), draws.data(), count);
  return {draws.begin(), draws.end()};
}

// One step of a sum as this CPU's packets take it: pmadd is fused where there is an instruction for it.
template <class T>
T multiply_add(T a, T b, T sum) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  return std::fma(a, b, sum);
#else
  return a * b + sum;
#endif
}

// The rule, element by element: C0 + S1 + S2 + ..., each S a chain of at most kDepth terms that starts from zero.
template <class T, class A, class B>
T by_rule(index K, A a, B b, const T* c0) {
  T c = c0 == nullptr ? T(0) : *c0;
  for (index k = 0; k < K; k += kDepth) {
    T sum = 0;
    for (index i = k; i < std::min(K, k + kDepth); ++i) sum = multiply_add(a(i), b(i), sum);
    c = k == 0 && c0 == nullptr ? sum : c + sum;
  }
  return c;
}

template <class F>
void for_sizes(F f) {  // every size up to 70 in each place, and those around kDepth and its double
  const auto in_each_place = [&](index s) {
    f(s, index{17}, index{33});
    f(index{26}, s, index{13});
    f(index{25}, index{19}, s);
  };
  for (index s = 1; s <= 70; ++s) in_each_place(s);
  for (const index s : {255, 256, 257, 513}) in_each_place(s);
  f(index{49}, index{513}, index{70});
  f(index{1}, index{1}, index{1});
}

// W (n, K) and b in packed panels, B (K, m) stored both ways, C with a sentinel behind the room it may use.
template <class T>
struct Product {
  Product(index rows, index depth, index columns)
      : n(rows), K(depth), m(columns), panels{rows}, ldc(panels.padded() + kLanes<T>), W(numbers<T>(n * K, n + 3 * K)),
        b(numbers<T>(n, 5)), B(numbers<T>(K * m, m)), turned(B.size()),
        packed(static_cast<std::size_t>(panels.padded() * (K + 1))),
        C(static_cast<std::size_t>(ldc * m + Panels<T>::kWidth), kUntouched) {
    pack<T>({W.data(), n, K, 1, n}, K + 1, packed.data());
    for (index p = 0; p < panels.count(); ++p) {
      pack<T>({b.data(), n, 1, 1, n}, panels.start(p), panels.valid(p), panels.width(p), 0, 1,
              packed.data() + panels.start(p) * (K + 1) + K * panels.width(p));
    }
    for (index j = 0; j < m; ++j) {
      for (index k = 0; k < K; ++k) turned[at(k * m + j)] = B[at(j * K + k)];
    }
  }
  static std::size_t at(index i) { return static_cast<std::size_t>(i); }
  template <bool kAlongK>
  void multiply_by(bool bias, index first, index columns) {
    multiply<kAlongK>(panels, K, K + 1, packed.data(), kAlongK ? B.data() + first * K : turned.data() + first,
                      kAlongK ? K : m, columns, bias, C.data() + first * ldc, ldc);
  }
  T rule(index i, index j, bool bias) const {
    return by_rule<T>(
        K, [&](index k) { return W[at(k * n + i)]; }, [&](index k) { return B[at(j * K + k)]; },
        bias ? &b[at(i)] : nullptr);
  }
  T c(index i, index j) const { return C[at(j * ldc + i)]; }

  static constexpr T kUntouched = T(-7.5);
  index n, K, m;
  Panels<T> panels;
  index ldc;
  std::vector<T> W, b, B, turned, packed, C;
};

TEST_BOTH(a_product_agrees_with_a_plain_loop_in_double) {
  for_sizes([](index n, index K, index m) {
    Product<T> p(n, K, m);
    p.template multiply_by<true>(true, 0, m);
    for (index i = 0; i < n; ++i) {
      for (index j = 0; j < m; ++j) {
        double sum = static_cast<double>(p.b[p.at(i)]), size = std::abs(sum);
        for (index k = 0; k < K; ++k) {
          const double term = static_cast<double>(p.W[p.at(k * n + i)]) * static_cast<double>(p.B[p.at(j * K + k)]);
          sum += term;
          size += std::abs(term);
        }
        // K + 2 roundings, each at most eps / 2 of the sum of the magnitudes; the double loop makes as many of its own
        const double bound = static_cast<double>(K + 2) * static_cast<double>(std::numeric_limits<T>::epsilon()) * size;
        CHECK_NEAR(p.c(i, j), sum, bound, "at ", n, " x ", K, " x ", m);
      }
    }
  });
}

TEST_BOTH(an_element_of_a_product_has_the_bits_of_the_rule) {
  for_sizes([](index n, index K, index m) {
    Product<T> p(n, K, m);
    for (const bool bias : {true, false}) {
      for (const bool along_k : {true, false}) {
        along_k ? p.template multiply_by<true>(bias, 0, m) : p.template multiply_by<false>(bias, 0, m);
        for (index i = 0; i < n; ++i) {
          for (index j = 0; j < m; ++j) {
            CHECK(p.c(i, j) == p.rule(i, j, bias), "at ", n, " x ", K, " x ", m, ", along_k ", along_k);
          }
        }
      }
    }
  });
}

TEST_BOTH(an_element_of_a_product_has_the_same_bits_in_any_block_of_columns) {
  for (const index K : {19, 300}) {
    Product<T> whole(43, K, 41), parts(43, K, 41);
    whole.template multiply_by<true>(true, 0, 41);
    for (index width = 1; width <= 17; ++width) {
      for (index first = 0; first < 41; first += width) {
        parts.template multiply_by<true>(true, first, std::min(width, 41 - first));
      }
      for (index i = 0; i < 43; ++i) {
        for (index j = 0; j < 41; ++j) CHECK(parts.c(i, j) == whole.c(i, j), "in blocks of ", width);
      }
    }
  }
}

TEST_BOTH(a_product_writes_its_padded_rows_as_zeros_and_nothing_behind_them) {
  for_sizes([](index n, index K, index m) {
    Product<T> p(n, K, m);
    p.template multiply_by<true>(true, 0, m);
    for (index j = 0; j < m; ++j) {
      for (index i = n; i < p.panels.padded(); ++i) CHECK(p.c(i, j) == 0, "at ", n, " x ", K, " x ", m);
      for (index i = p.panels.padded(); i < p.ldc; ++i) CHECK(p.c(i, j) == p.kUntouched, "at ", n, " x ", K, " x ", m);
    }
  });
}

// dZ (one panel, K examples) times A' (K, m), into C.
template <class T, class F>
void for_outer_products(F f) {
  for_sizes([&](index seed, index K, index m) {
    for (int packets = 1; packets <= 3; ++packets) {
      const index width = packets * kLanes<T>, sa = width + 2 * kLanes<T>;
      const auto A = numbers<T>(sa * K, seed), B = numbers<T>(K * m, seed + 1), C = numbers<T>(width * m, seed + 2);
      f(packets, width, sa, K, m, A, B, C);
    }
  });
}

TEST_BOTH(an_outer_product_has_the_bits_of_the_rule_and_adds_to_what_was_there) {
  for_outer_products<T>(
      [](int packets, index width, index sa, index K, index m, const auto& A, const auto& B, const auto& before) {
        const auto at = [](index i) { return static_cast<std::size_t>(i); };
        for (const bool add : {false, true}) {
          for (const bool along_k : {false, true}) {  // B[k * m + j] or B[j * K + k]
            auto C = before;
            along_k ? outer<true>(packets, K, A.data(), sa, B.data(), K, m, add, C.data())
                    : outer<false>(packets, K, A.data(), sa, B.data(), m, m, add, C.data());
            for (index i = 0; i < width; ++i) {
              for (index j = 0; j < m; ++j) {
                const T expected = by_rule<T>(
                    K, [&](index k) { return A[at(k * sa + i)]; },
                    [&](index k) { return B[at(along_k ? j * K + k : k * m + j)]; },
                    add ? &before[at(j * width + i)] : nullptr);
                CHECK(C[at(j * width + i)] == expected, packets, " packets, K ", K, ", m ", m, ", along_k ", along_k);
              }
            }
          }
        }
      });
}

TEST_BOTH(an_outer_product_in_slabs_of_kDepth_has_the_bits_of_one_in_one_piece) {
  constexpr index K = 3 * kDepth + 11, m = 7, width = 3 * kLanes<T>;
  const auto A = numbers<T>(width * K, 1), B = numbers<T>(K * m, 2);
  std::vector<T> whole(static_cast<std::size_t>(width * m)), slabs(whole.size());
  outer<false>(3, K, A.data(), width, B.data(), m, m, false, whole.data());
  for (index k = 0; k < K; k += kDepth) {
    outer<false>(3, std::min(kDepth, K - k), A.data() + k * width, width, B.data() + k * m, m, m, k > 0, slabs.data());
  }
  CHECK(whole == slabs);
}

TEST_BOTH(row_sums_are_the_outer_product_with_ones) {
  for_outer_products<T>(
      [](int packets, index width, index sa, index K, index, const auto& A, const auto&, const auto& before) {
        const std::vector<T> ones(static_cast<std::size_t>(K), T(1));
        for (const bool add : {false, true}) {
          std::vector<T> sums(before.begin(), before.begin() + width), expected = sums;
          row_sums(packets, K, A.data(), sa, add, sums.data());
          outer<true>(packets, K, A.data(), sa, ones.data(), K, 1, add, expected.data());
          CHECK(sums == expected, packets, " packets, K ", K, ", add ", add);
        }
      });
}

TEST_BOTH(packing_puts_each_element_in_its_place_fills_up_with_zeros_and_comes_back) {
  for (index n = 1; n <= 70; ++n) {
    for (const index K : {1, 5, 64}) {
      const Panels<T> panels{n};
      const index depth = K + 2;
      const auto W = numbers<T>(2 * n * 3 * K, n);
      const View<const T> views[] = {{W.data(), n, K, 1, n},
                                     {W.data(), n, K, K, 1},
                                     {W.data(), n, K, 2, 2 * n + 1},
                                     {W.data() + n * K - 1, n, K, -1, -n}};
      for (const View<const T>& view : views) {
        std::vector<T> packed(static_cast<std::size_t>(panels.padded() * depth), T(9));
        pack(view, depth, packed.data());
        for (index i = 0; i < panels.padded(); ++i) {
          const index p = i / Panels<T>::kWidth;
          for (index k = 0; k < K; ++k) {
            const T value =
                packed[static_cast<std::size_t>(panels.start(p) * depth + k * panels.width(p) + i - panels.start(p))];
            CHECK(value == (i < n ? view(i, k) : T(0)), "row ", i, " of ", n, ", column ", k);
          }
        }
        std::vector<T> back(static_cast<std::size_t>(n * K));
        unpack<T>(packed.data(), depth, T(0.5), {back.data(), n, K, 1, n});
        for (index i = 0; i < n; ++i) {
          for (index k = 0; k < K; ++k) CHECK(back[static_cast<std::size_t>(k * n + i)] == T(0.5) * view(i, k));
        }
      }
    }
  }
}

TEST_BOTH(transposing_panels_is_packing_the_transposed_matrix) {
  for_sizes([](index n, index, index K) {
    for (const index chunk : {index{192}, 3 * kLanes<T>, kLanes<T>}) {  // columns that are turned together
      const Panels<T> out{n}, in{K};
      const auto W = numbers<T>(n * K, n);
      std::vector<T> packed(static_cast<std::size_t>(out.padded() * (K + 1)));
      std::vector<T> turned(static_cast<std::size_t>(in.padded() * n)), expected(turned.size());
      pack<T>({W.data(), n, K, 1, n}, K + 1, packed.data());
      pack<T>({W.data(), K, n, n, 1}, n, expected.data());
      for (index p = 0; p < out.count(); ++p) {
        const index width = out.width(p);
        for (index i = 0; i < K; i += chunk) {
          transpose_panel(packed.data() + out.start(p) * (K + 1) + i * width, width, out.start(p), out.valid(p), i,
                          std::min(i + chunk, K), in, n, turned.data());
        }
      }
      CHECK(turned == expected, n, " x ", K, " in chunks of ", chunk);
    }
  });
}

}  // namespace
}  // namespace deepcore::kernels
