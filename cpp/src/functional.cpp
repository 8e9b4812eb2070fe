// The notes, function by function, on matrices of any strides.
// Level: calls. Arrays whose rows or columns are contiguous are read where they lie; others are copied once.
#include <deepcore/functional.hpp>

#include "batch.hpp"
#include "kernels/head.hpp"
#include "kernels/narrow.hpp"
#include "sizes.hpp"

#include <algorithm>

namespace deepcore {

namespace {

template <class T>
Buffer<T> columns(View<const T> X, Index ld) {  // X with contiguous columns ld apart, and room for a padded last panel
  Buffer<T> to(ld * X.cols + kernels::Panels<T>::kWidth);
  gather_inputs<T>(X, {nullptr, 0, X.cols}, {to.data(), ld, kernels::kDepth});
  return to;
}

// X (K, m) as the right-hand side of a product: f(along_k, data, stride), copied only if neither way is contiguous.
template <class T, class F>
void as_right(View<const T> X, F f) {
  if (X.row_stride == 1) return f(std::true_type{}, X.data, X.col_stride);
  if (X.col_stride == 1) return f(std::false_type{}, X.data, X.row_stride);
  Buffer<T> copy = columns(X, X.rows);
  f(std::true_type{}, static_cast<const T*>(copy.data()), X.rows);
}

template <class T>
void scatter(const T* from, Index ld, Index first, Index m, View<T> to) {
  for (Index j = 0; j < m; ++j) {
    for (Index i = 0; i < to.rows; ++i) to(i, first + j) = from[j * ld + i];
  }
}

// C (n, m) = A B (+ bias): A (n, K) is packed here.
template <class T>
void product(View<const T> A, View<const T> B, const View<const T>* bias, View<T> C) {
  constexpr Index kBlock = 64;
  const kernels::Panels<T> rows{A.rows};
  const Index K = A.cols, depth = K + 1, ld = leading<T>(A.rows);
  Buffer<T> packed(rows.padded() * depth), block(ld * kBlock + kernels::Panels<T>::kWidth);
  kernels::pack(A, depth, packed.data());
  for (Index p = 0; bias != nullptr && p < rows.count(); ++p) {
    kernels::pack(*bias, rows.start(p), rows.valid(p), rows.width(p), 0, 1,
                  packed.data() + rows.start(p) * depth + K * rows.width(p));
  }
  const kernels::Left<T> W{packed.data(), depth, 0, bias != nullptr, nullptr};
  as_right(B, [&](auto along_k, const T* b, Index sb) {
    constexpr bool kAlongK = decltype(along_k)::value;
    for (Index first = 0; first < C.cols; first += kBlock) {
      const Index m = std::min(kBlock, C.cols - first);
      kernels::multiply<kAlongK>(rows, K, W, b + first * (kAlongK ? sb : 1), sb, m, block.data(), ld);
      scatter(block.data(), ld, first, m, C);
    }
  });
}

}  // namespace

template <class T>
void linear_forward(View<const T> A_prev, View<const T> W, View<const T> b, View<T> Z) {
  product(W, A_prev, &b, Z);
}

template <class T>
void linear_backward(View<const T> dZ, View<const T> A_prev, View<const T> W, View<T> dA_prev, View<T> dW, View<T> db) {
  const Index n = dZ.rows, m = dZ.cols, n_prev = A_prev.rows, ld = leading<T>(n);
  Buffer<T> d = columns(dZ, ld);
  const kernels::Panels<T> rows{n};
  Buffer<T> chunk(kernels::Panels<T>::kWidth * n_prev);
  const T scale = static_cast<T>(1.0 / static_cast<double>(m));
  const View<const T> transposed{W.data, W.cols, W.rows, W.col_stride, W.row_stride};
  product<T>(transposed, {d.data(), n, m, 1, ld}, nullptr, dA_prev);
  if (kernels::narrow(n_prev, n)) {
    T C[kernels::kNarrow * (kernels::kNarrow + 1)];
    kernels::narrow_sums_of<T>(n_prev, n, m, A_prev, dZ, false, C, n);
    for (Index i = 0; i < n; ++i) {
      for (Index k = 0; k < n_prev; ++k) dW(i, k) = scale * C[k * n + i];
      db(i, 0) = scale * C[n_prev * n + i];
    }
    return;
  }
  const View<const T> examples{A_prev.data, m, n_prev, A_prev.col_stride,
                               A_prev.row_stride};  // A_prev', depth = examples
  as_right(examples, [&](auto along_k, const T* b, Index sb) {
    for (Index p = 0; p < rows.count(); ++p) {
      const Index width = rows.width(p);
      kernels::outer<decltype(along_k)::value>(width, m, d.data() + rows.start(p), ld, b, sb, n_prev, false,
                                               chunk.data());
      for (Index k = 0; k < n_prev; ++k) {
        for (Index i = 0; i < rows.valid(p); ++i) dW(rows.start(p) + i, k) = scale * chunk.data()[k * width + i];
      }
      kernels::row_sums(width, m, d.data() + rows.start(p), ld, false, chunk.data());
      for (Index i = 0; i < rows.valid(p); ++i) db(rows.start(p) + i, 0) = scale * chunk.data()[i];
    }
  });
}

template <class T>
void activation_forward(View<const T> Z, int activation, double parameter, View<T> A) {
  Buffer<T> block = columns(Z, Z.rows);
  kernels::activate<T>(activation, parameter, Z.rows, Z.cols, Z.rows, block.data(), block.data());
  scatter<T>(block.data(), Z.rows, 0, Z.cols, A);
}

template <class T>
void activation_backward(View<const T> dA, View<const T> Z, int activation, double parameter, View<T> dZ) {
  Buffer<T> x = columns(Z, Z.rows), d = columns(dA, Z.rows);
  if (activations()[static_cast<std::size_t>(activation)].reads == Reads::output) {
    kernels::activate<T>(activation, parameter, Z.rows, Z.cols, Z.rows, x.data(), x.data());
  }
  kernels::pull_back<T>(activation, parameter, Z.rows, Z.cols, Z.rows, x.data(), d.data());
  scatter<T>(d.data(), Z.rows, 0, Z.cols, dZ);
}

template <class T>
void loss_values(View<const T> A, View<const T> Y, int loss, double parameter, T* values) {
  Buffer<T> a = columns(A, A.rows), y = columns(Y, A.rows);
  kernels::loss_value<T>(loss, parameter, A.rows * A.cols, a.data(), y.data(), a.data());
  for (Index j = 0; j < A.cols; ++j) {
    double sum = 0;
    for (Index i = 0; i < A.rows; ++i) sum += static_cast<double>(a.data()[j * A.rows + i]);
    values[j] = static_cast<T>(sum);
  }
}

template <class T>
void loss_gradient(View<const T> A, View<const T> Y, int loss, double parameter, View<T> dA) {
  Buffer<T> a = columns(A, A.rows), y = columns(Y, A.rows);
  kernels::loss_gradient<T>(loss, parameter, A.rows * A.cols, a.data(), y.data(), a.data());
  scatter<T>(a.data(), A.rows, 0, A.cols, dA);
}

#define DEEPCORE_INSTANTIATE(T)                                                                          \
  template void linear_forward(View<const T>, View<const T>, View<const T>, View<T>);                    \
  template void linear_backward(View<const T>, View<const T>, View<const T>, View<T>, View<T>, View<T>); \
  template void activation_forward(View<const T>, int, double, View<T>);                                 \
  template void activation_backward(View<const T>, View<const T>, int, double, View<T>);                 \
  template void loss_values(View<const T>, View<const T>, int, double, T*);                              \
  template void loss_gradient(View<const T>, View<const T>, int, double, View<T>);
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE

}  // namespace deepcore
