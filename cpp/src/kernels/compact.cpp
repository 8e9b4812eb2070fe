// Compact weights: rounding them, and their products.
// Level: kernels.
#include "kernels/compact.hpp"

#include "kernels/tile.hpp"

#include <cmath>
#include <limits>

namespace deepcore::kernels {

namespace {

using Word = std::int32_t;
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // as in kernels/packet.hpp
#endif
template <class P>
struct WordsOf {
  using type = typename ei::unpacket_traits<P>::integer_packet;
};
template <>
struct WordsOf<float> {  // without vectors
  using type = Word;
};
using Floats = Packet<float>;
using Words = WordsOf<Floats>::type;
constexpr Index kPanel = Panels<float>::kWidth;

std::uint32_t bits_of(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

// How far term t of a word moves to reach the top.
template <int kTerms>
constexpr int shift_of(int t) {
  return 32 - 32 / kTerms * (t + 1);
}

// Term t of one word, and of a packet of them.
template <int kTerms>
float term_of(Word word, int t) {
  const auto top = static_cast<Word>(static_cast<std::uint32_t>(word) << shift_of<kTerms>(t));
  if constexpr (kTerms == 4) return static_cast<float>(top);
  float x;
  std::memcpy(&x, &top, sizeof x);
  return x;
}
template <int kTerms, int t, class P>
EIGEN_ALWAYS_INLINE Floats term_of(const P& word) {
  constexpr int kShift = shift_of<kTerms>(t);
  if constexpr (std::is_same_v<P, Word>) {
    return term_of<kTerms>(word, t);
  } else if constexpr (kShift > 0) {
    return term_of<kTerms, kTerms - 1>(P(ei::plogical_shift_left<kShift>(word)));  // now at the top
  } else if constexpr (kTerms == 4) {
    return ei::pcast<P, Floats>(word);
  } else {
    return ei::preinterpret<Floats>(word);
  }
}

// The upper half of a float whose lower half is `below`, as near to w as can be. The result is a normal number, since
// processors are slow with others: in place of zero the smallest of them.
std::uint32_t upper_half(float w, std::uint32_t below) {
  constexpr std::uint32_t kSmallest = 0x0080, kLargest = 0x7f7f;
  const std::uint32_t bits = bits_of(w), sign = bits >> 31, size = bits & 0x7fffffffU;
  if (!std::isfinite(w)) return bits >> 16 | (std::isnan(w) ? 1U : 0U);
  const std::uint32_t half = size + 0x8000 < below ? 0 : (size + 0x8000 - below) >> 16;
  return sign << 15 | std::clamp(half, kSmallest, kLargest);
}

std::uint32_t as_bfloat16(float w) { return std::abs(w) < std::numeric_limits<float>::min() ? 0 : upper_half(w, 0); }

// The top byte of a number of 32 bits whose others are `below`, as near as can be to x, in units of the top byte.
std::uint32_t top_byte(float x, std::uint32_t below) {
  const float nearest = std::nearbyint(x - static_cast<float>(below) * 0x1p-24F);
  return static_cast<std::uint32_t>(static_cast<int>(std::clamp(nearest, -128.0F, 127.0F))) & 0xffU;
}

// One column times G panels of P packets: c = c0 + the sums of `run` terms. Panels of words are panel_step apart.
template <int kTerms, int G, int P>
void one_column(Index run, const Word* words, Index panel_step, const float* x, const float* c0, float* c) {
  Floats sum[G][P];
#pragma GCC unroll 4
  for (int g = 0; g < G; ++g) {
#pragma GCC unroll 3
    for (int p = 0; p < P; ++p) sum[g][p] = ei::pzero(Floats());
  }
  const auto read = [&](auto count) {  // so many terms of a word of each row
    constexpr int kCount = count();
#pragma GCC unroll 4
    for (int g = 0; g < G; ++g) {
#pragma GCC unroll 3
      for (int p = 0; p < P; ++p) {
        const auto word = ei::ploadu<Words>(words + g * panel_step + p * kLanes<float>);
        Floats s = pmadd(term_of<kTerms, 0>(word), ei::pset1<Floats>(x[0]), sum[g][p]);
        if constexpr (kCount > 1) s = pmadd(term_of<kTerms, 1>(word), ei::pset1<Floats>(x[1]), s);
        if constexpr (kCount > 2) s = pmadd(term_of<kTerms, 2>(word), ei::pset1<Floats>(x[2]), s);
        if constexpr (kCount > 3) s = pmadd(term_of<kTerms, 3>(word), ei::pset1<Floats>(x[3]), s);
        sum[g][p] = s;
      }
    }
  };
  Index k = 0;
  for (; k + kTerms <= run; k += kTerms, words += P * kLanes<float>, x += kTerms) read(Count<kTerms>{});
  if (run - k == 1) read(Count<1>{});
  if constexpr (kTerms > 2) {
    if (run - k == 2) read(Count<2>{});
    if (run - k == 3) read(Count<3>{});
  }
#pragma GCC unroll 4
  for (int g = 0; g < G; ++g) {
#pragma GCC unroll 3
    for (int p = 0; p < P; ++p) {
      const Index at = (P * g + p) * kLanes<float>;
      store<Floats>(c + at, c0 == nullptr ? sum[g][p] : padd(load<Floats>(c0 + at), sum[g][p]));
    }
  }
}

// The terms of a panel as floats, word by word.
template <int kTerms>
void decode(Index terms, const Word* words, Index width, float* to) {
  for (Index k = 0; k < terms; k += kTerms, words += width, to += kTerms * width) {
    Index i = 0;
    for (; i + kLanes<float> <= width; i += kLanes<float>) {
      const auto word = ei::ploadu<Words>(words + i);
      store<Floats>(to + i, term_of<kTerms, 0>(word));
      store<Floats>(to + width + i, term_of<kTerms, 1>(word));
      if constexpr (kTerms > 2) {
        store<Floats>(to + 2 * width + i, term_of<kTerms, 2>(word));
        store<Floats>(to + 3 * width + i, term_of<kTerms, 3>(word));
      }
    }
    for (; i < width; ++i) {  // half a packet of AVX-512
      for (int t = 0; t < kTerms; ++t) to[t * width + i] = term_of<kTerms>(words[i], t);
    }
  }
}

// Panels that one column goes through at once: their sums, the column's terms and a word are the registers of AVX2.
template <int kTerms>
constexpr int kMost = kTerms == 2 ? 4 : 3;

// f(G, P) for the panels from p on that one column goes through at once; false: for this panel there is no such kernel.
template <int kTerms, class F>
bool with_group(Panels<float> panels, Index p, Index p1, F f) {
  const Index whole = std::min(p1, panels.rows / kPanel) - p, width = panels.width(p);
  const auto pick = [&](auto self, auto G) {
    if constexpr (G() > 1) {
      if (whole < G()) return self(self, Count<G() - 1>{});
    }
    f(G, Count<3>{});
  };
  if (whole > 0 || width == kPanel) {
    pick(pick, Count<kMost<kTerms>>{});
  } else if (width == 2 * kLanes<float>) {
    f(Count<1>{}, Count<2>{});
  } else if (width == kLanes<float>) {
    f(Count<1>{}, Count<1>{});
  } else {
    return false;
  }
  return true;
}

template <int kTerms>
void multiply_terms(Panels<float> panels, Index p0, Index p1, Index K, const Compact& A, const float* B, Index sb,
                    Index run_step, Index m, float* C, Index ldc) {
  static_assert(kDepth % 4 == 0, "a word lies in one run");
  // f(first term, terms, their words, what was summed before)
  const auto in_runs = [&](Index p, auto f) {
    const Index start = panels.start(p), width = panels.width(p);
    const float* c0 = A.scale == nullptr ? A.bias + start : nullptr;  // a scaled sum gets its bias afterwards
    for (Index k = 0; k < K || k == 0; k += kDepth, c0 = C + start)
      f(k, std::min(kDepth, K - k), A.words + start * A.groups + k / kTerms * width, c0);
  };
  for (Index p = p0; p < p1;) {
    const Index start = panels.start(p), width = panels.width(p);
    Index rows = width;
    const bool done =
        m == 1 && with_group<kTerms>(panels, p, p1, [&](auto G, auto P) {
          rows = G() * P() * kLanes<float>;
          in_runs(p, [&](Index k, Index run, const Word* words, const float* c0) {
            one_column<kTerms, G(), P()>(run, words, kPanel * A.groups, B + k / kDepth * run_step, c0, C + start);
          });
        });
    if (!done) {
      in_runs(p, [&](Index k, Index run, const Word* words, const float* c0) {
        float floats[kDepth * kPanel];
        decode<kTerms>(run, words, width, floats);
        panel<true>(width, m, run, floats, width, B + k / kDepth * run_step, sb, c0, k > 0 ? ldc : 0, C + start, ldc);
      });
    }
    for (Index j = 0; j < m && A.scale != nullptr; ++j) {
      float* c = C + j * ldc;
      for (Index i = start; i < start + rows; ++i) c[i] = A.bias[i] + A.scale[i] * c[i];
    }
    p += (rows + kPanel - 1) / kPanel;
  }
}

}  // namespace

void compress(int terms, Index width, Index K, const float* packed, std::int32_t* words, float* scale) {
  const Index groups = compact_groups(terms, K);
  for (Index i = 0; i < width; ++i) {
    float most = 0, total = 0;
    for (Index k = 0; k < K; ++k) {
      const float size = std::abs(packed[k * width + i]);
      most = std::max(most, size);
      total += size;
    }
    const bool finite = !std::isnan(total) && std::isfinite(most);
    const float unit = finite ? most / 127.0F : 0.0F;  // of int8; 0: all weights are 0
    if (terms == 4) scale[i] = finite ? unit * 0x1p-24F : std::numeric_limits<float>::quiet_NaN();
    for (Index g = 0; g < groups; ++g) {
      std::uint32_t word = 0;
      for (int t = 0; t < terms; ++t) {
        const Index k = g * terms + t;
        const float w = k < K ? packed[k * width + i] : 0.0F;
        if (terms == 4) {
          const std::uint32_t below = word << shift_of<4>(t);
          word |= top_byte(unit > 0 ? w / unit : 0.0F, below) << 8 * t;
        } else {
          word |= t == 0 ? as_bfloat16(w) : upper_half(w, word) << 16;
        }
      }
      words[g * width + i] = static_cast<std::int32_t>(word);
    }
  }
}

void multiply_compact(Panels<float> panels, Index p0, Index p1, Index K, const Compact& A, const float* B, Index sb,
                      Index run_step, Index m, float* C, Index ldc) {
  A.terms == 2 ? multiply_terms<2>(panels, p0, p1, K, A, B, sb, run_step, m, C, ldc)
               : multiply_terms<4>(panels, p0, p1, K, A, B, sb, run_step, m, C, ldc);
}

}  // namespace deepcore::kernels
