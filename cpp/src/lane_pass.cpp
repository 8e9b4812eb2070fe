// LanePass: forward, output, backward and sums with examples along the lanes.
// Level: passes.
#include "lane_pass.hpp"

#include <deepcore/catalog.hpp>

#include "batch.hpp"
#include "kernels/narrow.hpp"

#include <algorithm>

namespace deepcore {

template <class T>
LanePass<T>::LanePass(const Network<T>& network, const State<T>& state, const Examples<T>& examples, const Plan& plan)
    : spec_(network.spec), state_(state), examples_(examples), ld_(kernels::round_up<T>(plan.slab)),
      workspace_(network.spec, plan.slab) {
  for (int l = 0; l <= spec_.depth(); ++l) {
    const bool hidden = l > 0 && l < spec_.depth();
    a_.emplace_back(spec_.units(l) * ld_);
    dz_.emplace_back(l > 0 ? spec_.units(l) * ld_ : 0);
    z_.emplace_back(hidden && kept_matrices(spec_, l) > 0 ? spec_.units(l) * ld_ : 0);
  }
}

template <class T>
void LanePass<T>::run(const Slab<T>& slab, double* losses) {
  const int L = spec_.depth();
  m_ = slab.which.count;
  const Index padded = kernels::round_up<T>(m_);
  if (!resident_) gather(slab.which);
  for (int l = 1; l <= L; ++l) forward(l, padded);
  head(slab, losses);
  for (int l = L - 1; l >= 1; --l) backward(l, padded);
  resident_ = slab.which.in_order() && m_ == examples_.count();
}

template <class T>
void LanePass<T>::gather(const Selection& which) {
  const Inputs<T>& X = examples_.X;
  for (Index j = 0; j < which.count; ++j) {
    const bool gone = weight_of(examples_, which[j]) == T(0);  // whatever it holds, even NaN, must not reach a sum
    for (Index i = 0; i < X.rows; ++i) a_[0].data()[i * ld_ + j] = gone || X.sparse() ? T(0) : X(i, which[j]);
    if (gone || !X.sparse()) continue;
    for_each_value(X, which[j], [&](Index i, T value) { a_[0].data()[i * ld_ + j] += value; });
  }
}

// Each layer is one panel, see way() in plan.cpp.
template <class T>
void LanePass<T>::forward(int l, Index m) {
  const PackedLayer<T>& layer = state_.layout().layer(l);
  const LayerSpec& spec = spec_.layer(l);
  const int activation = l < spec_.depth() ? spec.activation : kernels::kLinear;  // the output goes on from Z[L]
  const kernels::Left<T> W = state_.left(l);
  const Index width = layer.rows.width(0);
  kernels::narrow_forward<T>(activation, spec.parameter, layer.n_in, layer.n_out, m, ld_, W.panel(0), width,
                             W.bias_of(0, layer.n_in, width), a_[at(l) - 1].data(),
                             z_[at(l)].empty() ? nullptr : z_[at(l)].data(), a_[at(l)].data());
}

template <class T>
void LanePass<T>::backward(int l, Index m) {
  const LayerSpec& spec = spec_.layer(l);
  const PackedLayer<T>& above = state_.layout().layer(l + 1);
  const Buffer<T>& x = z_[at(l)].empty() ? a_[at(l)] : z_[at(l)];
  kernels::narrow_backward<T>(spec.activation, spec.parameter, above.n_in, above.n_out, m, ld_,
                              state_.left(l + 1).panel(0), above.rows.width(0), dz_[at(l) + 1].data(), x.data(),
                              dz_[at(l)].data());
}

// One output already lies as the output function wants it; several are transposed, there and back.
template <class T>
void LanePass<T>::head(const Slab<T>& slab, double* losses) {
  const Index n = spec_.outputs();
  const std::size_t L = at(spec_.depth());
  T* Z = n == 1 ? a_[L].data() : workspace_.Z.data();
  T* dZ = n == 1 ? dz_[L].data() : workspace_.dZ.data();
  for (Index i = 0; i < n && n > 1; ++i) {
    for (Index j = 0; j < m_; ++j) Z[j * n + i] = a_[L].data()[i * ld_ + j];
  }
  output(spec_, examples_, slab.which, smoothing_of(spec_, slab.training), Z, dZ, losses, workspace_);
  for (Index i = 0; i < n; ++i) {
    T* to = dz_[L].data() + i * ld_;
    for (Index j = 0; j < m_ && n > 1; ++j) to[j] = dZ[j * n + i];
    std::fill(to + m_, to + kernels::round_up<T>(m_), T(0));  // what pads the examples adds nothing to the sums
  }
}

template <class T>
void LanePass<T>::gradient(const Piece& piece, bool add, T* out) const {
  kernels::narrow_sums<T>(piece.i1 - piece.i0, piece.valid, m_, a_[at(piece.l) - 1].data(),
                          dz_[at(piece.l)].data() + piece.start * ld_, ld_, add, out, piece.width);
}

template class LanePass<float>;
template class LanePass<double>;

}  // namespace deepcore
