// Engine: the two phases of a step.
// Floor: model.
#include "engine.hpp"

#include <deepcore/catalog.hpp>

#include "kernels/head.hpp"
#include "kernels/optimizers.hpp"

#include <algorithm>
#include <array>

namespace deepcore {

// A batch larger than a slab passes through in slabs, whose gradients add up: memory does not grow with the batch.
// A multiple of kDepth, so that the sums are the same as in one piece.
inline constexpr index kSlab = 16 * kernels::kDepth;

template <class T>
Engine<T>::Engine(const Network<T>& network, const Examples<T>& examples, index batch, int slots, Team& team)
    : network_(network), spec_(network.spec), examples_(examples), team_(team), packed_(network.spec),
      parameters_(packed_.size), gradients_(slots == 0 || batch > kSlab ? packed_.size : 0),
      losses_(static_cast<std::size_t>(std::min(batch, kSlab))), slab_(std::min(batch, kSlab)) {
  for (int k = 0; k < slots; ++k) slots_.emplace_back(packed_.size);
  const int L = spec_.depth();
  for (int l = 0; l <= L; ++l) {
    // Strips, but for the output and for activations that sum over their units: they want whole columns.
    const index n = spec_.units(l);
    const bool hidden = l > 0 && l < L;
    const bool whole = n <= kernels::kDepth || l == L || (hidden && activation(l).columnwise);
    ld_.push_back(leading<T>(whole ? n : kernels::kDepth));
    strip_.push_back(whole ? kernels::kDepth : ld_.back() * slab_);
    const index strips = whole ? 1 : (n + kernels::kDepth - 1) / kernels::kDepth;
    // room for the padded rows of a last panel behind the last column
    const index size = strips * ld_.back() * slab_ + kernels::Panels<T>::kWidth;
    a_.emplace_back(size);
    dz_.emplace_back(l > 0 ? size : 0);
    z_.emplace_back(hidden && activation(l).reads == Reads::input ? size : 0);
    const kernels::Panels<T> in{l > 1 ? spec_.units(l - 1) : 0};
    transposed_.emplace_back(l > 1 ? in.padded() * spec_.units(l) : 0);
    if (l == 0) continue;
    const PackedLayer<T>& layer = packed_.layer(l);
    for (index p = 0; p < layer.rows.count(); ++p) {
      for (index i = 0; i < layer.n_in; i += kChunk) {
        const index end = std::min(i + kChunk, layer.n_in);
        items_.push_back({l, p, i, end, end == layer.n_in});
      }
    }
  }
  const index outputs = spec_.outputs() * kBlock;
  for (int thread = 0; thread < team_.size(); ++thread) {
    rooms_.push_back({Buffer<T>(outputs), Buffer<T>(outputs), Buffer<T>(outputs), Buffer<T>(outputs),
                      Buffer<T>(kernels::Panels<T>::kWidth * (kChunk + 1))});
  }
}

template <class T>
void Engine<T>::load() {
  packed_.pack(network_.layout, network_.parameters.data(), parameters_.data());
  for (const Item& item : items_) {
    transpose(item, parameters_.data() + offset(item));
  }
}

template <class T>
void Engine<T>::load(const Optimizer<T>& from) {
  for (std::size_t k = 0; k < slots_.size(); ++k) packed_.pack(network_.layout, from.slots[k].data(), slots_[k].data());
}

template <class T>
void Engine<T>::store(T* block) const {
  packed_.unpack(network_.layout, parameters_.data(), T(1), block);
}

template <class T>
void Engine<T>::store(Optimizer<T>& to) const {
  for (std::size_t k = 0; k < slots_.size(); ++k)
    packed_.unpack(network_.layout, slots_[k].data(), T(1), to.slots[k].data());
}

template <class T>
double Engine<T>::run(const std::int64_t* order, index first, index m) {
  double loss = 0;
  weight_ = 0;
  accumulated_ = false;
  for (index done = 0; done < m; done += slab_) {
    m_ = std::min(slab_, m - done);
    const bool whole = order == nullptr && m == examples_.count() && m_ == m;
    examples_phase(order, first + done, m_);
    resident_ = whole;
    for (index j = 0; j < m_; ++j) {
      const index at = order == nullptr ? first + done + j : order[first + done + j];
      const double w = examples_.weights == nullptr ? 1.0 : static_cast<double>(examples_.weights[at]);
      if (w != 0) loss += w * losses_[static_cast<std::size_t>(j)];  // an example of weight 0 is not there
      weight_ += w;
    }
    if (done + m_ == m) break;  // the last slab is left to update() or gradient()
    team_.for_each(static_cast<index>(items_.size()), [&](index i, int) {
      const Item& item = items_[static_cast<std::size_t>(i)];
      raw_gradient(item, accumulated_, gradients_.data() + offset(item));
    });
    accumulated_ = true;
  }
  return loss;
}

template <class T>
void Engine<T>::examples_phase(const std::int64_t* order, index first, index m) {
  const index threads = team_.size();
  const index share = (m + threads - 1) / threads;
  const index size = std::min(kBlock, kernels::round_up<T>(share));
  team_.for_each((m + size - 1) / size, [&](index i, int thread) {
    block(order, first, i * size, std::min(size, m - i * size), rooms_[static_cast<std::size_t>(thread)]);
  });
}

// Examples j0 .. j0 + m of the batch, forward and back through all layers.
template <class T>
void Engine<T>::block(const std::int64_t* order, index first, index j0, index m, Room& room) {
  const int L = spec_.depth();
  const auto A = [&](int l) { return columns(a_, l).starting(j0); };
  const auto dZ = [&](int l) { return columns(dz_, l).starting(j0); };
  if (!resident_) gather(examples_.X, order, first + j0, m, A(0));
  for (int l = 1; l <= L; ++l) {
    const PackedLayer<T>& layer = packed_.layer(l);
    const LayerSpec& spec = spec_.layer(l);
    const kernels::Columns<T> a = A(l);
    linear<T>(layer.n_in, layer.n_out, layer.left(parameters_.data()), A(l - 1), m, a);
    if (l == L) break;  // the head goes on from Z[L]
    const kernels::Columns<T> z = columns(z_, l).starting(j0);
    const bool keeps_z = z_[at(l)].size() > 0;
    rows_together<T>(spec, layer.n_out, a.strip, [&](index rows, index at) {
      if (keeps_z) std::copy_n(a.data + at, m * a.ld, z.data + at);
      kernels::activate(spec.activation, spec.parameter, rows, m, a.ld, a.data + at, a.data + at);
    });
  }
  head(order, first, j0, m, room);
  for (int l = L; l > 1; --l) {
    const index n = spec_.units(l), below = spec_.units(l - 1);
    const LayerSpec& spec = spec_.layer(l - 1);
    const kernels::Columns<T> d = dZ(l - 1), x = z_[at(l - 1)].size() > 0 ? columns(z_, l - 1).starting(j0) : A(l - 1);
    linear<T>(n, below, transposed(l), dZ(l), m, d);
    rows_together<T>(spec, below, d.strip, [&](index rows, index at) {
      kernels::pull_back(spec.activation, spec.parameter, rows, m, d.ld, x.data + at, d.data + at);
    });
  }
}

// From Z[L] to A[L], dZ[L] and the losses. The head works on columns without gaps: with few outputs most of a padded
// column would be padding.
template <class T>
void Engine<T>::head(const std::int64_t* order, index first, index j0, index m, Room& room) {
  const index n = spec_.outputs();
  const kernels::Columns<T> A = columns(a_, spec_.depth()).starting(j0), dZ = columns(dz_, spec_.depth()).starting(j0);
  for (index j = 0; j < m; ++j) std::copy_n(A.data + j * A.ld, n, room.Z.data() + j * n);
  gather_targets(examples_, n, order, first + j0, m, room.Y.data());
  kernels::head(spec_, m, room.Z.data(), room.Y.data(), room.dZ.data(), losses_.data() + j0, room.scratch.data());
  for (index j = 0; j < m; ++j) {
    std::copy_n(room.Z.data() + j * n, n, A.data + j * A.ld);
    const index source = order == nullptr ? first + j0 + j : order[first + j0 + j];
    const T w = examples_.weights == nullptr ? T(1) : examples_.weights[source];
    for (index i = 0; i < n; ++i) dZ.data[j * dZ.ld + i] = w == T(0) ? T(0) : w * room.dZ.data()[j * n + i];
  }
}

template <class T>
const ActivationInfo& Engine<T>::activation(int l) const {
  return activations()[static_cast<std::size_t>(spec_.layer(l).activation)];
}

template <class T>
index Engine<T>::offset(const Item& item) const {
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

// Sums over the examples of dZ A' for the item's weights, then of dZ for its biases.
template <class T>
void Engine<T>::raw_gradient(const Item& item, bool add, T* out) const {
  const PackedLayer<T>& layer = packed_.layer(item.l);
  const int packets = layer.rows.packets(item.p);
  const kernels::Columns<T> A = columns(a_, item.l - 1), d = columns(dz_, item.l);
  const T* dZ = d.from(layer.rows.start(item.p));
  kernels::outer<false>(packets, m_, dZ, d.ld, A.from(item.i0), A.ld, item.i1 - item.i0, add, out);
  if (item.last) kernels::row_sums(packets, m_, dZ, d.ld, add, out + (item.i1 - item.i0) * layer.rows.width(item.p));
}

template <class T>
void Engine<T>::update(const Optimizer<T>& optimizer, double rate, index t) {
  const T scale = static_cast<T>(1 / weight_);
  kernels::with_step<T>(optimizer.rule.row, optimizer.rule.hyper.data(), rate, t, [&](const auto& step) {
    team_.for_each(static_cast<index>(items_.size()), [&](index i, int thread) {
      const Item& item = items_[static_cast<std::size_t>(i)];
      const index at = offset(item);
      const index count = (item.i1 - item.i0 + (item.last ? 1 : 0)) * packed_.layer(item.l).rows.width(item.p);
      std::array<T*, 3> arrays{parameters_.data() + at};
      for (std::size_t k = 0; k < slots_.size(); ++k) arrays[k + 1] = slots_[k].data() + at;
      // What the update will read comes closer while the product runs: mnist-m with Adam gains an eighth.
      for (std::size_t k = 0; k <= slots_.size(); ++k) kernels::prefetch(arrays[k], count);
      T* raw = accumulated_ ? gradients_.data() + at : rooms_[static_cast<std::size_t>(thread)].chunk.data();
      raw_gradient(item, accumulated_, raw);
      kernels::update(step, count, arrays[0], raw, scale, &arrays[1]);
      transpose(item, arrays[0]);
    });
  });
}

template <class T>
void Engine<T>::gradient(T* block) {
  team_.for_each(static_cast<index>(items_.size()), [&](index i, int) {
    const Item& item = items_[static_cast<std::size_t>(i)];
    raw_gradient(item, accumulated_, gradients_.data() + offset(item));
  });
  packed_.unpack(network_.layout, gradients_.data(), static_cast<T>(1 / weight_), block);
}

template class Engine<float>;
template class Engine<double>;

}  // namespace deepcore
