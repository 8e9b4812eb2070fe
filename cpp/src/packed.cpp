// Packed: packing, unpacking and gathering.
// Floor: layer.
#include "packed.hpp"

namespace deepcore {

double forward_flops(const Spec& spec, Index m) {
  double weights = 0;
  for (int l = 1; l <= spec.depth(); ++l)
    weights += static_cast<double>(spec.units(l - 1)) * static_cast<double>(spec.units(l));
  return 2 * weights * static_cast<double>(m);
}

double step_flops(const Spec& spec, Index m) {
  const double first = static_cast<double>(spec.units(0)) * static_cast<double>(spec.units(1)) * static_cast<double>(m);
  return 3 * forward_flops(spec, m) - 2 * first;
}

Index even_block(Index m, Index most, int threads) {
  const auto parts = [](Index count, Index size) { return (count + size - 1) / size; };
  constexpr Index kTile = kernels::kColumns<3>;
  return parts(parts(m, parts(m, most * threads) * threads), kTile) * kTile;
}

template <class T>
PackedLayout<T>::PackedLayout(const Spec& spec) {
  for (int l = 1; l <= spec.depth(); ++l) {
    layers.push_back({spec.units(l - 1), spec.units(l), kernels::Panels<T>{spec.units(l)}, size,
                      spec.layer(l).norm == Norm::none ? 1 : 3});
    size += layers.back().size();
  }
}

template <class T>
void PackedLayout<T>::pack(const Layout& layout, const T* block, T* packed) const {
  for (int l = 1; l <= layout.depth(); ++l) {
    const PackedLayer<T>& to = layer(l);
    const View<const T> W = weights(layout, block, l), b = tail(layout, block, l);
    for (Index p = 0; p < to.rows.count(); ++p) {
      T* panel = packed + to.offset + to.rows.start(p) * to.depth();
      const Index start = to.rows.start(p), valid = to.rows.valid(p), width = to.rows.width(p);
      kernels::pack(W, start, valid, width, 0, to.n_in, panel);
      kernels::pack(b, start, valid, width, 0, to.tail, panel + to.n_in * width);
    }
  }
}

template <class T>
void PackedLayout<T>::unpack(const Layout& layout, const T* packed, T scale, T* block) const {
  for (int l = 1; l <= layout.depth(); ++l) {
    const PackedLayer<T>& from = layer(l);
    const View<T> W = weights(layout, block, l), b = tail(layout, block, l);
    for (Index p = 0; p < from.rows.count(); ++p) {
      const T* column = packed + from.offset + from.rows.start(p) * from.depth();
      for (Index k = 0; k < from.depth(); ++k, column += from.rows.width(p)) {
        T* to = (k < from.n_in ? &W(0, k) : &b(0, k - from.n_in)) + from.rows.start(p);
        for (Index i = 0; i < from.rows.valid(p); ++i) to[i] = scale * column[i];
      }
    }
  }
}

template <class T>
void gather(const Inputs<T>& X, const std::int64_t* order, Index first, Index m, kernels::Columns<T> to) {
  if (X.sparse()) {
    kernels::together(to, 0, X.rows, [&](Index i, Index rows) {
      for (Index j = 0; j < m; ++j) std::fill_n(to.from(i) + j * to.ld, rows, T(0));
    });
    for (Index j = 0; j < m; ++j) {
      for_each_value(X, order == nullptr ? first + j : order[first + j],
                     [&](Index i, T value) { to.from(i)[j * to.ld] += value; });
    }
    return;
  }
  const auto source = [&](Index j) {
    return X.data + (order == nullptr ? first + j : order[first + j]) * X.col_stride;
  };
  if (order != nullptr &&
      X.row_stride == 1) {  // shuffled examples come from anywhere in memory: ask for the next in time
    for (Index j = 0; j < m; ++j) {
      if (j + 1 < m) kernels::prefetch(source(j + 1), X.rows);
      for (Index i = 0; i < X.rows; i += kernels::kDepth) {
        const Index rows = std::min(to.strip == kernels::kDepth ? X.rows : kernels::kDepth, X.rows - i);
        std::copy_n(source(j) + i, rows, to.from(i) + j * to.ld);
        if (to.strip == kernels::kDepth) break;
      }
    }
    return;
  }
  const Index run = to.strip == kernels::kDepth ? X.rows : kernels::kDepth;
  for (Index i = 0; i < X.rows; i += run) {
    const Index rows = std::min(run, X.rows - i);
    if (X.row_stride == 1) {
      for (Index j = 0; j < m; ++j) std::copy_n(source(j) + i, rows, to.from(i) + j * to.ld);
    } else {
      for (Index k = i; k < i + rows; ++k) {
        for (Index j = 0; j < m; ++j) to.from(i)[j * to.ld + k - i] = source(j)[k * X.row_stride];
      }
    }
  }
}

template <class T>
void gather_targets(const Examples<T>& examples, const Spec& spec, const std::int64_t* order, Index first, Index m,
                    T* Y) {
  const Index outputs = spec.outputs();
  if (examples.labels == nullptr) {
    for (Index j = 0; j < m; ++j) {
      const Index source = order == nullptr ? first + j : order[first + j];
      for (Index i = 0; i < outputs; ++i) Y[j * outputs + i] = examples.Y(i, source);
    }
  } else {
    std::fill_n(Y, outputs * m, T(0));
    for (Index j = 0; j < m; ++j) {
      Y[j * outputs + examples.labels[order == nullptr ? first + j : order[first + j]]] = T(1);
    }
  }
  if (spec.smoothing() == 0) return;
  const T keep = static_cast<T>(1 - spec.smoothing()), add = static_cast<T>(spec.smoothing() * spec.smooth_target());
  for (Index i = 0; i < outputs * m; ++i) Y[i] = keep * Y[i] + add;
}

template struct PackedLayout<float>;
template struct PackedLayout<double>;
template void gather(const Inputs<float>&, const std::int64_t*, Index, Index, kernels::Columns<float>);
template void gather(const Inputs<double>&, const std::int64_t*, Index, Index, kernels::Columns<double>);
template void gather_targets(const Examples<float>&, const Spec&, const std::int64_t*, Index, Index, float*);
template void gather_targets(const Examples<double>&, const Spec&, const std::int64_t*, Index, Index, double*);

}  // namespace deepcore
