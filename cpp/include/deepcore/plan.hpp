// Plan: how a step of a given network and batch will run, chosen from shapes, and what memory it takes.
// Floor: include/deepcore (standard library only). Results do not depend on it: it may change, the bits may not.
#pragma once

#include <deepcore/optimizer.hpp>
#include <deepcore/spec.hpp>

#include <cstddef>
#include <vector>

namespace deepcore {

struct LayerPlan {      // of layer l = 0..L
  index stride, strip;  // how the columns of A[l] and dZ[l] lie, see kernels::Columns
  index size;           // values of A[l], padding included
  bool keeps_z;         // the derivative reads Z[l]
  index transposed;     // values of the packed W[l]', 0 where nobody asks for dA[l-1]
};

struct Plan {
  index batch;
  index slab;     // a larger batch passes through in slabs whose gradients add up
  index block;    // examples that one thread carries through the layers
  bool by_layer;  // instead, threads share each layer's product: few examples on wide layers
  int threads;
  index items;   // chunks of parameters that phase 2 hands out
  double flops;  // of a step
  index packed;  // values of a packed block, padding included
  std::vector<LayerPlan> layers;
  std::size_t parameter_bytes, optimizer_bytes, packed_bytes, workspace_bytes;  // packed: the engine's copies
};

// rule: null if only gradients are wanted. requested: threads, 0 for the default.
template <class T>
Plan make_plan(const Spec& spec, index batch, const Rule* rule, int requested);

}  // namespace deepcore
