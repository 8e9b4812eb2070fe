// Randomness without state: value = f(seed, stream, index), the same on every CPU and for every number of threads.
// Public header, standard library only.
#pragma once

#include <deepcore/view.hpp>

#include <array>
#include <cstdint>

namespace deepcore {

// Streams of one seed. A stream number is `kind + detail * 4`, detail being a layer or an epoch.
enum class Stream : std::uint64_t { initialisation = 0, shuffle = 1, dropout = 2, user = 3 };

inline std::uint64_t stream(Stream kind, Index detail) {
  return static_cast<std::uint64_t>(kind) + static_cast<std::uint64_t>(detail) * 4U;
}

// Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011): four random words for one counter.
inline std::array<std::uint32_t, 4> philox(std::uint64_t seed, std::uint64_t stream, std::uint64_t counter) {
  auto c0 = static_cast<std::uint32_t>(counter), c1 = static_cast<std::uint32_t>(counter >> 32U);
  auto c2 = static_cast<std::uint32_t>(stream), c3 = static_cast<std::uint32_t>(stream >> 32U);
  auto k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32U);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53U} * c0, p1 = std::uint64_t{0xCD9E8D57U} * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32U) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(p1);
    c2 = static_cast<std::uint32_t>(p0 >> 32U) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(p0);
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  return {c0, c1, c2, c3};
}

void uniform(std::uint64_t seed, std::uint64_t stream, double* out, Index count);  // in (0, 1), 53 bits
void normal(std::uint64_t seed, std::uint64_t stream, double* out, Index count);   // mean 0, variance 1

// order = a permutation of 0..m-1: the order in which epoch `epoch` visits m examples.
void permutation(std::uint64_t seed, Index epoch, std::int64_t* order, Index m);

}  // namespace deepcore
