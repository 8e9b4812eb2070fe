// Dropout: masks that depend on the step, the example's place and the unit, not on who computes them.
// Level: kernels.
#pragma once

#include <deepcore/rng.hpp>

#include "kernels/columns.hpp"

#include <algorithm>
#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace deepcore::kernels {

// Stream of the masks of layer l in a step; 2^20 layers would collide with the next step.
inline std::uint64_t mask_stream(Index step, int layer) { return stream(Stream::dropout, step * (1 << 20) + layer); }

// The words of kCalls neighbouring counters, one counter's four after the other's.
inline constexpr Index kCalls = 8;
#if defined(__AVX2__)  // compilers do not find the vector form: 0.6 ns a word instead of 4
inline void philox_run(std::uint64_t seed, std::uint64_t stream, std::uint64_t counter, std::uint32_t* words) {
  const auto all = [](std::uint64_t x) { return _mm256_set1_epi64x(static_cast<std::int64_t>(x)); };
  const __m256i m0 = all(0xD2511F53U), m1 = all(0xCD9E8D57U);
  __m256i c[4][2];  // a word in the low half of each 64-bit lane; products do not read the high half
  for (int v = 0; v < 2; ++v) {
    c[0][v] = _mm256_add_epi64(all(counter + static_cast<std::uint64_t>(4 * v)), _mm256_set_epi64x(3, 2, 1, 0));
    c[1][v] = _mm256_srli_epi64(c[0][v], 32);
    c[2][v] = all(stream);
    c[3][v] = all(stream >> 32U);
  }
  auto k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32U);
  for (int round = 0; round < 10; ++round) {
    for (int v = 0; v < 2; ++v) {
      const __m256i p0 = _mm256_mul_epu32(m0, c[0][v]), p1 = _mm256_mul_epu32(m1, c[2][v]);
      c[0][v] = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(p1, 32), c[1][v]), all(k0));
      c[1][v] = p1;
      c[2][v] = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(p0, 32), c[3][v]), all(k1));
      c[3][v] = p0;
    }
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  for (int v = 0; v < 2; ++v) {
    const __m256i first = _mm256_blend_epi32(c[0][v], _mm256_slli_epi64(c[1][v], 32), 0xAA);
    const __m256i last = _mm256_blend_epi32(c[2][v], _mm256_slli_epi64(c[3][v], 32), 0xAA);
    const __m256i even = _mm256_unpacklo_epi64(first, last), odd = _mm256_unpackhi_epi64(first, last);
    auto* to = reinterpret_cast<__m256i*>(words + 16 * v);
    _mm256_storeu_si256(to, _mm256_permute2x128_si256(even, odd, 0x20));
    _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(even, odd, 0x31));
  }
}
#else
inline void philox_run(std::uint64_t seed, std::uint64_t stream, std::uint64_t counter, std::uint32_t* words) {
  for (Index i = 0; i < kCalls; ++i) {
    const auto four = philox(seed, stream, counter + static_cast<std::uint64_t>(i));
    std::copy(four.begin(), four.end(), words + 4 * i);
  }
}
#endif

// kept[i - i0] for units [i0, i0 + rows) of the example at `place` of its batch: 0 with probability `rate`, else 1.
// Unit u takes word u % 4 of counter place * ceil(units / 4) + u / 4.
inline void draw_mask(std::uint64_t seed, std::uint64_t stream, Index place, Index units, Index i0, Index rows,
                      double rate, std::uint8_t* kept) {
  const auto threshold = static_cast<std::uint32_t>(rate * 4294967296.0);
  std::uint32_t words[4 * kCalls];
  const Index first = place * ((units + 3) / 4);
  for (Index i = i0; i < i0 + rows;) {
    const Index group = i / 4, end = std::min(i0 + rows, 4 * (group + kCalls));
    philox_run(seed, stream, static_cast<std::uint64_t>(first + group), words);
    const std::uint32_t* w = words + (i - 4 * group);
    std::uint8_t* to = kept + (i - i0);
    for (Index k = 0; k < end - i; ++k) to[k] = w[k] < threshold ? 0 : 1;
    i = end;
  }
}

// x *= 1 / (1 - rate) where a unit is kept, else 0
template <class T>
void apply_mask(Index n, const std::uint8_t* kept, double rate, T* x) {
  const T factor = static_cast<T>(1 / (1 - rate));
  for (Index i = 0; i < n; ++i) x[i] *= kept[i] != 0 ? factor : T(0);
}

}  // namespace deepcore::kernels
