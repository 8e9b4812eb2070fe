// Numbers: random values for the C++ tests, and an index as the standard library takes it.
// Level: tests.
#pragma once

#include <deepcore/rng.hpp>
#include <deepcore/view.hpp>

#include <cstdint>
#include <vector>

namespace deepcore {

inline std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// `count` normal values with the standard deviation `scale`. The same seed gives the same values.
template <class T>
std::vector<T> numbers(Index count, std::uint64_t seed, double scale = 1) {
  std::vector<double> draws(at(count));
  normal(seed, stream(Stream::user, 0), draws.data(), count);
  std::vector<T> out;
  out.reserve(at(count));
  for (const double x : draws) out.push_back(static_cast<T>(scale * x));
  return out;
}

}  // namespace deepcore
