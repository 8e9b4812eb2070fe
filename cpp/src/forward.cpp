// Forward: the layers in turn, block by block.
// Floor: model.
#include "forward.hpp"

#include "kernels/normalise.hpp"

#include <algorithm>
#include <cmath>

namespace deepcore {

namespace {

template <class T>
bool finite(const T* columns, Index n, Index m, Index ld) {
  for (Index j = 0; j < m; ++j) {
    if (!std::all_of(columns + j * ld, columns + j * ld + n, [](T x) { return std::isfinite(x); })) return false;
  }
  return true;
}

}  // namespace

template <class T>
Forward<T>::Forward(const Network<T>& network, bool pack, Index examples) : spec_(network.spec) {
  const PackedLayout<T> layout(spec_);
  const T* block = network.parameters.data();
  if (pack) {
    packed_ = Buffer<T>(layout.size);
    layout.pack(network.layout, block, packed_.data());
  }
  for (int l = 1; l <= spec_.depth(); ++l) {
    const Slice& s = network.layout.layer(l);
    weights_.push_back(pack ? layout.layer(l).left(packed_.data())
                            : kernels::Left<T>{block + s.W, 1, s.n_out, true, block + s.b});
  }
  for (int l = 1; l <= spec_.depth(); ++l) {
    const Slice& s = network.layout.layer(l);
    const Index n = spec_.layer(l).norm == Norm::none ? 0 : kernels::round_up<T>(s.n_out), count = std::min(n, s.n_out);
    NormOf norm{Buffer<T>(n), Buffer<T>(n), Buffer<T>(n), Buffer<T>(n)};
    std::copy_n(block + s.b + s.n_out, count, norm.gamma.data());
    std::copy_n(block + s.b + 2 * s.n_out, count, norm.beta.data());
    for (Index i = 0; s.running >= 0 && i < count; ++i) {
      norm.mean.data()[i] = network.running.data()[s.running + i];
      norm.inverse.data()[i] = kernels::inverse_deviation(network.running.data()[s.running + s.n_out + i]);
    }
    norms_.push_back(std::move(norm));
  }
  for (int l = 0; l <= spec_.depth(); ++l) room_ = std::max(room_, leading<T>(spec_.units(l)));
  room_ = room_ * std::min(examples, kForwardBlock) + kernels::Panels<T>::kWidth;
}

template <class T>
void Forward<T>::normalise(int l, Index m, T* Z, Index ld) const {
  const Norm norm = spec_.layer(l).norm;
  if (norm == Norm::none) return;
  const NormOf& of = norms_[static_cast<std::size_t>(l) - 1];
  const T *gamma = of.gamma.data(), *beta = of.beta.data();
  const Index width = of.gamma.size();
  if (norm == Norm::batch) {
    kernels::normalise_rows<T>(width, m, Z, ld, of.mean.data(), of.inverse.data(), gamma, beta, nullptr);
    return;
  }
  for (Index j = 0; j < m; ++j, Z += ld) {
    T mean = 0, inverse = 0;
    kernels::layer_statistics(spec_.units(l), static_cast<const T*>(Z), &mean, &inverse);
    kernels::normalise_column<T>(width, Z, mean, inverse, gamma, beta, nullptr);
  }
}

template <class T>
void Forward<T>::reserve(int threads) {
  while (rooms_.size() < 2 * static_cast<std::size_t>(threads)) rooms_.emplace_back(room_);
}

template <class T>
T* Forward<T>::logits(const Inputs<T>& X, Index first, Index m, int thread, int* nonfinite, Team* team) {
  T* spare = rooms_[static_cast<std::size_t>(2 * thread)].data();
  T* to = rooms_[static_cast<std::size_t>(2 * thread + 1)].data();
  const T* from = X.sparse() ? nullptr : X.data + first * X.col_stride;
  Index ld_from = X.col_stride;
  if (X.sparse() || X.row_stride != 1) {  // otherwise the examples are read where they lie
    ld_from = leading<T>(spec_.units(0));
    gather(X, nullptr, first, m, spare, ld_from);
    from = spare;
  }
  for (int l = 1; l <= spec_.depth(); ++l) {
    const Index n_in = spec_.units(l - 1), n_out = spec_.units(l), ld = leading<T>(n_out);
    const kernels::Left<T>& W = weights_[static_cast<std::size_t>(l) - 1];
    const kernels::Panels<T> rows{n_out};
    const auto product = [&](Index p0, Index p1) {
      kernels::multiply<true>(rows, p0, p1, n_in, W, from, ld_from, kernels::kDepth, m, {to, ld, kernels::kDepth});
    };
    if (team == nullptr) {
      product(0, rows.count());
    } else {
      constexpr Index kShare = kernels::kGroup<T>;  // panels that one column goes through at once
      team->for_each((rows.count() + kShare - 1) / kShare,
                     [&](Index i, int) { product(i * kShare, std::min((i + 1) * kShare, rows.count())); });
    }
    const LayerSpec& layer = spec_.layer(l);
    if (l < spec_.depth()) {
      normalise(l, m, to, ld);
      kernels::activate(layer.activation, layer.parameter, active_rows<T>(layer, n_out), m, ld, to, to);
    }
    if (nonfinite != nullptr && l < *nonfinite && !finite(to, n_out, m, ld)) *nonfinite = l;
    from = to;
    ld_from = ld;
    std::swap(to, spare);
  }
  return spare;
}

template class Forward<float>;
template class Forward<double>;

}  // namespace deepcore
