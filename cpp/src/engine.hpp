// Engine: a network at work on batches: its packed parameters and the workspace of a step, allocated once.
// Floor: model. A step has two phases: examples (forward, loss, back through all dA) and parameters (dW, then the update).
#pragma once

#include <deepcore/network.hpp>
#include <deepcore/optimizer.hpp>
#include <deepcore/plan.hpp>

#include "packed.hpp"
#include "runner.hpp"
#include "team.hpp"

namespace deepcore {

template <class T>
class Engine final : public Runner<T> {
 public:
  Engine(const Network<T>& network, const Examples<T>& examples, const Plan& plan, Team& team);

  void load();  // packs the network's parameters: a cache, since they are writable
  void begin(Optimizer<T>& optimizer) override;
  void show(Network<T>& network) override;
  void end(Network<T>& network, Optimizer<T>& optimizer) override;
  double run(const std::int64_t* order, Index first, Index m, const std::function<void()>& poll) override;  // phase 1
  void update(const Optimizer<T>& optimizer, double rate, Index t) override;                                // phase 2
  void set_training(const TrainingStep* step) override;
  void gradient(T* block);  // phase 2, into a Block

  // What a finished run leaves behind (columns: examples of the batch).
  kernels::Columns<T> A(int l) const { return columns(a_, l); }
  kernels::Columns<T> dZ(int l) const { return columns(dz_, l); }
  kernels::Columns<T> mask(int l) const { return columns(masks_, l); }  // empty where nothing is dropped
  const PackedLayout<T>& layout() const { return packed_; }
  const T* parameters() const { return parameters_.data(); }
  kernels::Left<T> transposed(int l) const { return {transposed_[at(l)].data(), spec_.units(l), 0, false, nullptr}; }

  struct Statistics {  // of a layer with batch norm, by unit
    T *mean, *variance, *inverse;
  };
  Statistics statistics(int l) const;

 private:
  static constexpr Index kChunk = kernels::kDepth;  // columns of a panel that are one item: a strip of A_prev
  static constexpr Index kHead = 64;                // examples that the head takes at once

  struct Item {  // columns [i0, i1) of panel p of layer l; the last one of a panel ends with the biases
    int l;
    Index p, i0, i1;
    bool last;
    std::size_t number;  // in the order in which sums over pieces are formed
  };
  struct Room {  // of one thread
    Buffer<T> Z, Y, dZ, scratch, chunk;
  };

  static std::size_t at(int l) { return static_cast<std::size_t>(l); }
  kernels::Columns<T> columns(const std::vector<Buffer<T>>& buffers, int l) const {
    return {buffers[at(l)].data(), plan_.layers[at(l)].stride, plan_.layers[at(l)].strip};
  }
  void examples_phase(const std::int64_t* order, Index first, Index m);
  void gather_inputs(const std::int64_t* order, Index first, Index j0, Index m);
  void by_layer(const std::int64_t* order, Index first, Index m);
  void forward(int l, Index p0, Index p1, Index j0, Index m);   // panels [p0, p1) of A[l], examples j0 ..
  void backward(int l, Index p0, Index p1, Index j0, Index m);  // of dZ[l], from dZ[l + 1]
  void head(const std::int64_t* order, Index first, Index j0, Index m, Room& room);
  void activate(int l, Index i0, Index i1, Index j0, Index m);
  void drop(int l, Index i0, Index i1, Index j0, Index m);  // A[l] *= a fresh mask
  void pull_back(int l, Index i0, Index i1, Index j0, Index m);
  Index rows_end(int l, Index p1) const;
  bool columnwise(int l) const;
  bool by_unit(int l) const;
  void allocate_norms();
  void load_running();
  void store_running(T* to) const;
  void move_running();
  void weigh(const std::int64_t* order, Index first, Index m);
  void normalise(int l, Index i0, Index i1, Index j0, Index m);
  void normalise_back(int l, Index i0, Index i1, Index j0, Index m);
  void norm_gradient(const Item& item, bool add, T* out) const;
  template <class F>
  void norm_panels(int l, Index i0, Index i1, F f) const;
  const ActivationInfo& activation(int l) const;
  void transpose(const Item& item, const T* columns);
  void raw_gradient(const Item& item, bool add, T* out) const;
  Index values(const Item& item) const;            // how many the item holds, biases included
  void penalize(const Item& item, T* sums) const;  // adds the derivative of the penalty to raw sums
  void measure(const Item& item);                  // the item's penalty
  void refresh(const Item& item);                  // what hangs on its parameters: the transposed copy, the penalty
  void constrain();                                // max_norm
  T clip(const Rule& rule);                        // finished gradients into gradients_; returns what scales them
  double penalty() const;
  Index offset(const Item& item) const;  // of the item in a packed block

  const Network<T>& network_;
  const Spec& spec_;
  const Examples<T>& examples_;
  Plan plan_;
  Team& team_;
  PackedLayout<T> packed_;
  Buffer<T> parameters_, gradients_;
  std::vector<Buffer<T>> slots_;
  std::vector<Buffer<T>> a_, dz_, z_, masks_, transposed_;  // by layer, 0..L
  std::vector<Buffer<T>> xhat_, dn_, statistics_;           // by layer, of norms
  Buffer<T> running_, slab_weights_;                        // of batch norms
  double slab_scale_ = 1;                                   // 1 over the sum of slab_weights_
  std::vector<Room> rooms_;
  std::vector<Item> items_;
  std::vector<double> losses_, penalties_, squares_;  // by example; by item's number, empty where nobody asks
  Index m_ = 0, slab_first_ = 0;                      // examples of the slab, and its place in the batch
  TrainingStep step_{};
  bool training_ = false;
  bool resident_ = false;     // A[0] holds the whole, unshuffled batch already
  bool accumulated_ = false;  // gradients_ holds the sums of earlier slabs
};

}  // namespace deepcore
