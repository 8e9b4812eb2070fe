// Embeddings: the definitions of kernels/embeddings.hpp, with examples along the lanes.
// Level: kernels.
#include "kernels/embeddings.hpp"

#include <deepcore/embeddings.hpp>

#include "kernels/mathematics.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace deepcore::kernels {

namespace {

constexpr double kTurn = 6.28318530717958647692;  // 2 pi

template <class P>
EIGEN_ALWAYS_INLINE P same(Scalar<P> x) {
  return ei::pset1<P>(x);
}

// c0 + z (c1 + z (c2 + ...))
template <class P>
EIGEN_ALWAYS_INLINE P polynomial(const P&, double last) {
  return all<P>(last);
}
template <class P, class... More>
EIGEN_ALWAYS_INLINE P polynomial(const P& z, double first, More... more) {
  return pmadd(z, polynomial(z, more...), all<P>(first));
}

// The cosine of a number of turns; slope becomes minus its sine.
//
// float: with r = turns - round(turns) and s = sin(pi r), c = cos(pi r), cos = 1 - 2 s^2 and sin = 2 s c. The polynomials are
// least squares at Chebyshev nodes of |r| <= 1/2, with errors of 3e-11 and 3e-10. double: the C library, lane by lane.
template <class P>
EIGEN_ALWAYS_INLINE P wave(const P& turns, P& slope) {
  using T = Scalar<P>;
  if constexpr (std::is_same_v<T, float>) {
    const P r = psub(turns, ei::print(turns)), z = pmul(r, r);
    const P s = pmul(r, polynomial(z, 3.1415926535667964, -5.167712768144728, 2.55016341106883, -0.5992531186137171,
                                   0.08205430695397808, -0.007034307942376472));
    const P c = polynomial(z, 0.9999999999054063, -4.934802151558889, 4.058709538485527, -1.3352157905474655,
                           0.23495337681652018, -0.02442068126401864);
    const P minus = pmul(all<P>(-2), s);
    slope = pmul(minus, c);
    return pmadd(minus, s, all<P>(1));
  } else {
    constexpr Index S = ei::unpacket_traits<P>::size;
    T cosine[S], minus_sine[S];
    store<P>(cosine, turns);
    for (Index k = 0; k < S; ++k) {
      const T angle = static_cast<T>(kTurn) * (cosine[k] - std::rint(cosine[k]));
      cosine[k] = std::cos(angle);
      minus_sine[k] = -std::sin(angle);
    }
    slope = load<P>(minus_sine);
    return load<P>(cosine);
  }
}

template <class T, class P>
EIGEN_ALWAYS_INLINE P turns(const EmbeddedColumn<T>& c, Index h, const P& x) {
  return pmadd(x, same<P>(c.frequency[h]), same<P>(c.phase[h] * static_cast<T>(1 / kTurn)));
}

// RealMLP's default of 3 units is unrolled.
template <class F>
EIGEN_ALWAYS_INLINE void with_units(Index units, F f) {
  units == 3 ? f(std::integral_constant<Index, 3>{}) : f(units);
}

// The position of x between the edges h - 1 and h: 0 at the first and 1 at the second.
template <class T, class P>
EIGEN_ALWAYS_INLINE P part_of_bin(const EmbeddedColumn<T>& c, Index h, const P& x) {
  const T from = c.edges[h - 1], width = c.edges[h] - from;
  P part = pdiv(psub(x, same<P>(from)), same<P>(width));
  if (h > 1) part = pmax(part, all<P>(0));
  if (h + 1 < c.basis) part = ei::pmin(part, all<P>(1));
  return part;
}

template <class T, class P>
EIGEN_ALWAYS_INLINE P basis(const EmbeddedColumn<T>& c, Index h, const P& x) {
  if (c.frequency != nullptr) {
    P slope;
    return wave(turns(c, h, x), slope);
  }
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
void look_up(const T* table, Index units, Index m, const T* x, Index row, Columns<T> to) {
  for (Index k = 0; k < units; ++k) {
    T* out = to.from(row + k);
    for (Index j = 0; j < m; ++j) out[j * to.ld] = table[static_cast<Index>(x[j]) * units + k];
  }
}

template <class T>
void look_up_back(Index units, Index codes, Index m, const T* x, const T* d, Index ld, bool add, T* sums) {
  if (!add) std::fill_n(sums, units * codes, T(0));
  for (Index j = 0; j < m; ++j) {
    T* to = sums + static_cast<Index>(x[j]) * units;
    for (Index k = 0; k < units; ++k) to[k] += d[k * ld + j];
  }
}

namespace {

// One example, with frequencies along the lanes. Each number has the operations that it has among many examples, and so
// its bits.
template <class T>
void embed_one(const EmbeddedColumn<T>& c, T x, T* to) {
  using P = Packet<T>;
  constexpr Index S = kLanes<T>;
  with_units(c.units, [&](auto units) {
    P sums[kMostEmbeddingUnits];  // equal in all lanes
    T values[S];
    for (Index k = 0; k < units; ++k) sums[k] = same<P>(c.offset[k]);
    const T* weight = c.weight;
    for (Index h = 0; h < c.basis; h += S) {
      const Index count = std::min(S, c.basis - h);
      const P frequency = load_some(c.frequency + h, count, T(0)), phase = load_some(c.phase + h, count, T(0));
      P slope;
      store<P>(values, wave(pmadd(same<P>(x), frequency, pmul(phase, same<P>(static_cast<T>(1 / kTurn)))), slope));
      for (Index i = 0; i < count; ++i, weight += units) {
        for (Index k = 0; k < units; ++k) sums[k] = pmadd(same<P>(values[i]), same<P>(weight[k]), sums[k]);
      }
    }
    for (Index k = 0; k < units; ++k) to[k] = ei::pfirst(sums[k]);
  });
}

}  // namespace

template <class T>
void embed(const EmbeddedColumn<T>& c, Index m, const T* x, Index row, Columns<T> to) {
  if (m == 1 && c.frequency != nullptr && row / kDepth == (row + c.units - 1) / kDepth)
    return embed_one(c, x[0], to.from(row));
  using P = Packet<T>;
  constexpr Index S = kLanes<T>;
  with_units(c.units, [&](auto units) {
    P sums[kMostEmbeddingUnits];
    for (Index j = 0; j < m; j += S) {
      const Index count = std::min(S, m - j);
      const P values = count == S ? load<P>(x + j) : load_some(x + j, count, T(0));
      for (Index k = 0; k < units; ++k) sums[k] = same<P>(c.offset[k]);
      const T* weight = c.weight;
      for (Index h = 0; h < c.basis; ++h, weight += units) {
        const P value = basis(c, h, values);
        for (Index k = 0; k < units; ++k) sums[k] = pmadd(value, same<P>(weight[k]), sums[k]);
      }
      for (Index k = 0; k < units; ++k) {
        T lanes[S];
        store<P>(lanes, sums[k]);
        T* out = to.from(row + k) + j * to.ld;
        for (Index e = 0; e < count; ++e) out[e * to.ld] = lanes[e];
      }
    }
  });
}

template <class T>
void embed_back(const EmbeddedColumn<T>& c, Index m, const T* x, const T* d, Index ld, bool add,
                const EmbeddedSums<T>& out) {
  using P = Packet<T>;
  constexpr Index S = kLanes<T>;
  const auto keep = [&](T& to, T sum) { to = add ? to + sum : sum; };
  with_units(c.units, [&](auto units) {
    P sums[kMostEmbeddingUnits];
    for (Index h = 0; h < c.basis; ++h) {
      const T* weight = c.weight + h * units;
      P frequency = all<P>(0), phase = all<P>(0);
      for (Index k = 0; k < units; ++k) sums[k] = all<P>(0);
      for (Index j = 0; j < m; j += S) {
        const P value = load<P>(x + j);
        if (c.frequency == nullptr) {
          const P base = basis(c, h, value);
          for (Index k = 0; k < units; ++k) sums[k] = pmadd(base, load<P>(d + k * ld + j), sums[k]);
          continue;
        }
        P steepness, slope = all<P>(0);
        const P base = wave(turns(c, h, value), steepness);
        for (Index k = 0; k < units; ++k) {
          const P g = load<P>(d + k * ld + j);
          sums[k] = pmadd(base, g, sums[k]);
          slope = pmadd(g, same<P>(weight[k]), slope);
        }
        slope = pmul(slope, steepness);
        frequency = pmadd(slope, value, frequency);
        phase = padd(phase, slope);
      }
      for (Index k = 0; k < units; ++k) keep(out.weight[h * units + k], sum_of_lanes<T>(sums[k]));
      if (c.frequency == nullptr) continue;
      keep(out.frequency[h], static_cast<T>(kTurn) * sum_of_lanes<T>(frequency));
      keep(out.phase[h], sum_of_lanes<T>(phase));
    }
    for (Index k = 0; k < units; ++k) {
      P sum = all<P>(0);
      for (Index j = 0; j < m; j += S) sum = padd(sum, load<P>(d + k * ld + j));
      keep(out.offset[k], sum_of_lanes<T>(sum));
    }
  });
}

#define DEEPCORE_INSTANTIATE(T)                                                         \
  template void look_up(const T*, Index, Index, const T*, Index, Columns<T>);           \
  template void look_up_back(Index, Index, Index, const T*, const T*, Index, bool, T*); \
  template void embed(const EmbeddedColumn<T>&, Index, const T*, Index, Columns<T>);    \
  template void embed_back(const EmbeddedColumn<T>&, Index, const T*, const T*, Index, bool, const EmbeddedSums<T>&);
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE

}  // namespace deepcore::kernels
