// Engine: batch and layer normalisation of Z, between the product and the activation.
// Floor: model. Batch statistics need all examples of a batch: its plan has one slab, shared layer by layer.
#include "engine.hpp"
#include "kernels/dropout.hpp"
#include "kernels/normalise.hpp"

namespace deepcore {

template <class T>
bool Engine<T>::columnwise(int l) const {
  return activation(l).columnwise || spec_.layer(l).norm == Norm::layer;
}

// Is a unit normalised over the examples of the batch?
template <class T>
bool Engine<T>::by_unit(int l) const {
  return training_ && l > 0 && spec_.layer(l).norm == Norm::batch;
}

template <class T>
void Engine<T>::allocate_norms() {
  bool batch = false;
  for (int l = 0; l <= spec_.depth(); ++l) {
    const Norm norm = l == 0 ? Norm::none : spec_.layer(l).norm;
    const Index size = norm == Norm::none ? 0 : plan_.layers[at(l)].size;
    xhat_.emplace_back(size);
    dn_.emplace_back(size);
    const Index units = kernels::round_up<T>(spec_.units(l));
    statistics_.emplace_back(norm == Norm::batch ? 3 * units : norm == Norm::layer ? plan_.slab : 0);
    batch = batch || norm == Norm::batch;
  }
  if (!batch) return;
  running_ = Buffer<T>(network_.running.size());
  slab_weights_ = Buffer<T>(plan_.slab);
}

template <class T>
typename Engine<T>::Statistics Engine<T>::statistics(int l) const {
  const Index units = kernels::round_up<T>(spec_.units(l));
  T* mean = statistics_[at(l)].data();
  return {mean, mean + units, mean + 2 * units};
}

template <class T>
void Engine<T>::load_running() {
  if (running_.size() == 0) return;
  std::copy_n(network_.running.data(), running_.size(), running_.data());
  for (int l = 1; l <= spec_.depth(); ++l) {
    if (spec_.layer(l).norm != Norm::batch) continue;
    const Index n = spec_.units(l);
    const T* from = running_.data() + network_.layout.layer(l).running;
    const Statistics s = statistics(l);
    for (Index i = 0; i < n; ++i) {
      s.mean[i] = from[i];
      s.variance[i] = from[n + i];
      s.inverse[i] = kernels::inverse_deviation(from[n + i]);
    }
  }
}

template <class T>
void Engine<T>::store_running(T* to) const {
  std::copy_n(running_.data(), running_.size(), to);
}

// After a step: what predictions will use moves towards the statistics of the batch; the variance without its bias.
template <class T>
void Engine<T>::move_running() {
  constexpr T kNew = static_cast<T>(kernels::kNormMomentum), kOld = static_cast<T>(1 - kernels::kNormMomentum);
  if (running_.size() == 0) return;
  // The unbiased variance is W / (W - lost) times the biased one, W being the sum of the weights. lost = 1 treats whole
  // weights as repeated rows. sum w^2 / W, where it is less, treats small equal weights as none, and weights that sum to
  // little more than 1 do not make the factor huge.
  double lost = 1;
  if (examples_.weights != nullptr) {
    double squares = 0;
    for (Index j = 0; j < m_; ++j)
      squares += static_cast<double>(slab_weights_.data()[j]) * static_cast<double>(slab_weights_.data()[j]);
    lost = std::min(lost, squares / this->weight_);
  }
  const T unbiased = static_cast<T>(this->weight_ > lost ? this->weight_ / (this->weight_ - lost) : 1);
  for (int l = 1; l <= spec_.depth(); ++l) {
    if (!by_unit(l)) continue;
    const Index n = spec_.units(l);
    T* to = running_.data() + network_.layout.layer(l).running;
    const Statistics s = statistics(l);
    for (Index i = 0; i < n; ++i) {
      to[i] = kOld * to[i] + kNew * s.mean[i];
      to[n + i] = kOld * to[n + i] + kNew * unbiased * s.variance[i];
    }
  }
}

template <class T>
void Engine<T>::weigh(const std::int64_t* order, Index first, Index m) {
  if (slab_weights_.size() == 0) return;
  double total = 0;
  for (Index j = 0; j < m; ++j) {
    const T w =
        examples_.weights == nullptr ? T(1) : examples_.weights[order == nullptr ? first + j : order[first + j]];
    slab_weights_.data()[j] = w;
    total += static_cast<double>(w);
  }
  slab_scale_ = total > 0 ? 1 / total : 0;
}

// f(first row, width, gamma, beta) for the panels in rows [i0, i1)
template <class T>
template <class F>
void Engine<T>::norm_panels(int l, Index i0, Index i1, F f) const {
  const PackedLayer<T>& layer = packed_.layer(l);
  for (Index p = i0 / kernels::Panels<T>::kWidth; p < layer.rows.count() && layer.rows.start(p) < i1; ++p) {
    const Index start = layer.rows.start(p), width = layer.rows.width(p);
    const T* gamma = parameters_.data() + layer.offset + start * layer.depth() + (layer.n_in + 1) * width;
    f(start, width, gamma, gamma + width);
  }
}

// Z[l] -> gamma xhat + beta, in the place of A[l]
template <class T>
void Engine<T>::normalise(int l, Index i0, Index i1, Index j0, Index m) {
  if (spec_.layer(l).norm == Norm::none) return;
  const kernels::Columns<T> a = A(l).starting(j0), x = columns(xhat_, l).starting(j0);
  if (spec_.layer(l).norm == Norm::batch) {
    const Statistics s = statistics(l);
    norm_panels(l, i0, i1, [&](Index i, Index width, const T* gamma, const T* beta) {
      if (by_unit(l)) {
        kernels::batch_statistics(width, m, static_cast<const T*>(a.from(i)), a.ld,
                                  static_cast<const T*>(slab_weights_.data()), slab_scale_, s.mean + i, s.variance + i);
        for (Index k = i; k < i + width; ++k) s.inverse[k] = kernels::inverse_deviation(s.variance[k]);
      }
      kernels::normalise_rows<T>(width, m, a.from(i), a.ld, s.mean + i, s.inverse + i, gamma, beta, x.from(i));
    });
    return;
  }
  T* inverse = statistics_[at(l)].data() + j0;
  for (Index j = 0; j < m; ++j) {
    T mean = 0;
    kernels::layer_statistics(spec_.units(l), static_cast<const T*>(a.data + j * a.ld), &mean, inverse + j);
    norm_panels(l, i0, i1, [&](Index i, Index width, const T* gamma, const T* beta) {
      kernels::normalise_column(width, a.data + j * a.ld + i, mean, inverse[j], gamma, beta, x.data + j * x.ld + i);
    });
  }
}

// dL/dN, which stays for the gradients of gamma and beta, -> dZ[l], in place
template <class T>
void Engine<T>::normalise_back(int l, Index i0, Index i1, Index j0, Index m) {
  if (spec_.layer(l).norm == Norm::none) return;
  const kernels::Columns<T> d = dZ(l).starting(j0), x = columns(xhat_, l).starting(j0),
                            kept = columns(dn_, l).starting(j0);
  const bool batch = spec_.layer(l).norm == Norm::batch;
  norm_panels(l, i0, i1, [&](Index i, Index width, const T* gamma, const T*) {
    for (Index j = 0; j < m; ++j) {
      std::copy_n(d.from(i) + j * d.ld, width, kept.from(i) + j * d.ld);
      if (!batch) kernels::multiply_by(width, 1, d.ld, gamma, d.from(i) + j * d.ld);
    }
    if (batch) {
      kernels::normalise_rows_back<T>(width, m, d.from(i), d.ld, x.from(i), statistics(l).inverse + i, gamma,
                                      by_unit(l) ? slab_weights_.data() : nullptr, slab_scale_);
    }
  });
  for (Index j = 0; j < m && !batch; ++j) {
    kernels::normalise_column_back(spec_.units(l), d.data + j * d.ld, static_cast<const T*>(x.data + j * x.ld),
                                   statistics_[at(l)].data()[j0 + j]);
  }
}

// Sums over the examples of dL/dN xhat for gamma and of dL/dN for beta, behind the biases.
template <class T>
void Engine<T>::norm_gradient(const Item& item, bool add, T* out) const {
  if (spec_.layer(item.l).norm == Norm::none) return;
  const kernels::Panels<T>& rows = packed_.layer(item.l).rows;
  const kernels::Columns<T> d = columns(dn_, item.l), x = columns(xhat_, item.l);
  const Index i = rows.start(item.p);
  const Index width = rows.width(item.p);
  kernels::row_dots<T>(width, m_, d.from(i), x.from(i), d.ld, add, out);
  kernels::row_sums<T>(width, m_, d.from(i), d.ld, add, out + width);
}

#define DEEPCORE_INSTANTIATE(T)                                             \
  template bool Engine<T>::columnwise(int) const;                           \
  template bool Engine<T>::by_unit(int) const;                              \
  template void Engine<T>::allocate_norms();                                \
  template typename Engine<T>::Statistics Engine<T>::statistics(int) const; \
  template void Engine<T>::load_running();                                  \
  template void Engine<T>::store_running(T*) const;                         \
  template void Engine<T>::move_running();                                  \
  template void Engine<T>::weigh(const std::int64_t*, Index, Index);        \
  template void Engine<T>::normalise(int, Index, Index, Index, Index);      \
  template void Engine<T>::normalise_back(int, Index, Index, Index, Index); \
  template void Engine<T>::norm_gradient(const Item&, bool, T*) const;
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE

}  // namespace deepcore
