// Randomness: uniform and normal numbers, permutations, and the initialisers that draw them.
// Level: description.
#include <deepcore/catalog.hpp>
#include <deepcore/error.hpp>
#include <deepcore/network.hpp>
#include <deepcore/rng.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace deepcore {

namespace {

// Inverse of the normal distribution function, relative error about 1e-16: Wichura 1988, algorithm AS 241 (PPND16).
double normal_quantile(double p) {
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q *
           (((((((r * 2509.0809287301226727 + 33430.575583588128105) * r + 67265.770927008700853) * r +
                45921.953931549871457) *
                   r +
               13731.693765509461125) *
                  r +
              1971.5909503065514427) *
                 r +
             133.14166789178437745) *
                r +
            3.387132872796366608) /
           (((((((r * 5226.495278852545925 + 28729.085735721942674) * r + 39307.89580009271061) * r +
                21213.794301586595867) *
                   r +
               5394.1960214247511077) *
                  r +
              687.1870074920579083) *
                 r +
             42.313330701600911252) *
                r +
            1.0);
  }
  double r = std::sqrt(-std::log(q < 0 ? p : 1.0 - p));
  double x = 0;
  if (r <= 5.0) {
    r -= 1.6;
    x = (((((((r * 7.7454501427834140764e-4 + 0.0227238449892691845833) * r + 0.24178072517745061177) * r +
             1.27045825245236838258) *
                r +
            3.64784832476320460504) *
               r +
           5.7694972214606914055) *
              r +
          4.6303378461565452959) *
             r +
         1.42343711074968357734) /
        (((((((r * 1.05075007164441684324e-9 + 5.475938084995344946e-4) * r + 0.0151986665636164571966) * r +
             0.14810397642748007459) *
                r +
            0.68976733498510000455) *
               r +
           1.6763848301838038494) *
              r +
          2.05319162663775882187) *
             r +
         1.0);
  } else {
    r -= 5.0;
    x = (((((((r * 2.01033439929228813265e-7 + 2.71155556874348757815e-5) * r + 0.0012426609473880784386) * r +
             0.026532189526576123093) *
                r +
            0.29656057182850489123) *
               r +
           1.7848265399172913358) *
              r +
          5.4637849111641143699) *
             r +
         6.6579046435011037772) /
        (((((((r * 2.04426310338993978564e-15 + 1.4215117583164458887e-7) * r + 1.8463183175100546818e-5) * r +
             7.868691311456132591e-4) *
                r +
            0.0148753612908506148525) *
               r +
           0.13692988092273580531) *
              r +
          0.59983220655588793769) *
             r +
         1.0);
  }
  return q < 0 ? -x : x;
}

}  // namespace

void uniform(std::uint64_t seed, std::uint64_t stream, double* out, Index count) {
  for (Index i = 0; i < count; i += 2) {
    const auto words = philox(seed, stream, static_cast<std::uint64_t>(i / 2));
    for (Index k = i; k < std::min(i + 2, count); ++k) {
      const auto at = static_cast<std::size_t>(k - i) * 2;
      const std::uint64_t bits = (std::uint64_t{words[at]} << 32U | words[at + 1]) >> 11U;
      out[k] = (static_cast<double>(bits) + 0.5) * 0x1p-53;
    }
  }
}

void normal(std::uint64_t seed, std::uint64_t stream, double* out, Index count) {
  uniform(seed, stream, out, count);
  for (Index i = 0; i < count; ++i) out[i] = normal_quantile(out[i]);
}

void permutation(std::uint64_t seed, Index epoch, std::int64_t* order, Index m) {
  std::iota(order, order + m, std::int64_t{0});
  const std::uint64_t place = stream(Stream::shuffle, epoch);
  std::array<std::uint32_t, 4> words{};
  for (Index i = m - 1, draw = 0; i > 0; --i, ++draw) {  // Fisher & Yates, from the end
    if (draw % 4 == 0) words = philox(seed, place, static_cast<std::uint64_t>(draw / 4));
    // multiply and shift (Lemire 2019): m examples favour a position by at most m / 2^32
    const std::uint64_t wide =
        std::uint64_t{words[static_cast<std::size_t>(draw % 4)]} * static_cast<std::uint64_t>(i + 1);
    std::swap(order[i], order[wide >> 32U]);
  }
}

const std::vector<InitializerInfo>& initializers() {
  static const std::vector<InitializerInfo> rows{{"zeros", "0"},
                                                 {"normal", "0.01 N(0, 1)"},
                                                 {"xavier", "gain sqrt(2 / (n_in + n_out)) N(0, 1)"},
                                                 {"xavier_uniform", "gain sqrt(6 / (n_in + n_out)) U(-1, 1)"},
                                                 {"he", "sqrt(2 / n_in) N(0, 1)"},
                                                 {"he_uniform", "sqrt(6 / n_in) U(-1, 1)"},
                                                 {"lecun", "sqrt(1 / n_in) N(0, 1)"},
                                                 {"inverse_sqrt", "N(0, 1) / sqrt(n_in)"}};
  return rows;
}

void initialize(int row, double gain, std::uint64_t seed, Index layer, Index n_out, Index n_in, double* W) {
  const std::string name = initializers().at(static_cast<std::size_t>(row)).name;
  const auto in = static_cast<double>(n_in), both = static_cast<double>(n_in + n_out);
  const Index count = n_out * n_in;
  if (name == "zeros") {
    std::fill_n(W, count, 0.0);
    return;
  }
  const bool flat = name == "xavier_uniform" || name == "he_uniform";
  (flat ? uniform : normal)(seed, stream(Stream::initialisation, layer), W, count);
  const double scale = name == "normal"           ? 0.01
                       : name == "xavier"         ? gain * std::sqrt(2 / both)
                       : name == "xavier_uniform" ? gain * std::sqrt(6 / both)
                       : name == "he"             ? std::sqrt(2 / in)
                       : name == "he_uniform"     ? std::sqrt(6 / in)
                                                  : std::sqrt(1 / in);
  for (Index i = 0; i < count; ++i) W[i] = scale * (flat ? 2 * W[i] - 1 : W[i]);
}

}  // namespace deepcore
