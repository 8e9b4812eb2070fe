// Softmax: the units of one column along the lanes, or one column in each lane, with the same bits.
// Level: kernels. Declared in kernels/softmax.hpp.
#include "kernels/softmax.hpp"

#include "kernels/mathematics.hpp"

#include <cmath>
#include <limits>

namespace deepcore::kernels {

namespace {

template <class T>
constexpr T kNone = -std::numeric_limits<T>::infinity();

// Columns of at most so many values go through the lanes, one in each: along one column, the sums across a packet take
// most of the time. Up to 40 values with AVX2, a whole step of 64-30-n is 5 to 24% faster.
template <class T>
constexpr Index kShort = 5 * kLanes<T>;
static_assert(kShort<float> <= kDepth && kShort<double> <= kDepth, "a short column is summed in one piece");

// One column of more values than a packet holds. The exponentials are summed in pieces of kDepth, the pieces in double: one
// chain of float additions would lose digits where the column is long.
template <class T>
T long_softmax(Index n, const T* z, T* a) {
  using P = Packet<T>;
  constexpr Index S = kLanes<T>;
  const Index whole = n / S * S, rest = n - whole;
  P most = all<P>(kNone<T>);
  for (Index i = 0; i < whole; i += S) most = pmax(most, load<P>(z + i));
  if (rest > 0) most = pmax(most, load_some(z + whole, rest, kNone<T>));
  const T top = ei::predux_max(most);
  const P shift = all<P>(top);  // the largest exponent becomes 0: nothing overflows, something stays 1
  double total = 0;
  for (Index k = 0; k < n; k += kDepth) {
    P sum = all<P>(0);
    for (Index i = k; i < std::min(whole, k + kDepth); i += S) {
      const P e = exponential(psub(load<P>(z + i), shift));
      sum = padd(sum, e);
      store<P>(a + i, e);
    }
    if (rest > 0 && k + kDepth >= n) {
      const P e = exponential(psub(load_some(z + whole, rest, kNone<T>), shift));
      sum = padd(sum, e);
      store_some(a + whole, rest, e);
    }
    total += static_cast<double>(ei::predux(sum));
  }
  const T sum = static_cast<T>(total);
  const T scale = T(1) / sum;
  for (Index i = 0; i < n; ++i) a[i] *= scale;
  return top + std::log(sum);
}

// As many short columns as there are lanes, value i of column l at x[i * kLanes + l]: softmax in place, and log sum exp.
// Each sum is added up in the order of one column: along the lanes that its values would have there, then across them.
template <class T>
void short_softmax(Index n, T* x, T* log_sums) {
  using P = Packet<T>;
  constexpr Index S = kLanes<T>;
  P most = all<P>(kNone<T>);
  for (Index i = 0; i < n; ++i) most = pmax(most, load<P>(x + i * S));
  T parts[S * S], sums[S], tops[S];
  for (Index l = 0; l < S; ++l) {
    P part = all<P>(0);
    for (Index i = l; i < n; i += S) {
      const P e = exponential(psub(load<P>(x + i * S), most));
      part = padd(part, e);
      store<P>(x + i * S, e);
    }
    store<P>(parts + l * S, part);
  }
  T turned[S * S];
  turn(parts, S, S, S, turned, S);
  for (Index l = 0; l < S; ++l) sums[l] = ei::predux(load<P>(turned + l * S));
  const P scale = pdiv(all<P>(1), load<P>(sums));
  for (Index i = 0; i < n; ++i) store<P>(x + i * S, pmul(load<P>(x + i * S), scale));
  store<P>(tops, most);
  for (Index l = 0; l < S; ++l) log_sums[l] = tops[l] + std::log(sums[l]);
}

// One column of softmax_with_cross_entropy
template <class T>
void cross_entropy_of_one(Index n, T* z, const T* y, T* d, double* loss) {
  double picked = 0, total = 0;  // sum of y z, sum of y, which is 1 for labels
  for (Index i = 0; i < n; ++i) {
    if (y[i] != T(0)) picked += static_cast<double>(y[i]) * static_cast<double>(z[i]);
    total += static_cast<double>(y[i]);
  }
  const T log_sum = softmax(n, z, z);
  if (loss != nullptr) *loss = total * static_cast<double>(log_sum) - picked;
  if (d == nullptr) return;
  const T all_y = static_cast<T>(total);
  for (Index i = 0; i < n; ++i) d[i] = all_y * z[i] - y[i];
}

// The same for as many columns as there are lanes
template <class T>
void cross_entropy_of_lanes(Index n, T* Z, const T* Y, T* dZ, double* losses) {
  using P = Packet<T>;
  constexpr Index S = kLanes<T>;
  T z[kShort<T> * S], y[kShort<T> * S], log_sums[S], all_y[S];
  turn<T>(Z, n, S, n, z, S);
  turn(Y, n, S, n, y, S);
  double picked[S] = {}, total[S] = {};
  for (Index i = 0; i < n; ++i) {
    for (Index l = 0; l < S; ++l) {
      const auto of_y = static_cast<double>(y[i * S + l]), product = of_y * static_cast<double>(z[i * S + l]);
      picked[l] += of_y != 0 ? product : 0;
      total[l] += of_y;
    }
  }
  short_softmax(n, z, log_sums);
  turn<T>(z, S, n, S, Z, n);
  for (Index l = 0; l < S; ++l) {
    if (losses != nullptr) losses[l] = total[l] * static_cast<double>(log_sums[l]) - picked[l];
    all_y[l] = static_cast<T>(total[l]);
  }
  if (dZ == nullptr) return;
  for (Index i = 0; i < n; ++i) {
    store<P>(y + i * S, psub(pmul(load<P>(all_y), load<P>(z + i * S)), load<P>(y + i * S)));
  }
  turn<T>(y, S, n, S, dZ, n);
}

}  // namespace

template <class T>
T softmax(Index n, const T* z, T* a) {
  using P = Packet<T>;
  if (n > kLanes<T>) return long_softmax(n, z, a);
  const P logits = load_some(z, n, kNone<T>);
  const T top = ei::predux_max(logits);
  const P e = exponential(psub(logits, all<P>(top)));
  const T sum = ei::predux(e);
  store_some(a, n, pmul(e, all<P>(T(1) / sum)));
  return top + std::log(sum);
}

template <class T>
void softmax(Index n, Index m, Index stride, const T* Z, T* A) {
  constexpr Index S = kLanes<T>;
  Index j = 0;
  for (; n <= kShort<T> && j + S <= m; j += S) {
    T x[kShort<T> * S], log_sums[S];
    turn(Z + j * stride, stride, S, n, x, S);
    short_softmax(n, x, log_sums);
    turn<T>(x, S, n, S, A + j * stride, stride);
  }
  for (; j < m; ++j) softmax(n, Z + j * stride, A + j * stride);
}

template <class T>
void pull_back_softmax(Index n, Index m, Index stride, const T* a, T* d) {
  for (Index j = 0; j < m; ++j, a += stride, d += stride) {
    double total = 0;
    for (Index k = 0; k < n; k += kDepth) {
      T sum = 0;
      for (Index i = k; i < std::min(n, k + kDepth); ++i) sum += a[i] * d[i];
      total += static_cast<double>(sum);
    }
    const T dot = static_cast<T>(total);
    for (Index i = 0; i < n; ++i) d[i] = a[i] * (d[i] - dot);
  }
}

template <class T>
void softmax_with_cross_entropy(Index n, Index m, T* Z, const T* Y, T* dZ, double* losses) {
  constexpr Index S = kLanes<T>;
  const auto from = [](auto* x, Index at) { return x == nullptr ? nullptr : x + at; };
  Index j = 0;
  for (; n <= kShort<T> && j + S <= m; j += S) {
    cross_entropy_of_lanes(n, Z + j * n, Y + j * n, from(dZ, j * n), from(losses, j));
  }
  for (; j < m; ++j) cross_entropy_of_one(n, Z + j * n, Y + j * n, from(dZ, j * n), from(losses, j));
}

#define DEEPCORE_INSTANTIATE(T)                                       \
  template T softmax(Index, const T*, T*);                            \
  template void softmax(Index, Index, Index, const T*, T*);           \
  template void pull_back_softmax(Index, Index, Index, const T*, T*); \
  template void softmax_with_cross_entropy(Index, Index, T*, const T*, T*, double*);
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE

}  // namespace deepcore::kernels
