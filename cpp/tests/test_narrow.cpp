// Narrow layers: their sums over examples follow their own rule, wherever the matrices lie.
// Level: tests. That training in either way gives the same bits is shown in tests/property/test_layer_by_layer.py.
#include "check.hpp"

#include <deepcore/rng.hpp>

#include "kernels/narrow.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace deepcore::kernels {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

template <class T>
struct Sums {  // A (n_in, m) and dZ (n_out, m) with examples along the lanes, zeros behind the last
  Index n_in, n_out, m, ld = round_up<T>(m);
  std::vector<T> A = numbers(n_in, 1), dZ = numbers(n_out, 2);

  std::vector<T> numbers(Index rows, std::uint64_t seed) const {
    std::vector<double> draws(at(rows * m));
    normal(seed, stream(Stream::user, 0), draws.data(), rows * m);
    std::vector<T> out(at(rows * ld));
    for (Index i = 0; i < rows; ++i) {
      for (Index e = 0; e < m; ++e) out[at(i * ld + e)] = static_cast<T>(draws[at(i * m + e)]);
    }
    return out;
  }
  std::vector<T> run() const {
    std::vector<T> C(at(n_out * (n_in + 1)));
    narrow_sums(n_in, n_out, m, A.data(), dZ.data(), ld, false, C.data(), n_out);
    return C;
  }
};

template <class T, class F>
void for_shapes(F f) {
  for (Index n_in = 1; n_in <= kNarrow; ++n_in) {
    for (Index n_out = 1; n_out <= kNarrow; ++n_out) {
      for (const Index m : {Index{1}, kLanes<T> + 1, kDepth, 2 * kDepth + 5}) f(Sums<T>{n_in, n_out, m});
    }
  }
}

TEST_BOTH(a_narrow_sum_is_the_sum_over_the_examples) {
  for_shapes<T>([](const Sums<T>& s) {
    const auto C = s.run();
    for (Index o = 0; o < s.n_out; ++o) {
      for (Index i = 0; i <= s.n_in; ++i) {
        long double sum = 0, size = 0;
        for (Index e = 0; e < s.m; ++e) {
          const long double term = static_cast<long double>(s.dZ[at(o * s.ld + e)]) *
                                   (i < s.n_in ? static_cast<long double>(s.A[at(i * s.ld + e)]) : 1.0L);
          sum += term;
          size += std::abs(term);
        }
        // Each of at most kDepth / kLanes + kLanes + 3 additions rounds once.
        const long double bound = static_cast<long double>(std::numeric_limits<T>::epsilon()) * 64 * size;
        CHECK_NEAR(C[at(i * s.n_out + o)], sum, bound, "n_in ", s.n_in, ", n_out ", s.n_out, ", m ", s.m);
      }
    }
  });
}

TEST_BOTH(narrow_sums_have_the_same_bits_wherever_the_matrices_lie) {
  for_shapes<T>([](const Sums<T>& s) {
    std::vector<T> C(at(s.n_out * (s.n_in + 1)));
    narrow_sums_of<T>(
        s.n_in, s.n_out, s.m, [&](Index i, Index e) { return s.A[at(i * s.ld + e)]; },
        [&](Index o, Index e) { return s.dZ[at(o * s.ld + e)]; }, false, C.data(), s.n_out);
    CHECK(C == s.run(), "n_in ", s.n_in, ", n_out ", s.n_out, ", m ", s.m);
  });
}

TEST_BOTH(narrow_sums_in_slabs_of_kDepth_have_the_bits_of_one_in_one_piece) {
  const Sums<T> s{3, 2, 3 * kDepth + 11};
  std::vector<T> C(at(s.n_out * (s.n_in + 1)));
  for (Index e = 0; e < s.m; e += kDepth) {
    narrow_sums(s.n_in, s.n_out, std::min(kDepth, s.m - e), s.A.data() + e, s.dZ.data() + e, s.ld, e > 0, C.data(),
                s.n_out);
  }
  CHECK(C == s.run());
}

}  // namespace
}  // namespace deepcore::kernels
