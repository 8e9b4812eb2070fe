// Stage: what happens to the units of a layer behind its product: norm, activation, dropout. It works in place.
// Level: stages.
#pragma once

#include <deepcore/network.hpp>

#include "kernels/panels.hpp"
#include "selection.hpp"
#include "state.hpp"

#include <memory>
#include <vector>

namespace deepcore {

// What a stage must see at once: any values; all units of an example; all examples of a batch.
enum class Needs { values, units, examples };

// Units [i0, i1), padding included where the stages do not care, of m examples from j0 on.
struct Part {
  Index i0, i1, j0, m;
};

// The slab that stages work on. `training` is null where the network predicts.
template <class T>
struct Slab {
  const Examples<T>* examples = nullptr;
  Selection which{nullptr, 0, 0};  // of the examples
  Index place = 0;                 // of its first example within the batch
  const TrainingStep* training = nullptr;
};

// What a stage may allocate for its way back: matrices of `size` values for a slab of `examples`. 0: it only goes forward.
struct Workspace {
  Index size = 0, examples = 0;
};

template <class T>
class Stage {
 public:
  Stage() = default;
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  virtual ~Stage() = default;

  virtual Needs needs() const { return Needs::values; }
  virtual void load(const Network<T>&) {}     // what it keeps of the network, before a run or a prediction
  virtual void load(const State<T>&) {}       // what it keeps of the parameters, after each step
  virtual void publish(Network<T>&) const {}  // what it has changed besides the parameters
  virtual void begin(const Slab<T>&) {}       // of each slab, on one thread
  virtual void step(double /*weight*/) {}     // the parameters of this batch are updated; the sum of its weights
  // A: the layer's units, kept in A[l] -> the stage's outputs. d: dL/d(outputs) -> dL/d(inputs), A[l] being there.
  virtual void forward(const Slab<T>&, const Part&, kernels::Columns<T> A) = 0;
  virtual void backward(const Slab<T>&, const Part&, kernels::Columns<T> A, kernels::Columns<T> d) = 0;
  // Sums over m examples for the tail columns that belong to the stage, `width` rows each; add: to what is there.
  virtual Index columns() const { return 0; }
  virtual void gradient(const Piece&, Index /*m*/, bool /*add*/, T* /*out*/) const {}
};

template <class T>
using Stages = std::vector<std::unique_ptr<Stage<T>>>;

// The stages of layer l = 0..L-1 in order: norm, activation, dropout. Those of layer 0, the inputs: dropout.
template <class T>
Stages<T> make_stages(const Network<T>& network, int l, const kernels::Columns<T>& shape, Workspace workspace);

// Matrices of the layer's size that its stages keep for the way back, besides the mask of a dropout.
int kept_matrices(const Spec& spec, int l);

}  // namespace deepcore
