// Plan: how a step of a given network and batch will run, chosen from shapes, and what memory it takes.
// Floor: include/deepcore (standard library only). Results do not depend on it: it may change, the bits may not.
#pragma once

#include <deepcore/optimizer.hpp>
#include <deepcore/spec.hpp>

#include <cstddef>
#include <vector>

namespace deepcore {

struct LayerPlan {      // of layer l = 0..L
  Index stride, strip;  // how the columns of A[l] and dZ[l] lie, see kernels::Columns
  Index size;           // values of A[l], padding included
  bool keeps_z;         // what the derivative reads does not stay in A[l]: it is Z[l], or dropout changes A[l]
  bool masked;          // dropout keeps a mask
  Index transposed;     // values of the packed W[l]', 0 where nobody asks for dA[l-1]
};

struct Plan {
  Index batch;
  Index slab;            // a larger batch passes through in slabs whose gradients add up
  Index block;           // examples that one thread carries through the layers, at most
  bool narrow;           // every layer has few units: examples along the lanes, see kernels/narrow.hpp
  bool by_layer;         // instead, threads share each layer's product: few examples on wide layers
  bool keeps_gradients;  // sums of slabs, or gradients that are asked for
  int threads;
  Index items;   // chunks of parameters that phase 2 hands out
  double flops;  // of a step
  Index packed;  // values of a packed block, padding included
  std::vector<LayerPlan> layers;
  std::size_t parameter_bytes, optimizer_bytes, packed_bytes, workspace_bytes;  // packed: the engine's copies
};

// rule: null if only gradients are wanted. requested: threads, 0 for the default. whole: the batch in one slab, so that
// all its intermediates are there in the end.
template <class T>
Plan make_plan(const Spec& spec, Index batch, const Rule* rule, int requested, bool whole = false);

}  // namespace deepcore
