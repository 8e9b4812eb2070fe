// The head of a network: from Z[L] and the targets to A[L], dZ[L] and the loss of each example.
// Floor: kernels.
#pragma once

#include <deepcore/spec.hpp>

#include "kernels/columns.hpp"
#include "kernels/losses.hpp"

namespace deepcore::kernels {

// The literal loss and its derivative, n values each.
template <class T>
void loss_value(int loss, double parameter, Index n, const T* a, const T* y, T* value) {
  using P = Packet<T>;
  const P s = all<P>(parameter);
  Losses::visit(loss, [&](auto row) {
    map(n, value, [&](const P& p, const P& t) { return decltype(row)::value(p, t, s); }, a, y);
  });
}

template <class T>
void loss_gradient(int loss, double parameter, Index n, const T* a, const T* y, T* d) {
  using P = Packet<T>;
  const P s = all<P>(parameter);
  Losses::visit(loss, [&](auto row) {
    map(n, d, [&](const P& p, const P& t) { return decltype(row)::gradient(p, t, s); }, a, y);
  });
}

inline constexpr int kBinary = 0, kCategorical = 1;  // rows of Losses with a stable form; held to the table by a test

// One block of columns without gaps: Z (n, m) -> A in place, and if wanted dZ (n, m) and losses (m).
// Y (n, m) without gaps. scratch: n * m values.
template <class T>
void head(const Spec& spec, Index m, T* Z, const T* Y, T* dZ, double* losses, T* scratch) {
  using P = Packet<T>;
  const Index n = spec.outputs(), count = n * m;
  const LayerSpec& output = spec.layer(spec.depth());
  const auto sum_columns = [&] {
    if (n == 1) {
      for (Index j = 0; j < m; ++j) losses[j] = static_cast<double>(scratch[j]);
      return;
    }
    for (Index j = 0; j < m; ++j) {
      double sum = 0;
      for (Index i = 0; i < n; ++i) sum += static_cast<double>(scratch[j * n + i]);
      losses[j] = sum;
    }
  };
  if (spec.stable_output() && spec.loss() == kCategorical) {  // log sum exp(z) - y z
    for (Index j = 0; j < m; ++j) {
      T* z = Z + j * n;
      const T* y = Y + j * n;
      double picked = 0, total = 0;  // sum of y z, sum of y, which is 1 for labels
      for (Index i = 0; i < n; ++i) {
        if (y[i] != T(0)) picked += static_cast<double>(y[i]) * static_cast<double>(z[i]);
        total += static_cast<double>(y[i]);
      }
      const T log_sum = softmax(n, z, z);
      if (losses != nullptr) losses[j] = total * static_cast<double>(log_sum) - picked;
      if (dZ == nullptr) continue;
      const T all_y = static_cast<T>(total);
      for (Index i = 0; i < n; ++i) dZ[j * n + i] = all_y * z[i] - y[i];
    }
  } else if (spec.stable_output() && spec.loss() == kBinary) {  // max(z, 0) - y z + log(1 + exp(-|z|))
    if (losses != nullptr) {
      map(count, scratch, [](const P& z, const P& y) { return psub(softplus(z), pmul(y, z)); }, Z, Y);
      sum_columns();
    }
    activate(output.activation, output.parameter, n, m, n, Z, Z);
  } else {
    T* a = Z;
    if (dZ != nullptr) std::copy_n(Z, count, dZ);  // keeps Z where the derivative reads it
    activate(output.activation, output.parameter, n, m, n, Z, a);
    if (losses != nullptr) {
      loss_value(spec.loss(), spec.loss_parameter(), count, a, Y, scratch);
      sum_columns();
    }
    if (dZ != nullptr && !spec.stable_output()) {
      const bool reads_input = activations()[static_cast<std::size_t>(output.activation)].reads == Reads::input;
      if (reads_input) std::copy_n(dZ, count, scratch);
      loss_gradient(spec.loss(), spec.loss_parameter(), count, a, Y, dZ);
      pull_back(output.activation, output.parameter, n, m, n, reads_input ? scratch : a, dZ);
    }
  }
  const bool done = spec.stable_output() && spec.loss() == kCategorical;
  if (dZ != nullptr && spec.stable_output() && !done)
    map(count, dZ, [](const P& a, const P& y) { return psub(a, y); }, Z, Y);
}

}  // namespace deepcore::kernels
