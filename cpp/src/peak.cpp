// The peak of this CPU: the most multiply-adds per second that its threads reach.
// Level: calls.
#include <deepcore/peak.hpp>

#include "kernels/peak.hpp"
#include "team.hpp"

#include <algorithm>
#include <chrono>

namespace deepcore {

namespace {

constexpr Index kRounds = 100000;  // some 0.2 ms between looks at the clock

}  // namespace

double peak_gflops(int threads, double seconds) {
  using Clock = std::chrono::steady_clock;
  constexpr double flops =
      2.0 * kernels::kPeakChains * static_cast<double>(kernels::kLanes<float>) * static_cast<double>(kRounds);
  Team team(threads);
  double best = 0;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (best == 0 || Clock::now() < end) {  // the best of many short stretches: the limit, not the weather
    const auto start = Clock::now();
    team.for_each(team.size(), [](Index i, int) {
      for (int k = 0; k < 4; ++k) {
        volatile float value = static_cast<float>(i);
        value = kernels::multiply_add_chains(value, kRounds);
      }
    });
    const std::chrono::duration<double> took = Clock::now() - start;
    best = std::max(best, 4 * flops * team.size() / took.count() / 1e9);
  }
  return best;
}

}  // namespace deepcore
