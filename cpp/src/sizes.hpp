// Sizes: how far apart columns lie, how much arithmetic a network takes, how examples are cut into blocks.
// Level: batches.
#pragma once

#include <deepcore/buffer.hpp>
#include <deepcore/spec.hpp>

#include "kernels/panels.hpp"
#include "team.hpp"

#include <algorithm>

namespace deepcore {

// How far apart columns of n values lie: whole packets; from 256 bytes on an odd number of cache lines, because columns an
// even number of lines apart would share few sets of the cache.
template <class T>
Index leading(Index n) {
  const Index ld = kernels::round_up<T>(n);
  constexpr Index kLine = kernels::kLine<T>;
  if (ld < 4 * kLine) return ld;
  return ((ld + kLine - 1) / kLine | 1) * kLine;
}

// Floating-point operations of m examples, by all members: forward; and of a step (two for dA, two for dW, none for dA[0]).
double forward_flops(const Spec& spec, Index m);
double step_flops(const Spec& spec, Index m);

// Examples of a block, at most `most`, so that each thread gets as many blocks, all of about the same size: of 200
// examples for two threads 52 per block, not 64, 64, 64, 8.
Index even_block(Index m, Index most, int threads);

// f(first, count, thread) for m examples in parts of at most `block`, cut between tiles as evenly as possible.
template <class F>
void in_parts(Team& team, Index m, Index block, F f) {
  constexpr Index kTile = kernels::kColumns<3>;
  const Index parts = (m + block - 1) / block, tiles = (m + kTile - 1) / kTile;
  const auto start = [&](Index part) { return std::min(m, part * tiles / parts * kTile); };
  team.for_each(parts, [&](Index i, int thread) { f(start(i), start(i + 1) - start(i), thread); });
}

}  // namespace deepcore
