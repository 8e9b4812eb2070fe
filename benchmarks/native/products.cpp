// The products of a step by shape, on one thread: Z = W A + b with packed W, and dW = dZ A'.
#include "counters.hpp"
#include "workloads.hpp"

#include "kernels/panels.hpp"

#include <cmath>
#include <string>

namespace bench {
namespace {

namespace kernels = deepcore::kernels;

struct Shape {
  Index n, K, m;  // (n, K) times (K, m)
};

// Z of 64 examples (a block) in the layers of mnist-m, mnist-s, digits, tabular and wide; then larger and skinny ones.
const std::vector<Shape> kForward{{512, 784, 64},   {256, 512, 64},  {10, 256, 64},    {128, 784, 64},
                                  {100, 64, 32},    {64, 30, 64},    {2048, 1024, 64}, {2048, 2048, 64},
                                  {512, 784, 1024}, {20, 12288, 64}, {512, 784, 1},    {2048, 2048, 1}};
// dW: rows of a panel's worth of units, the batch as depth, the inputs as columns.
const std::vector<Shape> kGradient{{512, 128, 784}, {256, 128, 512},   {100, 32, 64},
                                   {64, 256, 30},   {2048, 256, 2048}, {20, 209, 12288}};

template <class T>
bool agrees(T got, double right, Index depth) {  // a rounding a term, each at most eps times the size of the sum
  const double size = std::sqrt(static_cast<double>(depth)) + std::abs(right);
  return std::abs(static_cast<double>(got) - right) <= 1e-6 * static_cast<double>(depth) * size;
}

// A few elements in double, spread over C.
template <class T, class A, class B, class C>
bool correct(const Shape& s, A a, B b, C c) {
  for (Index k = 0; k < 50; ++k) {
    const Index i = k * 7919 % s.n, j = k * 104729 % s.m;
    double sum = 0;
    for (Index d = 0; d < s.K; ++d) sum += static_cast<double>(a(i, d)) * static_cast<double>(b(d, j));
    if (!agrees<T>(c(i, j), sum, s.K)) return false;
  }
  return true;
}

template <class T>
void forward(benchmark::State& state, Shape s) {
  const kernels::Panels<T> panels{s.n};
  const Index ldc = panels.padded();
  const auto W = normal<T>(s.n * s.K, 1), A = normal<T>(s.K * s.m, 2);
  deepcore::Buffer<T> packed(panels.padded() * (s.K + 1)), C(ldc * s.m + kernels::Panels<T>::kWidth);
  kernels::pack<T>({W.data(), s.n, s.K, 1, s.n}, s.K + 1, packed.data());  // the column of biases stays zero
  const kernels::Left<T> left{packed.data(), s.K + 1, 0, true, nullptr};
  const auto run = [&] { kernels::multiply<true>(panels, s.K, left, A.data(), s.K, s.m, C.data(), ldc); };
  run();
  if (!correct<T>(
          s, [&](Index i, Index k) { return W[at(k * s.n + i)]; }, [&](Index k, Index j) { return A[at(j * s.K + k)]; },
          [&](Index i, Index j) { return C.data()[j * ldc + i]; })) {
    return state.SkipWithError("the product is wrong");
  }
  measure<T>(state, 2.0 * static_cast<double>(s.n * s.K * s.m), 1, run);
}

template <class T>
void gradient(benchmark::State& state, Shape s) {
  const kernels::Panels<T> panels{s.n};
  const Index ld = panels.padded();
  const auto dZ = normal<T>(ld * s.K, 1), A = normal<T>(s.m * s.K, 2);
  deepcore::Buffer<T> C(ld * s.m);
  const auto run = [&] {
    for (Index p = 0; p < panels.count(); ++p) {
      kernels::outer<false>(panels.width(p), s.K, dZ.data() + panels.start(p), ld, A.data(), s.m, s.m, false,
                            C.data() + panels.start(p) * s.m);
    }
  };
  run();
  const auto element = [&](Index i, Index j) {
    const Index p = i / kernels::Panels<T>::kWidth;
    return C.data()[panels.start(p) * s.m + j * panels.width(p) + i - panels.start(p)];
  };
  if (!correct<T>(
          s, [&](Index i, Index k) { return dZ[at(k * ld + i)]; }, [&](Index k, Index j) { return A[at(k * s.m + j)]; },
          element)) {
    return state.SkipWithError("the product is wrong");
  }
  measure<T>(state, 2.0 * static_cast<double>(s.n * s.K * s.m), 1, run);
}

template <class F>
void add(const char* kind, const std::vector<Shape>& shapes, F run) {
  for (const Shape& s : shapes) {
    const std::string name =
        std::string(kind) + "/" + std::to_string(s.n) + "x" + std::to_string(s.K) + "x" + std::to_string(s.m);
    benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) { run(state, s); });
  }
}

const bool registered = [] {
  add("product_forward/float", kForward, forward<float>);
  add("product_forward/double", {kForward[0]}, forward<double>);
  add("product_gradient/float", kGradient, gradient<float>);
  add("product_gradient/double", {kGradient[0]}, gradient<double>);
  return true;
}();

}  // namespace
}  // namespace bench
