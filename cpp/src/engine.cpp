// Engine: the two phases of a step.
// Floor: model.
#include "engine.hpp"

#include <deepcore/catalog.hpp>

#include "kernels/dropout.hpp"
#include "kernels/head.hpp"
#include "kernels/narrow.hpp"
#include "kernels/update.hpp"
#include "penalties.hpp"

#include <algorithm>
#include <array>

namespace deepcore {

template <class T>
Engine<T>::Engine(const Network<T>& network, const Examples<T>& examples, const Plan& plan, Team& team)
    : network_(network), spec_(network.spec), examples_(examples), plan_(plan), team_(team), packed_(network.spec),
      parameters_(packed_.size), gradients_(plan.keeps_gradients ? packed_.size : 0),
      losses_(static_cast<std::size_t>(plan.slab)) {
  for (int l = 0; l <= spec_.depth(); ++l) {
    const LayerPlan& layer = plan_.layers[at(l)];
    a_.emplace_back(layer.size);
    dz_.emplace_back(l > 0 ? layer.size : 0);
    z_.emplace_back(layer.keeps_z ? layer.size : 0);
    masks_.emplace_back(layer.masked ? layer.size : 0);
    transposed_.emplace_back(layer.transposed);
  }
  for_each_piece<T>(spec_, [&](int l, Index p, Index i0, Index i1) {
    items_.push_back({l, p, i0, i1, i1 == packed_.layer(l).n_in, items_.size()});
  });
  if (spec_.has_penalties()) penalties_.resize(items_.size());
  // The first share of the items is the first share of every layer's panels, as in by_layer: a thread forwards through
  // the weights that it updated, while they are in its cache.
  const auto place = [&](const Item& item) {
    return static_cast<double>(item.p) / static_cast<double>(packed_.layer(item.l).rows.count());
  };
  std::stable_sort(items_.begin(), items_.end(), [&](const Item& a, const Item& b) { return place(a) < place(b); });
  const Index outputs = spec_.outputs() * std::max(kHead, plan_.block);
  for (int thread = 0; thread < team_.size(); ++thread) {
    rooms_.push_back({Buffer<T>(outputs), Buffer<T>(outputs), Buffer<T>(outputs), Buffer<T>(outputs),
                      Buffer<T>(kernels::Panels<T>::kWidth * (kChunk + 3))});
  }
  allocate_norms();
}

template <class T>
void Engine<T>::load() {
  packed_.pack(network_.layout, network_.parameters.data(), parameters_.data());
  for (const Item& item : items_) refresh(item);
  load_running();
}

// The slots are packed for the whole run and stand nowhere else: they are most of what a run holds. They move one by one,
// and before the rest is written: the slot that is there twice for a moment takes no more room than the rest will.
template <class T>
void Engine<T>::begin(Optimizer<T>& optimizer) {
  if (optimizer.rule.clips()) squares_.resize(items_.size());
  for (std::size_t k = 0; k < optimizer.slots.size(); ++k) slots_.emplace_back(packed_.size);  // all, or nothing moves
  for (std::size_t k = 0; k < optimizer.slots.size(); ++k) {
    packed_.pack(network_.layout, optimizer.slots[k].data(), slots_[k].data());
    optimizer.slots[k] = Buffer<T>();
  }
  optimizer.lent = [this](std::size_t k, T* block) { packed_.unpack(network_.layout, slots_[k].data(), T(1), block); };
  load();
}

template <class T>
void Engine<T>::show(Network<T>& network) {
  packed_.unpack(network.layout, parameters_.data(), T(1), network.parameters.data());
  store_running(network.running.data());
}

template <class T>
void Engine<T>::end(Network<T>& network, Optimizer<T>& optimizer) {
  show(network);
  parameters_ = Buffer<T>();  // room for the slot that is there twice for a moment, as in begin
  gradients_ = Buffer<T>();
  for (std::size_t k = 0; k < slots_.size(); ++k) {
    optimizer.slots[k] = Buffer<T>(network_.layout.size());
    optimizer.lent(k, optimizer.slots[k].data());
    slots_[k] = Buffer<T>();
  }
  optimizer.lent = nullptr;
}

template <class T>
double Engine<T>::run(const std::int64_t* order, Index first, Index m, const std::function<void()>& poll) {
  BatchSums total;
  accumulated_ = false;
  for (Index done = 0; done < m; done += plan_.slab) {
    m_ = std::min(plan_.slab, m - done);
    slab_first_ = done;
    const bool whole = order == nullptr && m == examples_.count() && m_ == m && spec_.dropout(0) == 0;
    examples_phase(order, first + done, m_);
    resident_ = whole;
    const BatchSums slab = batch_sums(examples_, order, first + done, m_, losses_.data());
    total.loss += slab.loss;
    total.weight += slab.weight;
    poll();
    if (done + m_ == m) break;  // the last slab is left to update() or gradient()
    team_.for_each(static_cast<Index>(items_.size()), [&](Index i, int) {
      const Item& item = items_[static_cast<std::size_t>(i)];
      raw_gradient(item, accumulated_, gradients_.data() + offset(item));
    });
    accumulated_ = true;
  }
  this->weight_ = total.weight;
  return data_cost(network_, total.loss) + penalty() * (network_.scikit_learn_sums ? 1 : total.weight);
}

template <class T>
void Engine<T>::examples_phase(const std::int64_t* order, Index first, Index m) {
  weigh(order, first, m);
  if (plan_.by_layer) return by_layer(order, first, m);
  const int L = spec_.depth();
  in_parts(team_, m, plan_.block, [&](Index j0, Index count, int thread) {
    if (!resident_) gather_inputs(order, first, j0, count);
    for (int l = 1; l <= L; ++l) forward(l, 0, packed_.layer(l).rows.count(), j0, count);
    head(order, first, j0, count, rooms_[static_cast<std::size_t>(thread)]);
    for (int l = L - 1; l >= 1; --l) backward(l, 0, packed_.layer(l).rows.count(), j0, count);
  });
}

// X -> A[0]. An example of weight 0 becomes zeros: whatever it holds, even NaN, must not reach the sums.
template <class T>
void Engine<T>::gather_inputs(const std::int64_t* order, Index first, Index j0, Index m) {
  const kernels::Columns<T> to = A(0).starting(j0);
  gather(examples_.X, order, first + j0, m, to);
  for (Index j = 0; j < m && examples_.weights != nullptr; ++j) {
    if (examples_.weights[order == nullptr ? first + j0 + j : order[first + j0 + j]] != T(0)) continue;
    kernels::together(to, 0, spec_.units(0),
                      [&](Index i, Index rows) { std::fill_n(to.from(i) + j * to.ld, rows, T(0)); });
  }
  drop(0, 0, spec_.units(0), j0, m);
}

// The same layer by layer: every weight is read by one thread only, for all examples.
template <class T>
void Engine<T>::by_layer(const std::int64_t* order, Index first, Index m) {
  constexpr Index kWide = 128;  // examples of one item: their strip of A_prev, 96 KB, stays in the second cache
  const auto share = [&](Index panels, auto work) {
    const Index blocks = (m + kWide - 1) / kWide;
    team_.for_each(panels * blocks, [&](Index i, int) {
      const Index p = i / blocks, j0 = i % blocks * kWide;
      work(p, p + 1, j0, std::min(kWide, m - j0));
    });
  };
  const auto by_examples = [&](auto work) {
    const Index size = std::min(kHead, (m + 2 * team_.size() - 1) / (2 * team_.size()));
    team_.for_each((m + size - 1) / size,
                   [&](Index i, int thread) { work(i * size, std::min(size, m - i * size), thread); });
  };
  const auto by_panel = [&](int l, auto work) {
    const kernels::Panels<T>& rows = packed_.layer(l).rows;
    team_.for_each(rows.count(), [&](Index p, int) { work(rows.start(p), rows_end(l, p + 1)); });
  };
  // A layer of one panel has its columns whole: the product's item has done the rest.
  const auto in_columns = [&](int l) { return columnwise(l) && packed_.layer(l).rows.count() > 1; };
  const int L = spec_.depth();
  if (!resident_) {
    by_examples([&](Index j0, Index n, int) { gather_inputs(order, first, j0, n); });
  }
  for (int l = 1; l <= L; ++l) {
    share(packed_.layer(l).rows.count(), [&](Index p0, Index p1, Index j0, Index n) { forward(l, p0, p1, j0, n); });
    if (l == L) break;
    if (by_unit(l)) {
      by_panel(l, [&](Index i0, Index i1) { activate(l, i0, i1, 0, m); });
    } else if (in_columns(l)) {
      by_examples([&](Index j0, Index n, int) { activate(l, 0, spec_.units(l), j0, n); });
    }
  }
  by_examples(
      [&](Index j0, Index n, int thread) { head(order, first, j0, n, rooms_[static_cast<std::size_t>(thread)]); });
  for (int l = L - 1; l >= 1; --l) {
    share(packed_.layer(l).rows.count(), [&](Index p0, Index p1, Index j0, Index n) { backward(l, p0, p1, j0, n); });
    if (by_unit(l)) {
      by_panel(l, [&](Index i0, Index i1) { pull_back(l, i0, i1, 0, m); });
    } else if (in_columns(l)) {
      by_examples([&](Index j0, Index n, int) { pull_back(l, 0, spec_.units(l), j0, n); });
    }
  }
}

template <class T>
void Engine<T>::forward(int l, Index p0, Index p1, Index j0, Index m) {
  const PackedLayer<T>& layer = packed_.layer(l);
  const kernels::Columns<T> below = A(l - 1).starting(j0);
  kernels::multiply<true>(layer.rows, p0, p1, layer.n_in, layer.left(parameters_.data()), below.data, below.ld,
                          below.strip, m, A(l).starting(j0));
  if (l == spec_.depth()) return;  // the head goes on from Z[L]
  const bool all = p0 == 0 && p1 == layer.rows.count();
  if (!by_unit(l) && (all || !columnwise(l))) activate(l, layer.rows.start(p0), rows_end(l, p1), j0, m);
}

template <class T>
void Engine<T>::backward(int l, Index p0, Index p1, Index j0, Index m) {
  const kernels::Panels<T> rows{spec_.units(l)};
  const kernels::Columns<T> above = dZ(l + 1).starting(j0);
  kernels::multiply<true>(rows, p0, p1, spec_.units(l + 1), transposed(l + 1), above.data, above.ld, above.strip, m,
                          dZ(l).starting(j0));
  const bool all = p0 == 0 && p1 == rows.count();
  if (!by_unit(l) && (all || !columnwise(l))) pull_back(l, rows.start(p0), rows_end(l, p1), j0, m);
}

// One past the last row that panels up to p1 hold, padding included: padding is zero and may be worked on.
template <class T>
Index Engine<T>::rows_end(int l, Index p1) const {
  const kernels::Panels<T>& rows = packed_.layer(l).rows;
  const Index n = spec_.units(l);
  return p1 < rows.count() ? rows.start(p1) : columnwise(l) ? n : kernels::round_up<T>(n);
}

// A[l] = g(Z[l]), or g of the normalised Z[l], for rows [i0, i1) of the examples j0 .., keeping Z[l] where its derivative reads it.
template <class T>
void Engine<T>::activate(int l, Index i0, Index i1, Index j0, Index m) {
  const LayerSpec& spec = spec_.layer(l);
  const kernels::Columns<T> a = A(l).starting(j0), z = columns(z_, l).starting(j0);
  normalise(l, i0, i1, j0, m);
  const bool keeps_z = plan_.layers[at(l)].keeps_z, reads_z = activation(l).reads == Reads::input;
  kernels::together(a, i0, i1, [&](Index i, Index rows) {
    const auto keep = [&] {
      for (Index j = 0; j < m; ++j) std::copy_n(a.from(i) + j * a.ld, rows, z.from(i) + j * a.ld);
    };
    if (keeps_z && reads_z) keep();
    kernels::activate(spec.activation, spec.parameter, rows, m, a.ld, a.from(i), a.from(i));
    if (keeps_z && !reads_z) keep();  // before dropout changes it
  });
  drop(l, i0, i1, j0, m);
}

// dZ[l] = dA[l] * mask[l] * g'(Z[l]), in place.
template <class T>
void Engine<T>::pull_back(int l, Index i0, Index i1, Index j0, Index m) {
  const LayerSpec& spec = spec_.layer(l);
  const kernels::Columns<T> d = dZ(l).starting(j0),
                            x = (plan_.layers[at(l)].keeps_z ? columns(z_, l) : A(l)).starting(j0);
  const bool masked = training_ && plan_.layers[at(l)].masked;
  kernels::together(d, i0, i1, [&](Index i, Index rows) {
    if (masked) kernels::multiply_by(rows, m, d.ld, mask(l).starting(j0).from(i), d.from(i));
    kernels::pull_back(spec.activation, spec.parameter, rows, m, d.ld, x.from(i), d.from(i));
  });
  normalise_back(l, i0, i1, j0, m);
}

// From Z[L] to A[L], dZ[L] and the losses. The head works on columns without gaps: with few outputs most of a padded
// column would be padding.
template <class T>
void Engine<T>::head(const std::int64_t* order, Index first, Index j0, Index m, Room& room) {
  const Index n = spec_.outputs();
  const kernels::Columns<T> A = columns(a_, spec_.depth()).starting(j0), dZ = columns(dz_, spec_.depth()).starting(j0);
  kernels::copy_columns(n, m, A.data, A.ld, room.Z.data(), n);
  const View<const T>& all = examples_.Y;
  const T* Y = room.Y.data();
  if (order == nullptr && all.row_stride == 1 && all.col_stride == n && examples_.labels == nullptr &&
      spec_.smoothing() == 0) {
    Y = &all(0, first + j0);  // targets in order are read where they lie
  } else {
    gather_targets(examples_, spec_, order, first + j0, m, room.Y.data());
  }
  kernels::head(spec_, m, room.Z.data(), Y, room.dZ.data(), losses_.data() + j0, room.scratch.data());
  if (examples_.weights != nullptr) {
    for (Index j = 0; j < m; ++j) {
      const T w = examples_.weights[order == nullptr ? first + j0 + j : order[first + j0 + j]];
      T* d = room.dZ.data() + j * n;
      for (Index i = 0; i < n; ++i) d[i] = w == T(0) ? T(0) : w * d[i];
    }
  }
  kernels::copy_columns(n, m, room.Z.data(), n, A.data, A.ld);
  kernels::copy_columns(n, m, room.dZ.data(), n, dZ.data, dZ.ld);
}

template <class T>
const ActivationInfo& Engine<T>::activation(int l) const {
  return activations()[static_cast<std::size_t>(spec_.layer(l).activation)];
}

template <class T>
Index Engine<T>::offset(const Item& item) const {
  const PackedLayer<T>& layer = packed_.layer(item.l);
  return layer.offset + layer.rows.start(item.p) * layer.depth() + item.i0 * layer.rows.width(item.p);
}

template <class T>
void Engine<T>::transpose(const Item& item, const T* columns) {
  if (item.l == 1) return;  // nobody asks for dA[0]
  const PackedLayer<T>& layer = packed_.layer(item.l);
  kernels::transpose_panel(columns, layer.rows.width(item.p), layer.rows.start(item.p), layer.rows.valid(item.p),
                           item.i0, item.i1, kernels::Panels<T>{layer.n_in}, layer.n_out,
                           transposed_[at(item.l)].data());
}

template <class T>
void Engine<T>::refresh(const Item& item) {
  transpose(item, parameters_.data() + offset(item));
  measure(item);
}

// Sums over the examples of dZ A' for the item's weights, then of dZ for its biases.
template <class T>
void Engine<T>::raw_gradient(const Item& item, bool add, T* out) const {
  const PackedLayer<T>& layer = packed_.layer(item.l);
  const Index width = layer.rows.width(item.p);
  const kernels::Columns<T> A = columns(a_, item.l - 1), d = columns(dz_, item.l);
  if (kernels::narrow(layer.n_in, layer.n_out)) {  // one item is a whole panel, of which SSE2 has two for 7 doubles
    const Index start = layer.rows.start(item.p);
    kernels::narrow_sums_of<T>(
        layer.n_in, layer.rows.valid(item.p), m_, [&](Index i, Index e) { return A.data[e * A.ld + i]; },
        [&](Index o, Index e) { return d.data[e * d.ld + start + o]; }, add, out, width);
    return norm_gradient(item, add, out + (layer.n_in + 1) * width);
  }
  const T* dZ = d.from(layer.rows.start(item.p));
  const Index valid = layer.rows.valid(item.p), count = item.i1 - item.i0;
  // Where an eighth of the lanes or more would be padding, as with cat's 20 rows in 24.
  if (!add && 8 * valid <= 7 * width && count >= kernels::Panels<T>::kWidth) {
    kernels::outer_turned(width, valid, m_, dZ, d.ld, A.from(item.i0), A.ld, count, out);
  } else {
    kernels::outer<false>(width, m_, dZ, d.ld, A.from(item.i0), A.ld, count, add, out);
  }
  if (!item.last) return;
  T* behind = out + count * width;
  kernels::row_sums(width, m_, dZ, d.ld, add, behind);
  norm_gradient(item, add, behind + width);
}

template <class T>
void Engine<T>::update(const Optimizer<T>& optimizer, double rate, Index t) {
  const bool clips = optimizer.rule.clips();
  const T scale = clips ? clip(optimizer.rule) : static_cast<T>(1 / this->weight_);
  const Rule& rule = optimizer.rule;
  const kernels::Updater<T> apply(rule.row, rule.hyper.data(), {rate, rule.weight_decay, t, &optimizer.progress});
  team_.for_each(static_cast<Index>(items_.size()), [&](Index i, int thread) {
    const Item& item = items_[static_cast<std::size_t>(i)];
    const Index at = offset(item);
    const Index count = values(item);
    T* parameters = parameters_.data() + at;
    kernels::Slots<T> slots;
    for (const Buffer<T>& slot : slots_) slots.add(slot.data() + at);
    // What the update will read comes closer while the product runs: mnist-m with Adam gains an eighth.
    kernels::prefetch(parameters, count);
    for (int k = 0; k < slots.count; ++k) kernels::prefetch(slots.of[static_cast<std::size_t>(k)], count);
    T* raw = accumulated_ || clips ? gradients_.data() + at : rooms_[static_cast<std::size_t>(thread)].chunk.data();
    if (!clips) {
      raw_gradient(item, accumulated_, raw);
      penalize(item, raw);
    }
    apply(count, parameters, raw, scale, slots);
    refresh(item);
  });
  constrain();
  move_running();
}

template <class T>
void Engine<T>::gradient(T* block) {
  team_.for_each(static_cast<Index>(items_.size()), [&](Index i, int) {
    const Item& item = items_[static_cast<std::size_t>(i)];
    T* sums = gradients_.data() + offset(item);
    raw_gradient(item, accumulated_, sums);
    penalize(item, sums);
  });
  packed_.unpack(network_.layout, gradients_.data(), static_cast<T>(1 / this->weight_), block);
}

template class Engine<float>;
template class Engine<double>;

}  // namespace deepcore
