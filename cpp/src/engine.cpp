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
    const index column = leading<T>(spec_.units(l));
    const bool hidden = l > 0 && l < L;
    const bool keeps_z =
        hidden && activations()[static_cast<std::size_t>(spec_.layer(l).activation)].reads == Reads::input;
    // room for the padded rows of a last panel behind the last column
    a_.emplace_back(column * slab_ + kernels::Panels<T>::kWidth);
    dz_.emplace_back(l > 0 ? column * slab_ + kernels::Panels<T>::kWidth : 0);
    z_.emplace_back(keeps_z ? column * slab_ : 0);
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
  const index n = spec_.outputs() * kBlock;
  for (int thread = 0; thread < team_.size(); ++thread) {
    rooms_.push_back(
        {Buffer<T>(n), Buffer<T>(n), Buffer<T>(n), Buffer<T>(n), Buffer<T>(kernels::Panels<T>::kWidth * (kChunk + 1))});
  }
}

template <class T>
void Engine<T>::load() {
  packed_.pack(network_.layout, network_.parameters.data(), parameters_.data());
  for (const Item& item : items_) {
    const PackedLayer<T>& layer = packed_.layer(item.l);
    const T* panel = parameters_.data() + layer.offset + layer.rows.start(item.p) * layer.depth();
    transpose(item, panel + item.i0 * layer.rows.width(item.p));
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
      const PackedLayer<T>& layer = packed_.layer(item.l);
      raw_gradient(item, accumulated_,
                   gradients_.data() + layer.offset + layer.rows.start(item.p) * layer.depth() +
                       item.i0 * layer.rows.width(item.p));
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
  const auto column = [&](std::vector<Buffer<T>>& buffers, int l) {
    return buffers[at(l)].data() + j0 * leading<T>(spec_.units(l));
  };
  if (!resident_) gather(examples_.X, order, first + j0, m, column(a_, 0), leading<T>(spec_.units(0)));
  for (int l = 1; l <= L; ++l) {
    const index ld = leading<T>(spec_.units(l));
    const PackedLayer<T>& layer = packed_.layer(l);
    const kernels::Left<T> W = layer.left(parameters_.data());
    const T* below = column(a_, l - 1);
    const index ld_below = leading<T>(spec_.units(l - 1));
    if (l < L) {
      T* Z = z_[at(l)].size() > 0 ? column(z_, l) : nullptr;
      dense(spec_.layer(l), layer.n_in, layer.n_out, W, below, ld_below, m, column(a_, l), ld, Z);
    } else {  // Z[L]: the head goes on from there
      kernels::multiply<true>(layer.rows, layer.n_in, W, below, ld_below, m, column(a_, l), ld);
    }
  }
  // The head works on columns without gaps: with few outputs most of a padded column would be padding.
  const index n = spec_.outputs(), ld = leading<T>(n);
  T* A = column(a_, L);
  T* dZ = column(dz_, L);
  for (index j = 0; j < m; ++j) std::copy_n(A + j * ld, n, room.Z.data() + j * n);
  gather_targets(examples_, n, order, first + j0, m, room.Y.data());
  kernels::head(spec_, m, room.Z.data(), room.Y.data(), room.dZ.data(), losses_.data() + j0, room.scratch.data());
  for (index j = 0; j < m; ++j) {
    std::copy_n(room.Z.data() + j * n, n, A + j * ld);
    const index source = order == nullptr ? first + j0 + j : order[first + j0 + j];
    const T w = examples_.weights == nullptr ? T(1) : examples_.weights[source];
    for (index i = 0; i < n; ++i) dZ[j * ld + i] = w == T(0) ? T(0) : w * room.dZ.data()[j * n + i];
  }
  for (int l = L; l > 1; --l) {
    const index below = spec_.units(l - 1), ld_below = leading<T>(below);
    const kernels::Panels<T> rows{below};
    T* d = column(dz_, l - 1);
    kernels::multiply<true>(rows, spec_.units(l), transposed(l), column(dz_, l), leading<T>(spec_.units(l)), m, d,
                            ld_below);
    const LayerSpec& layer = spec_.layer(l - 1);
    const T* x = z_[at(l - 1)].size() > 0 ? column(z_, l - 1) : column(a_, l - 1);  // what the derivative reads
    kernels::pull_back(layer.activation, layer.parameter, active_rows<T>(layer, below), m, ld_below, x, d);
  }
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
  const index ld = leading<T>(layer.n_out), ld_prev = leading<T>(layer.n_in);
  const T* dZ = dz_[at(item.l)].data() + layer.rows.start(item.p);
  kernels::outer<false>(packets, m_, dZ, ld, a_[at(item.l - 1)].data() + item.i0, ld_prev, item.i1 - item.i0, add, out);
  if (item.last) kernels::row_sums(packets, m_, dZ, ld, add, out + (item.i1 - item.i0) * layer.rows.width(item.p));
}

template <class T>
void Engine<T>::update(const Optimizer<T>& optimizer, double rate, index t) {
  const T scale = static_cast<T>(1 / weight_);
  team_.for_each(static_cast<index>(items_.size()), [&](index i, int thread) {
    const Item& item = items_[static_cast<std::size_t>(i)];
    const PackedLayer<T>& layer = packed_.layer(item.l);
    const index width = layer.rows.width(item.p);
    const index offset = layer.offset + layer.rows.start(item.p) * layer.depth() + item.i0 * width;
    const index count = (item.i1 - item.i0 + (item.last ? 1 : 0)) * width;
    T* raw = accumulated_ ? gradients_.data() + offset : rooms_[static_cast<std::size_t>(thread)].chunk.data();
    raw_gradient(item, accumulated_, raw);
    std::array<T*, 2> slots{};
    for (std::size_t k = 0; k < slots_.size(); ++k) slots[k] = slots_[k].data() + offset;
    T* p = parameters_.data() + offset;
    kernels::update(optimizer.rule.row, optimizer.rule.hyper.data(), rate, t, count, p, raw, scale, slots.data());
    transpose(item, p);
  });
}

template <class T>
void Engine<T>::gradient(T* block) {
  team_.for_each(static_cast<index>(items_.size()), [&](index i, int) {
    const Item& item = items_[static_cast<std::size_t>(i)];
    const PackedLayer<T>& layer = packed_.layer(item.l);
    raw_gradient(item, accumulated_,
                 gradients_.data() + layer.offset + layer.rows.start(item.p) * layer.depth() +
                     item.i0 * layer.rows.width(item.p));
  });
  packed_.unpack(network_.layout, gradients_.data(), static_cast<T>(1 / weight_), block);
}

template class Engine<float>;
template class Engine<double>;

}  // namespace deepcore
