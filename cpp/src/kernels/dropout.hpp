// Dropout: masks that depend on the step, the example's place and the unit, not on who computes them.
// Floor: kernels.
#pragma once

#include <deepcore/rng.hpp>

#include "kernels/panels.hpp"

namespace deepcore::kernels {

// Stream of the masks of layer l in a step; 2^20 layers would collide with the next step.
inline std::uint64_t mask_stream(Index step, int layer) { return stream(Stream::dropout, step * (1 << 20) + layer); }

// kCalls neighbouring counters at once, a loop that compilers turn into vectors: four words of each, word by word.
inline constexpr Index kCalls = 8;
inline void philox_run(std::uint64_t seed, std::uint64_t stream, std::uint64_t counter, std::uint32_t* words) {
  std::uint32_t c[4][kCalls];
  for (Index i = 0; i < kCalls; ++i) {
    const std::uint64_t at = counter + static_cast<std::uint64_t>(i);
    c[0][i] = static_cast<std::uint32_t>(at);
    c[1][i] = static_cast<std::uint32_t>(at >> 32U);
    c[2][i] = static_cast<std::uint32_t>(stream);
    c[3][i] = static_cast<std::uint32_t>(stream >> 32U);
  }
  auto k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32U);
  for (int round = 0; round < 10; ++round) {
    for (Index i = 0; i < kCalls; ++i) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53U} * c[0][i], p1 = std::uint64_t{0xCD9E8D57U} * c[2][i];
      c[0][i] = static_cast<std::uint32_t>(p1 >> 32U) ^ c[1][i] ^ k0;
      c[1][i] = static_cast<std::uint32_t>(p1);
      c[2][i] = static_cast<std::uint32_t>(p0 >> 32U) ^ c[3][i] ^ k1;
      c[3][i] = static_cast<std::uint32_t>(p0);
    }
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  for (Index i = 0; i < kCalls; ++i) {
    for (Index w = 0; w < 4; ++w) words[4 * i + w] = c[w][i];
  }
}

// mask[i - i0] for units [i0, i0 + rows) of the example at `place` of its batch: 0 with probability `rate`, else
// 1 / (1 - rate). Unit u takes word u % 4 of counter place * ceil(units / 4) + u / 4.
template <class T>
void dropout_mask(std::uint64_t seed, std::uint64_t stream, Index place, Index units, Index i0, Index rows, double rate,
                  T* mask) {
  const auto threshold = static_cast<std::uint32_t>(rate * 4294967296.0);
  const T kept = static_cast<T>(1 / (1 - rate));
  std::uint32_t words[4 * kCalls];
  const Index first = place * ((units + 3) / 4);
  for (Index i = i0; i < i0 + rows;) {
    const Index group = i / 4, end = std::min(i0 + rows, 4 * (group + kCalls));
    philox_run(seed, stream, static_cast<std::uint64_t>(first + group), words);
    const std::uint32_t* w = words + (i - 4 * group);
    T* to = mask + (i - i0);
    for (Index k = 0; k < end - i; ++k) to[k] = w[k] < threshold ? T(0) : kept;
    i = end;
  }
}

// x *= y, m columns of n values
template <class T>
void multiply_by(Index n, Index m, Index stride, const T* y, T* x) {
  using P = Packet<T>;
  for (Index j = 0; j < m; ++j, x += stride, y += stride) {
    map(n, x, [](const P& a, const P& b) { return pmul(a, b); }, static_cast<const T*>(x), y);
  }
}

}  // namespace deepcore::kernels
