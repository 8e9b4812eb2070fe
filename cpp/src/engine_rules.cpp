// Engine: what may be added to a step: penalties, clipping, max_norm, dropout. Runs without them do not pass here.
// Floor: model.
#include "engine.hpp"

#include "kernels/dropout.hpp"
#include "penalties.hpp"

namespace deepcore {

template <class T>
Index Engine<T>::values(const Item& item) const {
  return (item.i1 - item.i0 + (item.last ? packed_.layer(item.l).tail : 0)) * packed_.layer(item.l).rows.width(item.p);
}

template <class T>
void Engine<T>::penalize(const Item& item, T* sums) const {
  const LayerSpec& layer = spec_.layer(item.l);
  if (layer.l1 == 0 && layer.l2 == 0) return;
  // The sums are divided by the batch's weight afterwards, and the cost's penalty is not a mean.
  const double weight = network_.scikit_learn_sums ? 1 : this->weight_;
  const Index weights = (item.i1 - item.i0) * packed_.layer(item.l).rows.width(item.p);
  kernels::add_penalty(weights, parameters_.data() + offset(item), layer.l1, layer.l2, weight, sums);
}

template <class T>
void Engine<T>::measure(const Item& item) {
  if (penalties_.empty()) return;
  const LayerSpec& layer = spec_.layer(item.l);
  const PackedLayer<T>& packed = packed_.layer(item.l);
  const Index width = packed.rows.width(item.p);
  penalties_[item.number] = kernels::penalty(packed.rows.valid(item.p), item.i1 - item.i0, width,
                                             parameters_.data() + offset(item), layer.l1, layer.l2);
}

template <class T>
double Engine<T>::penalty() const {
  double total = 0;
  for (const double one : penalties_) total += one;
  return total;
}

template <class T>
T Engine<T>::clip(const Rule& rule) {
  const T scale = static_cast<T>(1 / this->weight_);
  team_.for_each(static_cast<Index>(items_.size()), [&](Index i, int) {
    const Item& item = items_[static_cast<std::size_t>(i)];
    T* g = gradients_.data() + offset(item);
    raw_gradient(item, accumulated_, g);
    penalize(item, g);
    kernels::clip(values(item), rule.clip_value, scale, g);
    const kernels::Panels<T>& rows = packed_.layer(item.l).rows;
    const Index width = rows.width(item.p);
    squares_[item.number] = kernels::sum_of_squares(rows.valid(item.p), values(item) / width, width, g);
  });
  double squares = 0;
  for (const double one : squares_) squares += one;
  return static_cast<T>(clip_factor(squares, rule.clip_norm));
}

// A unit's weights lie in all chunks of its panel: they are there only when every item is done.
template <class T>
void Engine<T>::constrain() {
  bool any = false;
  for (int l = 1; l <= spec_.depth(); ++l) any = any || spec_.layer(l).max_norm > 0;
  if (!any) return;
  team_.for_each(static_cast<Index>(items_.size()), [&](Index i, int) {
    Item item = items_[static_cast<std::size_t>(i)];
    const double most = spec_.layer(item.l).max_norm;
    if (most == 0 || item.i0 != 0) return;
    const PackedLayer<T>& packed = packed_.layer(item.l);
    const Index width = packed.rows.width(item.p);
    kernels::constrain(packed.rows.valid(item.p), packed.n_in, width, most, parameters_.data() + offset(item));
    for (; item.i0 < packed.n_in; item.i0 += kChunk, ++item.number) {
      item.i1 = std::min(item.i0 + kChunk, packed.n_in);
      refresh(item);
    }
  });
}

template <class T>
void Engine<T>::set_training(const TrainingStep* step) {
  training_ = step != nullptr;
  if (training_) step_ = *step;
}

template <class T>
void Engine<T>::drop(int l, Index i0, Index i1, Index j0, Index m) {
  if (!training_ || !plan_.layers[at(l)].masked) return;
  const kernels::Columns<T> a = A(l).starting(j0), to = mask(l).starting(j0);
  const std::uint64_t stream = kernels::mask_stream(step_.number, l);
  kernels::together(a, i0, i1, [&](Index i, Index rows) {
    for (Index j = 0; j < m; ++j) {
      kernels::dropout_mask(step_.seed, stream, slab_first_ + j0 + j, spec_.units(l), i, rows, spec_.dropout(l),
                            to.from(i) + j * to.ld);
    }
    kernels::multiply_by(rows, m, a.ld, to.from(i), a.from(i));
  });
}

#define DEEPCORE_INSTANTIATE(T)                               \
  template Index Engine<T>::values(const Item&) const;        \
  template void Engine<T>::penalize(const Item&, T*) const;   \
  template void Engine<T>::measure(const Item&);              \
  template double Engine<T>::penalty() const;                 \
  template T Engine<T>::clip(const Rule&);                    \
  template void Engine<T>::constrain();                       \
  template void Engine<T>::set_training(const TrainingStep*); \
  template void Engine<T>::drop(int, Index, Index, Index, Index);
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE

}  // namespace deepcore
