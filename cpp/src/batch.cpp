// Batch: gathering examples and their targets; sums of losses.
// Level: batches.
#include "batch.hpp"

#include <algorithm>

namespace deepcore {

namespace {

using kernels::kDepth;

constexpr Index kAhead = 2048;  // bytes of examples that are asked for before they are read

template <class T>
void gather_sparse(const Inputs<T>& X, const Selection& which, kernels::Columns<T> to) {
  kernels::together(to, 0, X.rows, [&](Index i, Index rows) {
    for (Index j = 0; j < which.count; ++j) std::fill_n(to.from(i) + j * to.ld, rows, T(0));
  });
  for (Index j = 0; j < which.count; ++j)
    for_each_value(X, which[j], [&](Index i, T value) { to.from(i)[j * to.ld] += value; });
}

}  // namespace

template <class T>
void gather_inputs(const Inputs<T>& X, const Selection& which, kernels::Columns<T> to) {
  if (X.sparse()) return gather_sparse(X, which, to);
  const Index m = which.count, together = to.strip == kDepth ? X.rows : kDepth;  // rows that lie together in `to`
  const auto source = [&](Index j) { return X.data + which[j] * X.col_stride; };
  const auto copy_rows = [&](Index i, Index j) {
    std::copy_n(source(j) + i, std::min(together, X.rows - i), to.from(i) + j * to.ld);
  };
  if (!which.in_order() && X.row_stride == 1) {  // shuffled: from anywhere in memory, so ask for the next ones
    const Index ahead = std::max<Index>(1, kAhead / (X.rows * static_cast<Index>(sizeof(T))));
    for (Index j = 0; j < m; ++j) {
      if (j + ahead < m) kernels::prefetch(source(j + ahead), X.rows);
      for (Index i = 0; i < X.rows; i += together) copy_rows(i, j);
    }
    return;
  }
  for (Index i = 0; i < X.rows; i += together) {
    if (X.row_stride == 1) {
      for (Index j = 0; j < m; ++j) copy_rows(i, j);
      continue;
    }
    for (Index k = i; k < std::min(i + together, X.rows); ++k) {
      for (Index j = 0; j < m; ++j) to.from(i)[j * to.ld + k - i] = source(j)[k * X.row_stride];
    }
  }
}

template <class T>
const T* gather_targets(const Examples<T>& examples, const Spec& spec, const Selection& which, double smoothing,
                        T* buffer) {
  const Index outputs = spec.outputs(), m = which.count;
  const View<const T>& all = examples.Y;
  if (examples.labels != nullptr) {
    std::fill_n(buffer, outputs * m, T(0));
    for (Index j = 0; j < m; ++j) buffer[j * outputs + examples.labels[which[j]]] = T(1);
  } else if (which.in_order() && all.row_stride == 1 && all.col_stride == outputs && smoothing == 0) {
    return &all(0, which.first);
  } else {
    for (Index j = 0; j < m; ++j) {
      for (Index i = 0; i < outputs; ++i) buffer[j * outputs + i] = all(i, which[j]);
    }
  }
  if (smoothing == 0) return buffer;
  const T keep = static_cast<T>(1 - smoothing), add = static_cast<T>(smoothing * spec.smooth_target());
  for (Index i = 0; i < outputs * m; ++i) buffer[i] = keep * buffer[i] + add;
  return buffer;
}

template <class T>
BatchSums batch_sums(const Examples<T>& examples, const Selection& which, const double* losses) {
  BatchSums total;
  if (examples.weights == nullptr) {
    const kernels::CompensatedSum sum = kernels::compensated_sum(which.count, losses);
    return {{sum.high, sum.low}, {static_cast<double>(which.count), 0}};
  }
  for (Index j = 0; j < which.count; ++j) {
    const auto w = static_cast<double>(weight_of(examples, which[j]));
    if (w == 0) continue;  // the loss may be NaN
    total.loss.add(w * losses[j]);
    total.weight.add(w);
  }
  return total;
}

#define DEEPCORE_INSTANTIATE(T)                                                                    \
  template void gather_inputs(const Inputs<T>&, const Selection&, kernels::Columns<T>);            \
  template const T* gather_targets(const Examples<T>&, const Spec&, const Selection&, double, T*); \
  template BatchSums batch_sums(const Examples<T>&, const Selection&, const double*);
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE

}  // namespace deepcore
