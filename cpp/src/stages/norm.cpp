// Norm: statistics, normalisation and the way back.
// Level: stages.
#include "stages/norm.hpp"

#include "batch.hpp"
#include "kernels/dropout.hpp"
#include "kernels/normalise.hpp"

#include <algorithm>

namespace deepcore {

template <class T>
LayerNorm<T>::LayerNorm(const Network<T>& network, int l, const kernels::Columns<T>& shape, Workspace workspace)
    : l_(l), units_(network.spec.units(l)), shape_(shape), gamma_(kernels::round_up<T>(units_)),
      beta_(kernels::round_up<T>(units_)), xhat_(workspace.size), d_(workspace.examples > 0 ? workspace.size : 0),
      inverse_(workspace.examples) {}

template <class T>
void LayerNorm<T>::load(const Network<T>& network) {
  std::copy_n(network.parameters.data() + network.tensors.at(l_, Role::gamma).offset, units_, gamma_.data());
  std::copy_n(network.parameters.data() + network.tensors.at(l_, Role::beta).offset, units_, beta_.data());
}

template <class T>
void LayerNorm<T>::load(const State<T>& state) {
  state.read_tail(l_, Role::gamma, gamma_.data());
  state.read_tail(l_, Role::beta, beta_.data());
}

template <class T>
void LayerNorm<T>::forward(const Slab<T>&, const Part& part, kernels::Columns<T> A) {
  const Index width = kernels::round_up<T>(units_);
  for (Index j = 0; j < part.m; ++j) {
    T mean = 0, inverse = 0;
    T* z = A.data + j * A.ld;
    kernels::layer_statistics(units_, static_cast<const T*>(z), &mean, &inverse);
    T* x = xhat(part, 0);
    kernels::normalise_column<T>(width, z, mean, inverse, gamma_.data(), beta_.data(),
                                 x == nullptr ? x : x + j * shape_.ld);
    if (!inverse_.empty()) inverse_.data()[part.j0 + j] = inverse;
  }
}

template <class T>
void LayerNorm<T>::keep(const Part& part, kernels::Columns<T> d) {
  const kernels::Columns<T> to = kept(d_).starting(part.j0);
  kernels::together(d, part.i0, part.i1, [&](Index i, Index rows) {
    for (Index j = 0; j < part.m; ++j) std::copy_n(d.from(i) + j * d.ld, rows, to.from(i) + j * to.ld);
  });
}

template <class T>
void LayerNorm<T>::backward(const Slab<T>&, const Part& part, kernels::Columns<T>, kernels::Columns<T> d) {
  keep(part, d);
  for (Index j = 0; j < part.m; ++j) {
    T* column = d.data + j * d.ld;
    kernels::multiply_by(units_, static_cast<const T*>(gamma_.data()), column);
    kernels::normalise_column_back(units_, column, static_cast<const T*>(xhat(part, 0) + j * shape_.ld),
                                   inverse_.data()[part.j0 + j]);
  }
}

// Sums over the examples of d xhat for gamma and of d for beta.
template <class T>
void LayerNorm<T>::gradient(const Piece& piece, Index m, bool add, T* out) const {
  const kernels::Columns<T> d = kept(d_), x = kept(xhat_);
  kernels::row_dots<T>(piece.width, m, d.from(piece.start), x.from(piece.start), d.ld, add, out);
  kernels::row_sums<T>(piece.width, m, d.from(piece.start), d.ld, add, out + piece.width);
}

template <class T>
BatchNorm<T>::BatchNorm(const Network<T>& network, int l, const kernels::Columns<T>& shape, Workspace workspace)
    : LayerNorm<T>(network, l, shape, {workspace.size, 0}) {
  const Index units = kernels::round_up<T>(this->units_);
  for (Buffer<T>* vector : {&mean_, &variance_, &inverse_, &running_mean_, &running_variance_})
    *vector = Buffer<T>(units);
  weights_ = Buffer<T>(workspace.examples);
  for (Buffer<T>* sums : {&gamma_sums_, &beta_sums_}) *sums = Buffer<T>(kernels::Panels<T>{this->units_}.padded());
}

template <class T>
void BatchNorm<T>::load(const Network<T>& network) {
  LayerNorm<T>::load(network);
  const Index n = this->units_;
  std::copy_n(network.running.data() + network.tensors.at(this->l_, Role::running_mean).offset, n,
              running_mean_.data());
  std::copy_n(network.running.data() + network.tensors.at(this->l_, Role::running_variance).offset, n,
              running_variance_.data());
  std::copy_n(running_mean_.data(), n, mean_.data());
  std::copy_n(running_variance_.data(), n, variance_.data());
  for (Index i = 0; i < n; ++i) inverse_.data()[i] = kernels::inverse_deviation(variance_.data()[i]);
}

template <class T>
void BatchNorm<T>::publish(Network<T>& network) const {
  std::copy_n(running_mean_.data(), this->units_,
              network.running.data() + network.tensors.at(this->l_, Role::running_mean).offset);
  std::copy_n(running_variance_.data(), this->units_,
              network.running.data() + network.tensors.at(this->l_, Role::running_variance).offset);
}

template <class T>
void BatchNorm<T>::begin(const Slab<T>& slab) {
  if (slab.training == nullptr) return;
  double total = 0;
  squares_ = 0;
  weighted_ = slab.examples->weights != nullptr;
  for (Index j = 0; j < slab.which.count; ++j) {
    const T w = weight_of(*slab.examples, slab.which[j]);
    weights_.data()[j] = w;
    total += static_cast<double>(w);
    squares_ += static_cast<double>(w) * static_cast<double>(w);
  }
  scale_ = total > 0 ? 1 / total : 0;
}

// The running statistics move towards those of the batch; the variance without its bias, which is W / (W - lost) times the
// biased one, W being the sum of the weights. lost = 1 treats whole weights as repeated rows. sum w^2 / W, where it is
// less, treats small equal weights as none, and weights that sum to little more than 1 do not make the factor huge.
template <class T>
void BatchNorm<T>::step(double weight) {
  constexpr T kNew = static_cast<T>(kernels::kNormMomentum), kOld = static_cast<T>(1 - kernels::kNormMomentum);
  const double lost = weighted_ ? std::min(1.0, squares_ / weight) : 1;
  const T unbiased = static_cast<T>(weight > lost ? weight / (weight - lost) : 1);
  for (Index i = 0; i < this->units_; ++i) {
    T &mean = running_mean_.data()[i], &variance = running_variance_.data()[i];
    mean = kOld * mean + kNew * mean_.data()[i];
    variance = kOld * variance + kNew * unbiased * variance_.data()[i];
  }
}

template <class T>
void BatchNorm<T>::forward(const Slab<T>& slab, const Part& part, kernels::Columns<T> A) {
  kernels::together(A, part.i0, kernels::round_up<T>(part.i1), [&](Index i, Index rows) {
    if (slab.training != nullptr) {
      kernels::batch_statistics(rows, part.m, static_cast<const T*>(A.from(i)), A.ld,
                                static_cast<const T*>(weights_.data()), scale_, mean_.data() + i, variance_.data() + i);
      for (Index k = i; k < i + rows; ++k) inverse_.data()[k] = kernels::inverse_deviation(variance_.data()[k]);
    }
    kernels::normalise_rows<T>(rows, part.m, A.from(i), A.ld, mean_.data() + i, inverse_.data() + i,
                               this->gamma_.data() + i, this->beta_.data() + i, this->xhat(part, i));
  });
}

template <class T>
void BatchNorm<T>::backward(const Slab<T>& slab, const Part& part, kernels::Columns<T>, kernels::Columns<T> d) {
  kernels::together(d, part.i0, kernels::round_up<T>(part.i1), [&](Index i, Index rows) {
    const T* x = this->xhat(part, i);
    kernels::row_dots<T>(rows, part.m, d.from(i), x, d.ld, false, gamma_sums_.data() + i);
    kernels::row_sums<T>(rows, part.m, d.from(i), d.ld, false, beta_sums_.data() + i);
    kernels::normalise_rows_back<T>(rows, part.m, d.from(i), d.ld, x, inverse_.data() + i, this->gamma_.data() + i,
                                    slab.training != nullptr ? weights_.data() : nullptr, scale_);
  });
}

template <class T>
void BatchNorm<T>::gradient(const Piece& piece, Index, bool add, T* out) const {
  for (const Buffer<T>* sums : {&gamma_sums_, &beta_sums_}) {
    const T* from = sums->data() + piece.start;
    for (Index i = 0; i < piece.width; ++i) out[i] = add ? out[i] + from[i] : from[i];
    out += piece.width;
  }
}

template class LayerNorm<float>;
template class LayerNorm<double>;
template class BatchNorm<float>;
template class BatchNorm<double>;

}  // namespace deepcore
