// Pace: whether the steps of a run are faster with its team or on the calling thread alone, found by trying both.
// Level: steps. Cores that share no cache, and cores that other programs use, can make two threads slower than one.
#pragma once

#include "team.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace deepcore {

template <class Clock = std::chrono::steady_clock>
class Pace {
 public:
  // flops: of one step. Larger steps gain from a team on every machine, and trying them would cost too much.
  Pace(Team& team, double flops, bool may_try)
      : team_(team), tries_(may_try && team.size() > 1 && flops <= kMostFlops) {}

  // Makes one step. whole: of a whole batch. Only the times of such steps are compared, since their work is equal.
  template <class F>
  void step(bool whole, F make) {
    if (!tries_ || wait_ > 0 || !whole) {
      if (wait_ > 0) --wait_;
      return make();
    }
    const auto start = Clock::now();
    make();
    Time& best = best_[team_.alone() ? 1 : 0];
    best = std::min<Time>(best, Clock::now() - start);
    if (++tried_ % kTries == 0) change();
  }

 private:
  using Time = typename Clock::duration;
  // The shortest of kTries steps counts, which other programs disturb least. While the choice stays the same it is tried
  // again after twice as many steps, at most kLongest: then the trials take 0.2% of the time.
  static constexpr int kTries = 8, kSettle = 4, kFirst = 100, kAgain = 1000, kLongest = 8000;
  static constexpr double kMostFlops = 2e7;

  void change() {
    if (tried_ == kTries) {  // now the other way, which may need some steps to wake threads and to fill caches
      team_.set_alone(!team_.alone());
      wait_ = kSettle;
      return;
    }
    const bool alone = best_[1] <= best_[0];
    hold_ = alone == chosen_ && hold_ > 0 ? std::min(2 * hold_, kLongest) : kAgain;
    chosen_ = alone;
    team_.set_alone(alone);
    wait_ = hold_;
    tried_ = 0;
    best_ = {Time::max(), Time::max()};
  }

  Team& team_;
  bool tries_;
  bool chosen_ = false;  // alone
  int wait_ = kFirst, hold_ = 0, tried_ = 0;
  std::array<Time, 2> best_{Time::max(), Time::max()};  // with the team, and alone
};

}  // namespace deepcore
