// Narrow: forward, head, backward and update with examples along the lanes.
// Floor: model.
#include "narrow.hpp"

#include <deepcore/catalog.hpp>

#include "kernels/head.hpp"
#include "kernels/narrow.hpp"
#include "kernels/update.hpp"
#include "packed.hpp"

#include <algorithm>

namespace deepcore {

template <class T>
Narrow<T>::Narrow(Network<T>& network, const Examples<T>& examples, const Plan& plan)
    : network_(network), examples_(examples), slab_(plan.slab), ld_(kernels::round_up<T>(plan.slab)),
      gradients_(network.layout.size()), losses_(static_cast<std::size_t>(plan.slab)) {
  const Spec& spec = network.spec;
  for (int l = 0; l <= spec.depth(); ++l) {
    const bool keeps_z = plan.layers[at(l)].keeps_z;
    a_.emplace_back(spec.units(l) * ld_);
    dz_.emplace_back(l > 0 ? spec.units(l) * ld_ : 0);
    z_.emplace_back(keeps_z ? spec.units(l) * ld_ : 0);
  }
  const Index values = spec.outputs() * slab_;
  for (Buffer<T>* room : {&Z_, &Y_, &dZ_, &scratch_}) *room = Buffer<T>(values);
}

template <class T>
double Narrow<T>::run(const std::int64_t* order, Index first, Index m, const std::function<void()>& poll) {
  const Spec& spec = network_.spec;
  const int L = spec.depth();
  const T* block = network_.parameters.data();
  BatchSums total;
  accumulated_ = false;
  for (Index done = 0; done < m; done += slab_) {
    m_ = std::min(slab_, m - done);
    const Index padded = kernels::round_up<T>(m_);
    const bool whole = order == nullptr && m == examples_.count() && m_ == m;
    if (!resident_) gather_inputs(order, first + done, m_);
    resident_ = whole;
    for (int l = 1; l <= L; ++l) {
      const Slice& s = network_.layout.layer(l);
      const LayerSpec& layer = spec.layer(l);
      const int activation = l < L ? layer.activation : kernels::kLinear;  // the head goes on from Z[L]
      kernels::narrow_forward(activation, layer.parameter, s.n_in, s.n_out, padded, ld_, block + s.W, block + s.b,
                              a_[at(l) - 1].data(), z_[at(l)].size() > 0 ? z_[at(l)].data() : nullptr,
                              a_[at(l)].data());
    }
    head(order, first + done, m_);
    for (int l = L - 1; l >= 1; --l) {
      const Slice& above = network_.layout.layer(l + 1);
      const LayerSpec& layer = spec.layer(l);
      const Buffer<T>& x = z_[at(l)].size() > 0 ? z_[at(l)] : a_[at(l)];
      kernels::narrow_backward(layer.activation, layer.parameter, above.n_in, above.n_out, padded, ld_, block + above.W,
                               dz_[at(l) + 1].data(), x.data(), dz_[at(l)].data());
    }
    const BatchSums slab = batch_sums(examples_, order, first + done, m_, losses_.data());
    total.loss += slab.loss;
    total.weight += slab.weight;
    poll();
    if (done + m_ == m) break;  // the last slab is left to update()
    sums(m_, accumulated_);
    accumulated_ = true;
  }
  this->weight_ = total.weight;
  return data_cost(network_, total.loss);
}

template <class T>
void Narrow<T>::gather_inputs(const std::int64_t* order, Index first, Index m) {
  const Inputs<T>& X = examples_.X;
  for (Index j = 0; j < m; ++j) {
    const Index from = order == nullptr ? first + j : order[first + j];
    const bool gone = examples_.weights != nullptr && examples_.weights[from] == T(0);  // even NaN must not reach a sum
    for (Index i = 0; i < X.rows; ++i) a_[0].data()[i * ld_ + j] = gone || X.sparse() ? T(0) : X(i, from);
    if (gone || !X.sparse()) continue;
    for_each_value(X, from, [&](Index i, T value) { a_[0].data()[i * ld_ + j] += value; });
  }
}

// From Z[L] to dZ[L] and the losses. One output lies as the head wants it; several are turned, there and back.
template <class T>
void Narrow<T>::head(const std::int64_t* order, Index first, Index m) {
  const Index n = network_.spec.outputs();
  const std::size_t L = at(network_.spec.depth());
  const View<const T>& all = examples_.Y;
  T* Z = n == 1 ? a_[L].data() : Z_.data();
  T* dZ = n == 1 ? dz_[L].data() : dZ_.data();
  const T* Y = Y_.data();
  if (order == nullptr && all.row_stride == 1 && all.col_stride == n && examples_.labels == nullptr) {
    Y = &all(0, first);  // targets in order are read where they lie
  } else {
    gather_targets(examples_, network_.spec, order, first, m, Y_.data());
  }
  for (Index i = 0; i < n && n > 1; ++i) {
    for (Index j = 0; j < m; ++j) Z[j * n + i] = a_[L].data()[i * ld_ + j];
  }
  kernels::head(network_.spec, m, Z, Y, dZ, losses_.data(), scratch_.data());
  for (Index j = 0; j < m && examples_.weights != nullptr; ++j) {
    const T w = examples_.weights[order == nullptr ? first + j : order[first + j]];
    for (Index i = 0; i < n; ++i) dZ[j * n + i] = w == T(0) ? T(0) : w * dZ[j * n + i];
  }
  for (Index i = 0; i < n; ++i) {
    T* to = dz_[L].data() + i * ld_;
    for (Index j = 0; j < m && n > 1; ++j) to[j] = dZ[j * n + i];
    std::fill(to + m, to + kernels::round_up<T>(m), T(0));  // what pads the examples adds nothing to the sums
  }
}

template <class T>
void Narrow<T>::sums(Index m, bool add) {
  for (int l = 1; l <= network_.spec.depth(); ++l) {
    const Slice& s = network_.layout.layer(l);  // b[l] lies behind W[l]: one column more
    kernels::narrow_sums(s.n_in, s.n_out, m, a_[at(l) - 1].data(), dz_[at(l)].data(), ld_, add, gradients_.data() + s.W,
                         s.n_out);
  }
}

template <class T>
void Narrow<T>::update(const Optimizer<T>& optimizer, double rate, Index t) {
  sums(m_, accumulated_);
  kernels::Slots<T> slots;
  for (const Buffer<T>& slot : optimizer.slots) slots.add(slot.data());
  const Rule& rule = optimizer.rule;
  const kernels::Updater<T> apply(rule.row, rule.hyper.data(), {rate, rule.weight_decay, t, &optimizer.progress});
  apply(network_.layout.size(), network_.parameters.data(), gradients_.data(), static_cast<T>(1 / this->weight_),
        slots);
}

template class Narrow<float>;
template class Narrow<double>;

}  // namespace deepcore
