// The peak kernel: twelve independent chains of multiply-adds, more than latency times throughput asks for.
// Floor: layer.
#include <deepcore/peak.hpp>

#include "kernels/packet.hpp"
#include "team.hpp"

#include <algorithm>
#include <chrono>

namespace deepcore {

namespace {

constexpr int kChains = 12;
constexpr Index kRounds = 100000;  // some 0.2 ms between looks at the clock

float chains(const volatile float& start) {  // volatile: the compiler may not do the same work once for all
  const float seed = start;
  using P = kernels::Packet<float>;
  P sum[kChains];
  for (int i = 0; i < kChains; ++i) sum[i] = kernels::all<P>(seed + static_cast<float>(i));
  const P a = kernels::all<P>(0.999999), b = kernels::all<P>(1e-7);
  for (Index k = 0; k < kRounds; ++k) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sum[i] = kernels::pmadd(sum[i], a, b);
  }
  for (int i = 1; i < kChains; ++i) sum[0] = kernels::padd(sum[0], sum[i]);
  return kernels::ei::pfirst(sum[0]);
}

}  // namespace

double peak_gflops(int threads, double seconds) {
  using Clock = std::chrono::steady_clock;
  constexpr double flops = 2.0 * kChains * static_cast<double>(kernels::kLanes<float>) * static_cast<double>(kRounds);
  Team team(threads);
  double best = 0;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (best == 0 || Clock::now() < end) {  // the best of many short stretches: the limit, not the weather
    const auto start = Clock::now();
    team.for_each(team.size(), [](Index i, int) {
      for (int k = 0; k < 4; ++k) {
        volatile float value = static_cast<float>(i);
        value = chains(value);
      }
    });
    const std::chrono::duration<double> took = Clock::now() - start;
    best = std::max(best, 4 * flops * team.size() / took.count() / 1e9);
  }
  return best;
}

}  // namespace deepcore
