// Embeddings: the definitions of kernels/embeddings.hpp, with examples along the lanes.
// Level: kernels.
#include "kernels/embeddings.hpp"

#include <deepcore/embeddings.hpp>

#include "kernels/mathematics.hpp"

namespace deepcore::kernels {

namespace {

constexpr double kTurn = 6.28318530717958647692;

template <class P>
EIGEN_ALWAYS_INLINE P cosine(const P& u) {
  if constexpr (std::is_same_v<Scalar<P>, float>) {
    return ei::psincos_float<false>(u);
  } else {
    Scalar<P> lanes[ei::unpacket_traits<P>::size];
    store<P>(lanes, u);
    for (auto& x : lanes) x = std::cos(x);
    return load<P>(lanes);
  }
}

template <class P>
EIGEN_ALWAYS_INLINE P sine(const P& u) {
  if constexpr (std::is_same_v<Scalar<P>, float>) {
    return ei::psincos_float<true>(u);
  } else {
    Scalar<P> lanes[ei::unpacket_traits<P>::size];
    store<P>(lanes, u);
    for (auto& x : lanes) x = std::sin(x);
    return load<P>(lanes);
  }
}

template <class T, class P>
EIGEN_ALWAYS_INLINE P angle(const EmbeddedColumn<T>& c, Index h, const P& x) {
  return pmadd(x, all<P>(static_cast<double>(static_cast<T>(kTurn) * c.frequency[h])), all<P>(static_cast<double>(c.phase[h])));
}

// How far x is between the edges h - 1 and h.
template <class T, class P>
EIGEN_ALWAYS_INLINE P part_of_bin(const EmbeddedColumn<T>& c, Index h, const P& x) {
  const T from = c.edges[h - 1], width = c.edges[h] - from;
  P part = pdiv(psub(x, all<P>(static_cast<double>(from))), all<P>(static_cast<double>(width)));
  if (h > 1) part = pmax(part, all<P>(0));
  if (h + 1 < c.basis) part = ei::pmin(part, all<P>(1));
  return part;
}

template <class T, class P>
EIGEN_ALWAYS_INLINE P basis(const EmbeddedColumn<T>& c, Index h, const P& x) {
  if (c.frequency != nullptr) return cosine(angle(c, h, x));
  return h == 0 ? x : part_of_bin(c, h, x);
}

template <class T, class P>
T sum_of_lanes(const P& p) {
  T lanes[kLanes<T>], total = 0;
  store<P>(lanes, p);
  for (const T x : lanes) total += x;
  return total;
}

}  // namespace

template <class T>
void embed(const EmbeddedColumn<T>& c, Index m, const T* x, Index row, Columns<T> to) {
  using P = Packet<T>;
  constexpr Index S = kLanes<T>;
  P sums[kMostEmbeddingUnits];
  for (Index j = 0; j < m; j += S) {
    const Index count = std::min(S, m - j);
    const P values = count == S ? load<P>(x + j) : load_some(x + j, count, T(0));
    for (Index k = 0; k < c.units; ++k) sums[k] = all<P>(static_cast<double>(c.offset[k]));
    const T* weight = c.weight;
    for (Index h = 0; h < c.basis; ++h, weight += c.units) {
      const P value = basis(c, h, values);
      for (Index k = 0; k < c.units; ++k) sums[k] = pmadd(value, all<P>(static_cast<double>(weight[k])), sums[k]);
    }
    for (Index k = 0; k < c.units; ++k) {
      T lanes[S];
      store<P>(lanes, sums[k]);
      T* out = to.from(row + k) + j * to.ld;
      for (Index e = 0; e < count; ++e) out[e * to.ld] = lanes[e];
    }
  }
}

template <class T>
void embed_back(const EmbeddedColumn<T>& c, Index m, const T* x, const T* d, Index ld, bool add,
                const EmbeddedSums<T>& out) {
  using P = Packet<T>;
  constexpr Index S = kLanes<T>;
  const auto keep = [&](T& to, T sum) { to = add ? to + sum : sum; };
  P sums[kMostEmbeddingUnits];
  for (Index h = 0; h < c.basis; ++h) {
    const T* weight = c.weight + h * c.units;
    P frequency = all<P>(0), phase = all<P>(0);
    for (Index k = 0; k < c.units; ++k) sums[k] = all<P>(0);
    for (Index j = 0; j < m; j += S) {
      const P value = load<P>(x + j);
      if (c.frequency == nullptr) {
        const P base = basis(c, h, value);
        for (Index k = 0; k < c.units; ++k) sums[k] = pmadd(base, load<P>(d + k * ld + j), sums[k]);
        continue;
      }
      const P u = angle(c, h, value), base = cosine(u);
      P slope = all<P>(0);
      for (Index k = 0; k < c.units; ++k) {
        const P g = load<P>(d + k * ld + j);
        sums[k] = pmadd(base, g, sums[k]);
        slope = pmadd(g, all<P>(static_cast<double>(weight[k])), slope);
      }
      slope = pmul(slope, pnegate(sine(u)));
      frequency = pmadd(slope, value, frequency);
      phase = padd(phase, slope);
    }
    for (Index k = 0; k < c.units; ++k) keep(out.weight[h * c.units + k], sum_of_lanes<T>(sums[k]));
    if (c.frequency == nullptr) continue;
    keep(out.frequency[h], static_cast<T>(kTurn) * sum_of_lanes<T>(frequency));
    keep(out.phase[h], sum_of_lanes<T>(phase));
  }
  for (Index k = 0; k < c.units; ++k) {
    P sum = all<P>(0);
    for (Index j = 0; j < m; j += S) sum = padd(sum, load<P>(d + k * ld + j));
    keep(out.offset[k], sum_of_lanes<T>(sum));
  }
}

#define DEEPCORE_INSTANTIATE(T)                                                      \
  template void embed(const EmbeddedColumn<T>&, Index, const T*, Index, Columns<T>); \
  template void embed_back(const EmbeddedColumn<T>&, Index, const T*, const T*, Index, bool, const EmbeddedSums<T>&);
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE

}  // namespace deepcore::kernels
