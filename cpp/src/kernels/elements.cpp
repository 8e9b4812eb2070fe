// Element by element: activations, losses, the head, penalties.
// Level: kernels. Declared in kernels/columns.hpp, kernels/head.hpp and kernels/penalties.hpp.
#include "kernels/activations.hpp"
#include "kernels/columns.hpp"
#include "kernels/head.hpp"
#include "kernels/losses.hpp"
#include "kernels/penalties.hpp"
#include "kernels/softmax.hpp"

#include <cmath>
#include <limits>

namespace deepcore {

const std::vector<ActivationInfo>& activations() {
  static const auto rows = kernels::Activations::infos();
  return rows;
}

const std::vector<LossInfo>& losses() {
  static const auto rows = kernels::Losses::infos();
  return rows;
}

namespace kernels {

namespace {

// Calls f(start, count) for the ranges of contiguous values in m columns: one range when there are no gaps.
template <class F>
void ranges(Index n, Index m, Index stride, F f) {
  if (stride == n) {
    f(Index{0}, n * m);
  } else {
    for (Index j = 0; j < m; ++j) f(j * stride, n);
  }
}

}  // namespace

template <class T>
void activate(int activation, double parameter, Index n, Index m, Index stride, const T* Z, T* A) {
  using P = Packet<T>;
  Activations::visit(activation, [&](auto row) {
    using Row = decltype(row);
    if constexpr (Row::info.columnwise) {
      softmax(n, m, stride, Z, A);
    } else if constexpr (!std::is_same_v<Row, Linear>) {
      const P s = all<P>(parameter);
      ranges(n, m, stride,
             [&](Index at, Index count) { map(count, A + at, [&](const P& z) { return Row::value(z, s); }, Z + at); });
    } else if (Z != A) {
      ranges(n, m, stride, [&](Index at, Index count) { std::copy_n(Z + at, count, A + at); });
    }
  });
}

template <class T>
void pull_back(int activation, double parameter, Index n, Index m, Index stride, const T* x, T* d) {
  using P = Packet<T>;
  Activations::visit(activation, [&](auto row) {
    using Row = decltype(row);
    if constexpr (Row::info.columnwise) {
      pull_back_softmax(n, m, stride, x, d);
    } else if constexpr (!std::is_same_v<Row, Linear>) {
      const P s = all<P>(parameter);
      ranges(n, m, stride, [&](Index at, Index count) {
        map(count, d + at, [&](const P& v, const P& g) { return pmul(g, Row::slope(v, s)); }, x + at, d + at);
      });
    }
  });
}

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

namespace {

// losses[j] = the sum of the values of column j
template <class T>
void sum_columns(Index n, Index m, const T* values, double* losses) {
  if (n == 1) {
    for (Index j = 0; j < m; ++j) losses[j] = static_cast<double>(values[j]);
    return;
  }
  for (Index j = 0; j < m; ++j) {
    double sum = 0;
    for (Index i = 0; i < n; ++i) sum += static_cast<double>(values[j * n + i]);
    losses[j] = sum;
  }
}

// The losses of columns where a float overflowed, computed once more in double: 1e20 squared is no number of float.
template <class T>
void widen(const Spec& spec, Index m, const T* A, const T* Y, double* losses) {
  const Index n = spec.outputs();
  for (Index j = 0; j < m; ++j) {
    if (std::isfinite(losses[j])) continue;
    losses[j] = 0;
    for (Index i = j * n; i < (j + 1) * n; ++i) {
      const auto a = static_cast<double>(A[i]), y = static_cast<double>(Y[i]);
      double value = 0;
      loss_value(spec.loss(), spec.loss_parameter(), 1, &a, &y, &value);
      losses[j] += value;
    }
  }
}

// Where a derivative is this large, the sums of the backward pass may overflow, and with them the step that the loss belongs
// to. Its loss says so before the parameters are touched.
template <class T>
void refuse_huge(Index n, Index m, const T* dZ, double* losses) {
  const T most = std::numeric_limits<T>::max() * static_cast<T>(0x1p-48);
  for (Index j = 0; j < m; ++j) {
    const bool huge = !std::all_of(dZ + j * n, dZ + (j + 1) * n, [&](T d) { return std::abs(d) <= most; });
    if (huge) losses[j] = std::numeric_limits<double>::infinity();
  }
}

// sigmoid and binary cross-entropy from one exponential: losses = softplus(z) - y z, Z -> A in place, and dZ = a - y, if
// wanted. Two loops: one alone is a chain of instructions so long that the processor works on hardly more than one packet
// at a time. Flat: a call of the exponential for each packet costs a small network 4% of its step.
template <class T>
[[gnu::flatten, gnu::noinline]] void sigmoid_with_cross_entropy(Index n, T* Z, const T* Y, T* dZ, T* losses) {
  using P = Packet<T>;
  constexpr Index S = kLanes<T>;
  map(n, losses, [](const P& z) { return exp_minus_abs(z); }, Z);
  const auto packet = [&](const P& z, const P& y, const P& e, auto&& put) {
    const P a = sigmoid(z, e);
    put(losses, psub(softplus(z, e), pmul(y, z)));
    put(Z, a);
    if (dZ != nullptr) put(dZ, psub(a, y));
  };
  Index i = 0;
  for (; i + S <= n; i += S) {
    packet(load<P>(Z + i), load<P>(Y + i), load<P>(losses + i), [&](T* to, const P& x) { store<P>(to + i, x); });
  }
  if (i == n) return;
  packet(load_some(Z + i, n - i, T(0)), load_some(Y + i, n - i, T(0)), load_some(losses + i, n - i, T(0)),
         [&](T* to, const P& x) { store_some(to + i, n - i, x); });
}

}  // namespace

template <class T>
void head(const Spec& spec, Index m, T* Z, const T* Y, T* dZ, double* losses, T* scratch) {
  using P = Packet<T>;
  const Index n = spec.outputs(), count = n * m;
  const LayerSpec& output = spec.layer(spec.depth());
  if (spec.stable_output() && spec.loss() == kCategorical) return softmax_with_cross_entropy(n, m, Z, Y, dZ, losses);
  if (spec.stable_output() && spec.loss() == kBinary) {
    sigmoid_with_cross_entropy(count, Z, Y, dZ, scratch);
    if (losses != nullptr) sum_columns(n, m, scratch, losses);
    return;
  }
  T* a = Z;
  if (dZ != nullptr) std::copy_n(Z, count, dZ);  // keeps Z where the derivative reads it
  activate(output.activation, output.parameter, n, m, n, Z, a);
  bool overflowed = false;
  if (losses != nullptr) {
    loss_value(spec.loss(), spec.loss_parameter(), count, a, Y, scratch);
    sum_columns(n, m, scratch, losses);
    overflowed =
        sizeof(T) < sizeof(double) && !std::all_of(losses, losses + m, [](double loss) { return std::isfinite(loss); });
    if (overflowed) widen(spec, m, a, Y, losses);
  }
  if (dZ == nullptr) return;
  if (spec.stable_output()) {
    map(count, dZ, [](const P& p, const P& y) { return psub(p, y); }, Z, Y);
  } else {
    const bool reads_input = activations()[static_cast<std::size_t>(output.activation)].reads == Reads::input;
    if (reads_input) std::copy_n(dZ, count, scratch);
    loss_gradient(spec.loss(), spec.loss_parameter(), count, a, Y, dZ);
    pull_back(output.activation, output.parameter, n, m, n, reads_input ? scratch : a, dZ);
  }
  if (overflowed) refuse_huge(n, m, dZ, losses);
}

template <class T>
void add_penalty(Index n, const T* w, double l1, double l2, double weight, T* g) {
  using P = Packet<T>;
  const P a = all<P>(weight * l1), b = all<P>(weight * l2), zero = all<P>(0), down = pnegate(a);
  map(
      n, g,
      [&](const P& sum, const P& x) {
        const P sign = select(pcmp_lt(zero, x), a, select(pcmp_lt(x, zero), down, zero));
        return padd(pmadd(b, x, sum), sign);
      },
      static_cast<const T*>(g), w);
}

template <class T>
void clip(Index n, double most, T scale, T* g) {
  using P = Packet<T>;
  const P s = all<P>(scale), high = all<P>(most), low = pnegate(high);
  map(
      n, g,
      [&](const P& x) {
        const P y = pmul(s, x);  // comparisons leave NaN as it is
        return most == 0 ? y : select(pcmp_lt(high, y), high, select(pcmp_lt(y, low), low, y));
      },
      static_cast<const T*>(g));
}

CompensatedSum compensated_sum(Index n, const double* x) {
  using P = Packet<double>;
  constexpr Index S = kLanes<double>, kChains = 2;  // so that no addition waits for the one before
  P high[kChains], low[kChains];
  for (Index c = 0; c < kChains; ++c) high[c] = low[c] = all<P>(0);
  const auto add = [](P& sum, P& error, const P& value) {
    const P total = padd(sum, value), part = psub(total, sum);
    error = padd(error, padd(psub(sum, psub(total, part)), psub(value, part)));
    sum = total;
  };
  Index i = 0;
  for (; i + kChains * S <= n; i += kChains * S) {
#pragma GCC unroll 2
    for (Index c = 0; c < kChains; ++c) add(high[c], low[c], load<P>(x + i + c * S));
  }
  for (; i < n; i += S) add(high[0], low[0], load_some(x + i, std::min(S, n - i), 0.0));
  double parts[2 * kChains][S];
  for (Index c = 0; c < kChains; ++c) {
    store<P>(parts[2 * c], high[c]);
    store<P>(parts[2 * c + 1], low[c]);
  }
  CompensatedSum total{0, 0};
  for (const auto& part : parts) {
    for (const double value : part) {
      const double sum = total.high + value, rest = sum - total.high;
      total.low += (total.high - (sum - rest)) + (value - rest);
      total.high = sum;
    }
  }
  return total;
}

#define DEEPCORE_INSTANTIATE(T)                                            \
  template void activate(int, double, Index, Index, Index, const T*, T*);  \
  template void pull_back(int, double, Index, Index, Index, const T*, T*); \
  template void loss_value(int, double, Index, const T*, const T*, T*);    \
  template void loss_gradient(int, double, Index, const T*, const T*, T*); \
  template void head(const Spec&, Index, T*, const T*, T*, double*, T*);   \
  template void add_penalty(Index, const T*, double, double, double, T*);  \
  template void clip(Index, double, T, T*);
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE

}  // namespace kernels
}  // namespace deepcore
