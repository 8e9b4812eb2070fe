// Update: sums, penalties, clipping, the optimizer's rule and what follows from new parameters.
// Level: steps.
#include "update.hpp"

#include "kernels/penalties.hpp"

#include <algorithm>
#include <cmath>

namespace deepcore {

namespace {

// Parameters and slots beyond this size come closer while the product of their piece runs. With AVX-512 mnist-m and Adam
// gain an eighth; with AVX2 it lost 5%, since they push what the product reads out of the first cache.
constexpr double kFar = 512e3;
constexpr bool kPrefetches = kernels::kLanes<float> > 8;

// By how much a gradient with that sum of squares shrinks: torch's rule.
double clip_factor(double squares, double clip_norm) {
  return clip_norm == 0 ? 1 : std::min(1.0, clip_norm / (std::sqrt(squares) + 1e-6));
}

}  // namespace

template <class T>
Updaters<T>::Updaters(const Spec& spec) : spec_(spec) {
  for (int l = 1; l <= spec.depth(); ++l) {
    for (const Factors& factors : spec.layer(l).factors) {
      if (std::find(factors_.begin(), factors_.end(), factors) == factors_.end()) factors_.push_back(factors);
    }
  }
  for (const Factors& factors : {spec.embeddings().numbers, spec.embeddings().categories, Factors{}}) {
    if (std::find(factors_.begin(), factors_.end(), factors) == factors_.end()) factors_.push_back(factors);
  }
  updaters_.reserve(factors_.size());
}

template <class T>
std::size_t Updaters<T>::index(const Factors& factors) const {
  return static_cast<std::size_t>(std::find(factors_.begin(), factors_.end(), factors) - factors_.begin());
}

template <class T>
void Updaters<T>::prepare(Optimizer<T>& optimizer) {
  const double rate = optimizer.learning_rate(optimizer.steps), decay = optimizer.weight_decay();
  updaters_.clear();
  for (const Factors& factors : factors_) {
    updaters_.emplace_back(
        optimizer.rule.row, optimizer.rule.hyper.data(),
        kernels::StepSize{rate * factors.rate, decay * factors.decay, optimizer.steps + 1, &optimizer.progress});
  }
}

template <class T>
bool Updaters<T>::uniform(int l, const PackedLayer<T>& layer) const {
  const Factors& first = spec_.layer(l).of(Role::W);
  return std::all_of(layer.tail.begin(), layer.tail.end(),
                     [&](const Tensor& tensor) { return spec_.layer(l).of(tensor.role) == first; });
}

template <class T>
Update<T>::Update(const Network<T>& network, State<T>& state, Team& team, bool keeps_gradients)
    : network_(network), spec_(network.spec), state_(state), team_(team), updaters_(network.spec),
      order_(state.layout().pieces()), gradients_(keeps_gradients ? state.layout().size() : 0),
      rest_sums_(keeps_gradients ? 0 : state.layout().rest_size()) {
  // The first share of the pieces is the first share of the panels of every layer, as in a pass by layers: a thread
  // forwards through the weights that it has just updated, while they are in its cache.
  const auto place = [&](const Piece& piece) {
    return static_cast<double>(piece.panel) / static_cast<double>(state.layout().layer(piece.l).rows.count());
  };
  std::stable_sort(order_.begin(), order_.end(), [&](const Piece& a, const Piece& b) { return place(a) < place(b); });
  Index largest = 0;
  for (const Piece& piece : order_) largest = std::max(largest, piece.values());
  for (int thread = 0; thread < team_.size(); ++thread) scratch_.emplace_back(largest);
  for (int l = 1; l <= spec_.depth(); ++l) limited_ = limited_ || spec_.layer(l).max_norm > 0;
  if (spec_.has_penalties()) penalties_.resize(order_.size());
  squares_.resize(keeps_gradients ? order_.size() : 0);
  if (spec_.embeddings().any()) embedding_.emplace(spec_, network.tensors);
}

template <class T>
void Update<T>::loaded() {
  for (const Piece& piece : order_) record_penalty(piece);
}

template <class T>
double Update<T>::penalty() const {
  double total = 0;
  for (const double one : penalties_) total += one;
  return total;
}

template <class T>
void Update<T>::add_up(const Pass<T>& pass, T* sums) {
  for_each([&](const Piece& piece, int) { pass.gradient(piece, accumulated_, sums + piece.offset); });
  if (embedding_) form_embeddings(*embedding_, pass, sums + state_.layout().embedding_offset());
  accumulated_ = true;
}

template <class T>
void Update<T>::form(const Pass<T>* pass, double weight) {
  for_each([&](const Piece& piece, int) {
    T* sums = gradients_.data() + piece.offset;
    if (pass != nullptr) pass->gradient(piece, accumulated_, sums);
    finish(piece, sums, weight);
  });
  if (embedding_ && pass != nullptr) form_embeddings(*embedding_, *pass, embedding_sums());
  state_.factors().finish(state_.layout().pieces(), rest_sums());
}

template <class T>
void Update<T>::set_gradient(const T* flat) {
  state_.layout().pack(flat, gradients_.data());
}

template <class T>
void Update<T>::finish(const Piece& piece, T* sums, double weight) {
  ColumnFactors<T>& factors = state_.factors();
  if (factors.any(piece.l)) factors.backward(piece, state_.parameters(), sums);
  const LayerSpec& layer = spec_.layer(piece.l);
  if (layer.l1 == 0 && layer.l2 == 0) return;
  // The sums are divided by the batch's weight afterwards, and the penalty of the cost is not a mean.
  const T* W = state_.parameters() + piece.offset;
  kernels::add_penalty(piece.weights(), W, layer.l1, layer.l2, network_.scikit_learn_sums ? 1 : weight, sums);
}

template <class T>
double Update<T>::clip(const Rule& rule, double weight) {
  const T scale = static_cast<T>(1 / weight);
  for_each([&](const Piece& piece, int) {
    T* g = gradients_.data() + piece.offset;
    kernels::clip(piece.values(), rule.clip_value, scale, g);
    squares_[piece.number] = kernels::sum_of_squares(piece.valid, piece.columns, piece.width, static_cast<const T*>(g));
  });
  double squares = 0;
  for (const double one : squares_) squares += one;
  const Index rest = state_.layout().rest_size();
  kernels::clip(rest, rule.clip_value, scale, rest_sums());
  for (Index i = 0; i < rest; ++i) squares += static_cast<double>(rest_sums()[i]) * static_cast<double>(rest_sums()[i]);
  return clip_factor(squares, rule.clip_norm);
}

template <class T>
kernels::Slots<T> Update<T>::slots_at(Optimizer<T>& optimizer, Index offset) const {
  kernels::Slots<T> slots;
  for (Buffer<T>& slot : optimizer.slots) slots.add(slot.data() + offset);
  return slots;
}

template <class T>
void Update<T>::apply(Optimizer<T>& optimizer, const Pass<T>* pass, double weight) {
  const bool clips = optimizer.rule.clips();
  if (clips && pass != nullptr) {  // the norm needs every gradient first
    form(pass, weight);
    pass = nullptr;
  }
  const T factor = static_cast<T>(clips ? clip(optimizer.rule, weight) : 1 / weight);
  updaters_.prepare(optimizer);
  const auto values = state_.layout().size() * static_cast<Index>(1 + optimizer.slots.size());
  const bool far = kPrefetches && static_cast<double>(values) * sizeof(T) > kFar;
  for_each([&](const Piece& piece, int thread) {
    T* raw = pass != nullptr && !accumulated_ ? scratch_[static_cast<std::size_t>(thread)].data()
                                              : gradients_.data() + piece.offset;
    if (far) {
      kernels::prefetch(state_.parameters() + piece.offset, piece.values());
      for (const Buffer<T>& slot : optimizer.slots) kernels::prefetch(slot.data() + piece.offset, piece.values());
    }
    if (pass != nullptr) {
      pass->gradient(piece, accumulated_, raw);
      finish(piece, raw, weight);
    }
    update(piece, optimizer, raw, factor);
    if (!state_.factors().trained(piece.l)) changed(piece);
  });
  if (pass != nullptr) state_.factors().finish(state_.layout().pieces(), rest_sums());
  update_input_tensors(optimizer, factor);
  if (embedding_) update_embeddings(*embedding_, optimizer, pass, factor);
  if (limited_) constrain();
}

template <class T>
void Update<T>::update(const Piece& piece, Optimizer<T>& optimizer, T* raw, T factor) {
  T* parameters = state_.parameters() + piece.offset;
  const PackedLayer<T>& layer = state_.layout().layer(piece.l);
  if (!piece.last || updaters_.uniform(piece.l, layer))
    return updaters_.of(piece.l, Role::W)(piece.values(), parameters, raw, factor, slots_at(optimizer, piece.offset));
  Index done = piece.weights();
  updaters_.of(piece.l, Role::W)(done, parameters, raw, factor, slots_at(optimizer, piece.offset));
  for (const Tensor& tensor : layer.tail) {
    updaters_.of(piece.l, tensor.role)(piece.width, parameters + done, raw + done, factor,
                                       slots_at(optimizer, piece.offset + done));
    done += piece.width;
  }
}

// A vector for all panels of a layer is updated when all pieces have given their part, and then what the product reads has
// to be formed anew.
template <class T>
void Update<T>::update_input_tensors(Optimizer<T>& optimizer, T factor) {
  const PackedLayout<T>& layout = state_.layout();
  if (layout.input_tensors().empty()) return;
  for (const auto& [tensor, offset] : layout.input_tensors()) {
    updaters_.of(tensor.layer, tensor.role)(tensor.rows, state_.parameters() + offset,
                                            rest_sums() + (offset - layout.rest_offset()), factor,
                                            slots_at(optimizer, offset));
  }
  for_each([&](const Piece& piece, int) {
    if (state_.factors().trained(piece.l)) changed(piece);
  });
}

template <class T>
void Update<T>::form_embeddings(const Embedding<T>& embedding, const Pass<T>& pass, T* sums) {
  team_.for_each(static_cast<Index>(embedding.items().size()),
                 [&](Index i, int) { pass.embedding_gradient(i, accumulated_, sums); });
}

// The optimizer steps every value of a table, also those of codes that do not occur in the batch.
template <class T>
void Update<T>::update_embeddings(const Embedding<T>& embedding, Optimizer<T>& optimizer, const Pass<T>* pass,
                                  T factor) {
  const Index offset = state_.layout().embedding_offset();
  T* sums = embedding_sums();
  team_.for_each(static_cast<Index>(embedding.items().size()), [&](Index i, int) {
    if (pass != nullptr) pass->embedding_gradient(i, accumulated_, sums);
    const EmbeddingItem& item = embedding.items()[static_cast<std::size_t>(i)];
    for (const EmbeddingRange& range : item.ranges) {
      if (range.count == 0) continue;
      updaters_.of(item.factors)(range.count, state_.parameters() + offset + range.start, sums + range.start, factor,
                                 slots_at(optimizer, offset + range.start));
    }
  });
}

// The weights of a unit lie in all pieces of its panel: they are there only when every piece is done.
template <class T>
void Update<T>::constrain() {
  for_each([&](const Piece& first, int) {
    const double most = spec_.layer(first.l).max_norm;
    if (most == 0 || first.i0 != 0) return;
    kernels::constrain(first.valid, spec_.units(first.l - 1), first.width, most, state_.parameters() + first.offset);
    const std::vector<Piece>& all = state_.layout().pieces();
    for (std::size_t k = first.number; k < all.size() && all[k].l == first.l && all[k].panel == first.panel; ++k)
      changed(all[k]);
  });
}

template <class T>
void Update<T>::changed(const Piece& piece) {
  state_.derive(piece);
  record_penalty(piece);
}

template <class T>
void Update<T>::record_penalty(const Piece& piece) {
  if (!penalties_.empty()) penalties_[piece.number] = state_.penalty(piece);
}

template class Updaters<float>;
template class Updaters<double>;
template class Update<float>;
template class Update<double>;

}  // namespace deepcore
