// Update: the second phase of a step: from sums over the examples to new parameters, piece by piece: penalties, clipping,
// the optimizer's rule, limits on the weights. This is where W is updated.
// Level: steps.
#pragma once

#include <deepcore/optimizer.hpp>

#include "kernels/update.hpp"
#include "pass.hpp"
#include "stages/embedding.hpp"
#include "state.hpp"
#include "team.hpp"

#include <optional>
#include <vector>

namespace deepcore {

// The rule of an optimizer at one step, for each pair of factors on rate and decay that the tensors of a network have.
template <class T>
class Updaters {
 public:
  explicit Updaters(const Spec& spec);
  void prepare(Optimizer<T>& optimizer);  // for its next step
  const kernels::Updater<T>& of(int l, Role role) const { return updaters_[index(spec_.layer(l).of(role))]; }
  const kernels::Updater<T>& of(const Factors& factors) const { return updaters_[index(factors)]; }
  bool uniform(int l, const PackedLayer<T>& layer) const;  // W and its tail have the same factors

 private:
  std::size_t index(const Factors& factors) const;
  Spec spec_;
  std::vector<Factors> factors_;
  std::vector<kernels::Updater<T>> updaters_;  // in the order of factors_
};

template <class T>
class Update {
 public:
  // keeps_gradients: with a buffer for the sums of all pieces.
  Update(const Network<T>& network, State<T>& state, Team& team, bool keeps_gradients);

  void loaded();           // the state was loaded: measure its penalties
  double penalty() const;  // of the parameters

  void add_up(const Pass<T>& pass, T* sums);  // the sums of a slab, added to those of earlier slabs that are there
  void restart() { accumulated_ = false; }
  // The sums of the batch for all parameters, penalties included, to be divided by its weight. pass: adds those of the last
  // slab; null: they are there already.
  void form(const Pass<T>* pass, double weight);
  T* sums() { return gradients_.data(); }
  // One step of the optimizer. pass: forms the sums of each piece just before it is updated; null: form() has done so.
  void apply(Optimizer<T>& optimizer, const Pass<T>* pass, double weight);
  void set_gradient(const T* flat);  // instead of form(): a finished gradient in the public layout

 private:
  void finish(const Piece& piece, T* sums, double weight);  // from the sums of the product's matrix to those of W
  double clip(const Rule& rule, double weight);  // gradients in place of the sums; returns what they shrink by
  void update(const Piece& piece, Optimizer<T>& optimizer, T* raw, T factor);
  void update_input_tensors(Optimizer<T>& optimizer, T factor);
  void constrain();
  void form_embeddings(const Embedding<T>& embedding, const Pass<T>& pass, T* sums);  // over the examples of the slab
  void update_embeddings(const Embedding<T>& embedding, Optimizer<T>& optimizer, const Pass<T>* pass, T factor);
  void changed(const Piece& piece);  // what depends on the piece's parameters
  void record_penalty(const Piece& piece);
  template <class F>
  void for_each(F f) {
    team_.for_each(static_cast<Index>(order_.size()),
                   [&](Index i, int thread) { f(order_[static_cast<std::size_t>(i)], thread); });
  }
  T* rest_sums() { return gradients_.empty() ? rest_sums_.data() : gradients_.data() + state_.layout().rest_offset(); }
  T* embedding_sums() { return rest_sums() + (state_.layout().embedding_offset() - state_.layout().rest_offset()); }
  kernels::Slots<T> slots_at(Optimizer<T>& optimizer, Index offset) const;

  const Network<T>& network_;
  const Spec& spec_;
  State<T>& state_;
  Team& team_;
  Updaters<T> updaters_;
  std::vector<Piece> order_;        // in which threads take them
  Buffer<T> gradients_;             // packed
  std::vector<Buffer<T>> scratch_;  // of each thread: one piece
  Buffer<T> rest_sums_;             // of what belongs to no piece; used if gradients_ is empty
  std::optional<Embedding<T>> embedding_;
  std::vector<double> penalties_, squares_;  // by the number of the piece; empty where nobody asks
  bool accumulated_ = false, limited_ = false;
};

}  // namespace deepcore
