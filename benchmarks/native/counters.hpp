// The timed loop of every benchmark: GFLOP/s, and the part of the multiply-add peak, which is measured right before.
#pragma once

#include <deepcore/peak.hpp>

#include <benchmark/benchmark.h>

#include <chrono>

namespace bench {

inline constexpr double kPeakSeconds = 0.05;

// Times run(), which does `flops` on `threads` of deepcore's own threads; returns seconds a run.
template <class T, class F>
double measure(benchmark::State& state, double flops, int threads, F run) {
  using Clock = std::chrono::steady_clock;
  const double lanes = sizeof(T) / sizeof(float);  // half as many doubles fit a register
  const double peak = deepcore::peak_gflops(threads, kPeakSeconds) / lanes;
  const auto start = Clock::now();
  for (auto _ : state) {
    run();
    benchmark::ClobberMemory();
  }
  const std::chrono::duration<double> took = Clock::now() - start;
  const double seconds = took.count() / static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] = flops / seconds / 1e9;
  state.counters["of_peak"] = flops / seconds / 1e9 / peak;
  return seconds;
}

}  // namespace bench
