// Packing and products: against plain loops in double, and bit for bit against the rule in kernels/tile.hpp.
// Level: tests.
#include "check.hpp"

#include <deepcore/rng.hpp>

#include "kernels/panels.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace deepcore::kernels {
namespace {

template <class T>
std::vector<T> numbers(Index count, Index seed) {
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
T by_rule(Index K, A a, B b, const T* c0) {
  T c = c0 == nullptr ? T(0) : *c0;
  for (Index k = 0; k < K; k += kDepth) {
    T sum = 0;
    for (Index i = k; i < std::min(K, k + kDepth); ++i) sum = multiply_add(a(i), b(i), sum);
    c = k == 0 && c0 == nullptr ? sum : c + sum;
  }
  return c;
}

template <class F>
void for_sizes(F f) {  // every size up to 70 in each place, and those around kDepth, 256 and their doubles
  const auto in_each_place = [&](Index s) {
    f(s, Index{17}, Index{33});
    f(s, Index{18}, Index{1});  // one column has a kernel of its own
    f(Index{26}, s, Index{13});
    f(Index{25}, Index{19}, s);
  };
  for (Index s = 1; s <= 70; ++s) in_each_place(s);
  for (const Index s :
       {kDepth - 1, kDepth, kDepth + 1, Index{255}, Index{256}, Index{257}, 2 * kDepth + 1, Index{513}}) {
    in_each_place(s);
  }
  f(Index{49}, Index{513}, Index{70});
  f(Index{313}, Index{513}, Index{1});
  f(Index{1}, Index{1}, Index{1});
}

enum class Lies { in_panels, in_a_block };          // the left side
enum class Runs { in_columns, in_strips, across };  // the right side; across: examples are contiguous

// W (n, K) and b in packed panels and as in a Block; B (K, m) stored in three ways; C with sentinels behind its rows.
template <class T>
struct Product {
  Product(Index rows, Index depth, Index columns)
      : n(rows), K(depth), m(columns), panels{rows},
        W(numbers<T>(n * (K + 1) + Panels<T>::kWidth, n + 3 * K)),  // b behind it, then what is read in vain
        B(numbers<T>(K * m, m)), turned(B.size()), strips(at((K / kDepth + 1) * m * kDepth)),
        packed(at(panels.padded() * (K + 1))) {
    pack<T>({W.data(), n, K + 1, 1, n}, K + 1, packed.data());
    for (Index j = 0; j < m; ++j) {
      for (Index k = 0; k < K; ++k) {
        turned[at(k * m + j)] = B[at(j * K + k)];
        strips[at((k / kDepth * m + j) * kDepth + k % kDepth)] = B[at(j * K + k)];
      }
    }
  }
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }
  // Columns [first, first + count) of panels [p0, p1).
  void run(Lies lies, bool bias, Runs runs, Index first, Index count, Index p0, Index p1) {
    const Left<T> A = lies == Lies::in_panels ? Left<T>{packed.data(), K + 1, 0, bias, nullptr}
                                              : Left<T>{W.data(), 1, n, bias, W.data() + K * n};
    const Index ld = runs == Runs::in_strips ? kDepth + kLanes<T> : panels.padded() + kLanes<T>;
    to = {nullptr, ld, runs == Runs::in_strips ? m * ld : kDepth};
    C.resize(at((n / kDepth + 1) * m * ld + Panels<T>::kWidth), kUntouched);
    to.data = C.data();
    if (runs == Runs::in_columns) {
      multiply<true>(panels, p0, p1, K, A, B.data() + first * K, K, kDepth, count, to.starting(first));
    } else if (runs == Runs::in_strips) {
      multiply<true>(panels, p0, p1, K, A, strips.data() + first * kDepth, kDepth, m * kDepth, count,
                     to.starting(first));
    } else {
      multiply<false>(panels, p0, p1, K, A, turned.data() + first, m, kDepth * m, count, to.starting(first));
    }
  }
  void run(Lies lies, bool bias, Runs runs) {
    C.clear();
    run(lies, bias, runs, 0, m, 0, panels.count());
  }
  T rule(Index i, Index j, bool bias) const {
    return by_rule<T>(
        K, [&](Index k) { return W[at(k * n + i)]; }, [&](Index k) { return B[at(j * K + k)]; },
        bias ? &W[at(K * n + i)] : nullptr);
  }
  T c(Index i, Index j) const { return to.starting(j).from(i)[0]; }

  static constexpr T kUntouched = T(-7.5);
  Index n, K, m;
  Panels<T> panels;
  std::vector<T> W, B, turned, strips, packed, C;
  Columns<T> to{};
};

constexpr Lies kLies[] = {Lies::in_panels, Lies::in_a_block};
constexpr Runs kRuns[] = {Runs::in_columns, Runs::in_strips, Runs::across};

template <class T>
std::string describe(const Product<T>& p, Lies lies, Runs runs) {
  return text("at ", p.n, " x ", p.K, " x ", p.m, ", left side ", static_cast<int>(lies), ", right ",
              static_cast<int>(runs));
}

TEST_BOTH(a_product_agrees_with_a_plain_loop_in_double) {
  for_sizes([](Index n, Index K, Index m) {
    Product<T> p(n, K, m);
    p.run(Lies::in_panels, true, Runs::in_columns);
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < m; ++j) {
        double sum = static_cast<double>(p.W[p.at(K * n + i)]), size = std::abs(sum);
        for (Index k = 0; k < K; ++k) {
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

TEST_BOTH(an_element_of_a_product_has_the_bits_of_the_rule_however_its_sides_are_stored) {
  for_sizes([](Index n, Index K, Index m) {
    Product<T> p(n, K, m);
    for (const bool bias : {true, false}) {
      std::vector<T> expected;
      for (Index j = 0; j < m; ++j) {
        for (Index i = 0; i < n; ++i) expected.push_back(p.rule(i, j, bias));
      }
      for (const Lies lies : kLies) {
        for (const Runs runs : kRuns) {
          p.run(lies, bias, runs);
          const std::string where = describe(p, lies, runs);
          for (Index j = 0; j < m; ++j) {
            for (Index i = 0; i < n; ++i) CHECK(p.c(i, j) == expected[p.at(j * n + i)], where);
          }
        }
      }
    }
  });
}

TEST_BOTH(an_element_of_a_product_has_the_same_bits_in_any_block_of_columns_and_any_range_of_panels) {
  constexpr Index m = 23;
  for (const Index K : {Index{19}, kDepth + 50}) {
    for (const Lies lies : kLies) {
      for (const Runs runs : kRuns) {
        Product<T> whole(9 * Panels<T>::kWidth + 3, K, m), parts(9 * Panels<T>::kWidth + 3, K, m);
        whole.run(lies, true, runs);
        for (const Index panels : {1, 2, 5, 9}) {
          for (Index width = 1; width <= 17; ++width) {
            parts.C.clear();
            for (Index first = 0; first < m; first += width) {
              for (Index p = 0; p < parts.panels.count(); p += panels) {
                parts.run(lies, true, runs, first, std::min(width, m - first), p,
                          std::min(p + panels, parts.panels.count()));
              }
            }
            const std::string where = text(describe(parts, lies, runs), ", ", width, " columns, ", panels, " panels");
            for (Index j = 0; j < m; ++j) {
              for (Index i = 0; i < whole.n; ++i) CHECK(parts.c(i, j) == whole.c(i, j), where);
            }
          }
        }
      }
    }
  }
}

TEST_BOTH(a_product_of_panels_fills_its_padded_rows_with_zeros_and_writes_nothing_behind_them) {
  for_sizes([](Index n, Index K, Index m) {
    Product<T> p(n, K, m);
    for (const Lies lies : kLies) {
      for (const Runs runs : kRuns) {
        p.run(lies, true, runs);
        const std::string where = describe(p, lies, runs);
        for (Index j = 0; j < m; ++j) {
          for (Index i = n; lies == Lies::in_panels && i < p.panels.padded(); ++i) CHECK(p.c(i, j) == 0, where);
          const T* last = p.to.starting(j).from(p.panels.padded() - 1);
          for (Index i = 1; i <= kLanes<T>; ++i) CHECK(last[i] == p.kUntouched, where);
        }
      }
    }
  });
}

// dZ (one panel, K examples) times A' (K, m), into C.
template <class T, class F>
void for_outer_products(F f) {
  for_sizes([&](Index seed, Index K, Index m) {
    for (Index width = kSmallLanes<T>; width <= 3 * kLanes<T>; width += kSmallLanes<T>) {
      if (width != panel_width<T>(width)) continue;
      const Index sa = width + 2 * kLanes<T>;
      const auto A = numbers<T>(sa * K, seed), B = numbers<T>(K * m, seed + 1), C = numbers<T>(width * m, seed + 2);
      f(width, sa, K, m, A, B, C);
    }
  });
}

TEST_BOTH(an_outer_product_has_the_bits_of_the_rule_and_adds_to_what_was_there) {
  for_outer_products<T>([](Index width, Index sa, Index K, Index m, const auto& A, const auto& B, const auto& before) {
    const auto at = [](Index i) { return static_cast<std::size_t>(i); };
    for (const bool add : {false, true}) {
      for (const bool along_k : {false, true}) {  // B[k * m + j] or B[j * K + k]
        auto C = before;
        along_k ? outer<true>(width, K, A.data(), sa, B.data(), K, m, add, C.data())
                : outer<false>(width, K, A.data(), sa, B.data(), m, m, add, C.data());
        for (Index i = 0; i < width; ++i) {
          for (Index j = 0; j < m; ++j) {
            const T expected = by_rule<T>(
                K, [&](Index k) { return A[at(k * sa + i)]; },
                [&](Index k) { return B[at(along_k ? j * K + k : k * m + j)]; },
                add ? &before[at(j * width + i)] : nullptr);
            CHECK(C[at(j * width + i)] == expected, width, " rows, K ", K, ", m ", m, ", along_k ", along_k);
          }
        }
      }
    }
  });
}

TEST_BOTH(an_outer_product_in_slabs_of_kDepth_has_the_bits_of_one_in_one_piece) {
  constexpr Index K = 3 * kDepth + 11, m = 7, width = 3 * kLanes<T>;
  const auto A = numbers<T>(width * K, 1), B = numbers<T>(K * m, 2);
  std::vector<T> whole(static_cast<std::size_t>(width * m)), slabs(whole.size());
  outer<false>(width, K, A.data(), width, B.data(), m, m, false, whole.data());
  for (Index k = 0; k < K; k += kDepth) {
    outer<false>(width, std::min(kDepth, K - k), A.data() + k * width, width, B.data() + k * m, m, m, k > 0,
                 slabs.data());
  }
  CHECK(whole == slabs);
}

TEST_BOTH(a_turned_outer_product_has_the_bits_of_the_other_and_zeros_for_padding) {
  for (const Index valid : {Index{1}, Index{5}, Index{20}, 3 * kLanes<T>}) {
    const Index width = panel_width<T>(std::min(valid, 3 * kLanes<T>)), rows = std::min(valid, width);
    for (const Index K : {Index{1}, Index{31}, kDepth, 2 * kDepth + 17}) {
      for (const Index m : {Index{1}, Index{23}, Index{48}, kDepth}) {
        const auto B = numbers<T>(m * K + 4 * kLanes<T>, 2);
        auto A = numbers<T>(width * K, 1);
        for (Index k = 0; k < K; ++k) std::fill_n(A.begin() + k * width + rows, width - rows, T(0));
        std::vector<T> straight(static_cast<std::size_t>(width * m)), turned(straight.size(), T(7));
        outer<false>(width, K, A.data(), width, B.data(), m, m, false, straight.data());
        outer_turned(width, rows, K, A.data(), width, B.data(), m, m, turned.data());
        CHECK(turned == straight, valid, " rows, K ", K, ", m ", m);
      }
    }
  }
}

TEST_BOTH(row_sums_are_the_outer_product_with_ones) {
  for_outer_products<T>([](Index width, Index sa, Index K, Index, const auto& A, const auto&, const auto& before) {
    const std::vector<T> ones(static_cast<std::size_t>(K), T(1));
    for (const bool add : {false, true}) {
      std::vector<T> sums(before.begin(), before.begin() + width), expected = sums;
      row_sums(width, K, A.data(), sa, add, sums.data());
      outer<true>(width, K, A.data(), sa, ones.data(), K, 1, add, expected.data());
      CHECK(sums == expected, width, " rows, K ", K, ", add ", add);
    }
  });
}

TEST_BOTH(packing_puts_each_element_in_its_place_fills_up_with_zeros_and_comes_back) {
  for (Index n = 1; n <= 70; ++n) {
    for (const Index K : {1, 5, 64}) {
      const Panels<T> panels{n};
      const Index depth = K + 2;
      const auto W = numbers<T>(2 * n * 3 * K, n);
      const View<const T> views[] = {{W.data(), n, K, 1, n},
                                     {W.data(), n, K, K, 1},
                                     {W.data(), n, K, 2, 2 * n + 1},
                                     {W.data() + n * K - 1, n, K, -1, -n}};
      for (const View<const T>& view : views) {
        std::vector<T> packed(static_cast<std::size_t>(panels.padded() * depth), T(9));
        pack(view, depth, packed.data());
        for (Index i = 0; i < panels.padded(); ++i) {
          const Index p = i / Panels<T>::kWidth;
          for (Index k = 0; k < K; ++k) {
            const T value =
                packed[static_cast<std::size_t>(panels.start(p) * depth + k * panels.width(p) + i - panels.start(p))];
            CHECK(value == (i < n ? view(i, k) : T(0)), "row ", i, " of ", n, ", column ", k);
          }
        }
        std::vector<T> back(static_cast<std::size_t>(n * K));
        unpack<T>(packed.data(), depth, T(0.5), {back.data(), n, K, 1, n});
        for (Index i = 0; i < n; ++i) {
          for (Index k = 0; k < K; ++k) CHECK(back[static_cast<std::size_t>(k * n + i)] == T(0.5) * view(i, k));
        }
      }
    }
  }
}

TEST_BOTH(transposing_panels_is_packing_the_transposed_matrix) {
  for_sizes([](Index n, Index, Index K) {
    for (const Index chunk : {Index{192}, 3 * kLanes<T>, kLanes<T>}) {  // columns that are turned together
      const Panels<T> out{n}, in{K};
      const auto W = numbers<T>(n * K, n);
      std::vector<T> packed(static_cast<std::size_t>(out.padded() * (K + 1)));
      std::vector<T> turned(static_cast<std::size_t>(in.padded() * n)), expected(turned.size());
      pack<T>({W.data(), n, K, 1, n}, K + 1, packed.data());
      pack<T>({W.data(), K, n, n, 1}, n, expected.data());
      for (Index p = 0; p < out.count(); ++p) {
        const Index width = out.width(p);
        for (Index i = 0; i < K; i += chunk) {
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
