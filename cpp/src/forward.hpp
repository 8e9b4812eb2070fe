// Forward: from X to Z[L], and no further back: what predict, evaluate and Predictor share.
// Level: passes.
#pragma once

#include <deepcore/network.hpp>
#include <deepcore/predictor.hpp>

#include "kernels/compact.hpp"
#include "sizes.hpp"
#include "sparse.hpp"
#include "stages/embedding.hpp"
#include "stages/stage.hpp"

#include <algorithm>
#include <optional>

namespace deepcore {

inline constexpr Index kForwardBlock = 64;  // columns that are carried through the layers together

// Packing the weights for one call pays if more than one block of examples reads them. Unpacked, 64 examples are 0.8 to
// 1.6 times as fast as packed, 16 examples 1.1 to 2.2 times, and 256 examples 0.6 to 1.1 times.
inline constexpr Index kUnpacked = kForwardBlock;

// Examples of such a block, each with a column per member.
inline Index forward_block(const Spec& spec) {
  constexpr Index kTile = kernels::kColumns<3>;
  return std::max(kTile, kForwardBlock / spec.members() / kTile * kTile);
}

// Threads of one call, which starts them. That takes as long as some 8 Mflop, so fewer per thread are not worth it:
// 8 to 12 Mflop take 160 to 240 us on one thread, and 240 to 270 us on two.
inline int call_team(int threads, double flops) { return team_size(threads, flops / 8); }

// f(first, count, thread) for m examples in blocks. poll is called between parts that take a tenth of a second or so.
template <class F>
void in_forward_blocks(Team& team, const Spec& spec, Index m, const Poll& poll, F f) {
  constexpr double kFlops = 5e9;  // of one core in that time, at least
  const Index block = forward_block(spec);
  const double blocks = kFlops / forward_flops(spec, block) * team.size();
  const Index most = poll ? static_cast<Index>(std::clamp(blocks, 1.0, 1e9)) * block : m;
  for (Index first = 0; first < m; first += most) {
    const Index count = std::min(most, m - first);
    in_parts(team, count, even_block(count, block, team.size()),
             [&](Index j0, Index n, int thread) { f(first + j0, n, thread); });
    if (poll && first + count < m) poll();
  }
}

// A layer's weights, rounded to fewer bits, and its bias.
struct CompactLayer {
  Buffer<std::int32_t> words;
  Buffer<float> scale, bias;  // no scale: of bfloat16
  kernels::Compact matrix;
};

template <class T>
class Forward {
 public:
  // pack: copy the weights into panels, which pays from some hundred examples on; otherwise they are read where they lie.
  // examples: of a call, at most. For one example, clearing buffers for many would take longer than its product.
  // weights: rounded if not `own`, in a packed copy. team: packs.
  Forward(const Network<T>& network, Team& team, bool pack, Index examples = kForwardBlock,
          Weights weights = Weights::own);
  void reserve(int threads);  // buffers for that many threads

  // Z[L] of up to forward_block() examples of X, columns leading(n[L]) apart, in a buffer of `thread`. The columns of an
  // example, one per member, are adjacent.
  // nonfinite, if given: becomes the first layer whose Z or A is not finite, if that is below what it holds.
  // team, if given, shares the units of each layer; the bits are the same.
  T* logits(const Inputs<T>& X, Index first, Index m, int thread, int* nonfinite = nullptr, Team* team = nullptr);

  const Spec& spec() const { return spec_; }
  std::size_t weight_bytes() const;  // of the packed copy
  double penalty() const;            // of the parameters, if packed

 private:
  Spec spec_;
  std::optional<State<T>> state_;       // if packed
  std::vector<kernels::Left<T>> left_;  // [l - 1]
  std::vector<CompactLayer> compact_;   // [l - 1], if the weights are rounded; then there is no state_
  std::vector<Stages<T>> stages_;       // [l - 1], hidden layers
  Index size_ = 0;
  std::vector<Buffer<T>> buffers_;  // two for each thread: the layers use them in turn
  std::optional<Embedding<T>> embedding_;
  const T* embedded_ = nullptr;  // the arrays of embedding_
  Buffer<T> embedded_copy_;      // if there is no state_
  Index raw_ld_ = 0;
  std::vector<Buffer<T>> raw_;          // by thread: columns of X
  std::vector<SparseBatch<T>> sparse_;  // by thread: examples of a sparse X
};

}  // namespace deepcore
