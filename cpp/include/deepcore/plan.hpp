// Plan: how a step of a given network and batch will run, chosen from shapes alone, and what memory it takes.
// Public header, standard library only. Results do not depend on a plan: it may change, the bits may not.
#pragma once

#include <deepcore/optimizer.hpp>
#include <deepcore/spec.hpp>

#include <cstddef>
#include <vector>

namespace deepcore {

// How the pass over the examples is shared among threads.
enum class Way {
  blocks,  // each thread carries a block of examples through all layers
  layers,  // threads share the product of each layer: few examples and wide layers, or batch norm
  lanes    // one thread, examples along the lanes of a vector: every layer has few units, see kernels/narrow.hpp
};

struct LayerPlan {      // of layer l = 0..L
  Index stride, strip;  // how the columns of A[l] and dZ[l] lie, see kernels::Columns
  Index size;           // values of A[l], padding included
};

struct Plan {
  Index batch;
  Index slab;   // a larger batch passes through in slabs whose gradients add up
  Index block;  // examples that one thread carries through the layers, at most
  Way way;
  bool keeps_gradients;  // sums of slabs, or gradients that are asked for
  int threads;
  Index items;   // pieces of the parameters that the second phase hands out
  double flops;  // of a step
  std::vector<LayerPlan> layers;
  std::size_t parameter_bytes, optimizer_bytes, packed_bytes,
      workspace_bytes;  // packed: the run's copies of parameters
};

// rule: null if only gradients are wanted. requested: threads, 0 for the default. whole: the batch in one slab, so that
// all its intermediates are there in the end.
template <class T>
Plan make_plan(const Spec& spec, Index batch, const Rule* rule, int requested, bool whole = false);

}  // namespace deepcore
