// Team: every item once, on any number of threads, however jobs follow one another.
// Level: tests.
#include "check.hpp"

#include <deepcore/threads.hpp>

#include "pace.hpp"
#include "team.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#if !defined(_WIN32)
#include <csignal>
#endif

namespace {
// How many of this thread's allocations succeed before one fails; negative: all of them.
thread_local int allocations_left = -1;
}  // namespace

void* operator new(std::size_t bytes) {
  if (allocations_left == 0) throw std::bad_alloc();
  if (allocations_left > 0) --allocations_left;
  if (void* const memory = std::malloc(bytes > 0 ? bytes : 1)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace deepcore {
namespace {

// Runs one job and checks that each of its items was done once, by a thread of the team.
void check_job(Team& team, Index count) {
  std::vector<std::atomic<int>> done(static_cast<std::size_t>(count));
  std::atomic<int> strangers{0};
  team.for_each(count, [&](Index item, int thread) {
    ++done[static_cast<std::size_t>(item)];
    if (thread < 0 || thread >= team.size()) ++strangers;
  });
  for (const auto& times : done) CHECK(times == 1, times, " times, of ", count, " items, ", team.size(), " threads");
  CHECK(strangers == 0);
}

TEST(every_item_is_done_once) {
  for (const int size : {1, 2, 3, 4, 7}) {
    Team team(size);
    for (const Index count : {0, 1, 2, 3, 5, 64, 1000}) check_job(team, count);
  }
}

TEST(a_team_has_at_least_the_calling_thread) {
  CHECK(Team(0).size() == 1);
  CHECK(Team(-3).size() == 1);
}

TEST(a_team_has_at_most_the_documented_number_of_threads) {
  CHECK(team_size(1 << 30, 1e18) == kMaxThreads);
  const int before = num_threads();
  set_num_threads(1 << 30);
  CHECK(num_threads() == kMaxThreads);
  set_num_threads(0);
  CHECK(num_threads() == before);
}

// A team that cannot have all of its workers is smaller; one that cannot have its own memory is not made. Never does the
// process end, as it would if a thread that runs were destroyed.
TEST(out_of_memory_while_threads_start_leaves_a_smaller_team_or_none) {
  int made = 0, refused = 0;
  for (int allowed = 0; made < 4; ++allowed) {
    std::unique_ptr<Team> team;
    allocations_left = allowed;
    try {
      team = std::make_unique<Team>(4);
    } catch (const std::bad_alloc&) {
      ++refused;
    }
    allocations_left = -1;
    if (team == nullptr) continue;
    ++made;
    CHECK(team->size() >= 1 && team->size() <= 4);
    check_job(*team, 100);
    if (team->size() == 4) break;
  }
  CHECK(made > 1, made, " teams were made");
  CHECK(refused > 0);
}

#if !defined(_WIN32)
sigset_t blocked_here() {
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  return blocked;
}

TEST(workers_leave_signals_to_other_threads_except_those_of_their_own_faults) {
  Team team(3);
  std::atomic<int> wrong{0};
  std::atomic<bool> worked{false};
  while (!worked) {
    team.for_each(64, [&](Index, int thread) {
      if (thread == 0) return std::this_thread::yield();
      worked = true;
      const sigset_t blocked = blocked_here();
      for (const int sent : {SIGINT, SIGTERM, SIGUSR1, SIGALRM}) wrong += sigismember(&blocked, sent) != 1;
      for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP}) {
        wrong += sigismember(&blocked, fault) != 0;
      }
    });
  }
  CHECK(wrong == 0);
}

TEST(starting_threads_leaves_the_callers_signals_as_they_were_even_without_memory) {
  for (const int allowed : {-1, 0, 1, 2, 3, 4, 5}) {
    allocations_left = allowed;
    try {
      const Team team(4);
    } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): the signals count, with or without a team
    }
    allocations_left = -1;
    const sigset_t blocked = blocked_here();
    for (const int sent : {SIGINT, SIGTERM, SIGUSR1}) CHECK(sigismember(&blocked, sent) == 0);
  }
}
#endif

TEST(jobs_may_follow_each_other_at_once) {
  for (const int size : {2, 3, 7}) {
    Team team(size);
    Index sum = 0;
    for (Index job = 0; job < 2000; ++job) {
      std::atomic<Index> items{0};
      team.for_each(job % 5, [&](Index item, int) { items += item + 1; });
      sum += items;
    }
    CHECK(sum == 400 * (0 + 1 + 3 + 6 + 10), size, " threads");
  }
}

TEST(what_one_job_wrote_the_next_one_reads_on_any_thread) {
  Team team(3);
  std::vector<Index> from(300), to(300);
  for (Index round = 0; round < 200; ++round) {
    team.for_each(300, [&](Index i, int) { from[static_cast<std::size_t>(i)] = i + round; });
    team.for_each(300,
                  [&](Index i, int) { to[static_cast<std::size_t>(i)] = from[static_cast<std::size_t>(299 - i)]; });
    for (Index i = 0; i < 300; ++i) CHECK(to[static_cast<std::size_t>(i)] == 299 - i + round);
  }
}

TEST(threads_that_went_to_sleep_wake_up_for_the_next_job) {
  Team team(3);
  for (int round = 0; round < 5; ++round) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);  // far longer than they spin
    while (std::chrono::steady_clock::now() < end) std::this_thread::yield();
    check_job(team, 100);
  }
}

TEST(a_team_without_work_ends) {
  for (int k = 0; k < 50; ++k) Team team(4);
}

TEST(more_threads_than_work_are_not_started) {
  CHECK(team_size(7, 0) == 1);
  CHECK(team_size(7, 1e12) == 7);
  CHECK(team_size(1, 1e12) == 1);
  for (int power = 0; power < 50; ++power) {
    const double flops = std::pow(1.5, power);
    const int size = team_size(7, flops);
    CHECK(size >= 1 && size <= 7 && size <= team_size(7, 2 * flops), flops);
  }
}

TEST(a_caller_that_works_alone_does_every_item) {
  Team team(4);
  team.set_alone(true);
  bool strangers = false;
  team.for_each(1000, [&](Index, int thread) { strangers = strangers || thread != 0; });
  CHECK(team.alone() && !strangers);
  team.set_alone(false);
  check_job(team, 1000);
}

struct FakeClock {
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<FakeClock>;
  static inline duration time{0};
  static time_point now() { return time_point(time); }
};

// Makes steps that take so long with the team or alone; returns how many of them were made alone.
int steps_alone(Pace<FakeClock>& pace, const Team& team, int steps, int together, int alone) {
  int count = 0;
  for (int i = 0; i < steps; ++i) {
    const bool whole = i % 14 != 13;  // the last batch of an epoch has few examples, and its step is short
    pace.step(whole, [&] {
      count += team.alone() ? 1 : 0;
      FakeClock::time += std::chrono::nanoseconds(!whole ? 1 : team.alone() ? alone : together);
    });
  }
  return count;
}

TEST(a_run_trains_in_the_faster_way) {
  Team team(2);
  Pace<FakeClock> pace(team, 5e6, true);
  CHECK(steps_alone(pace, team, 100, 100, 60) == 0, "a short run tries nothing");
  steps_alone(pace, team, 100, 100, 60);
  CHECK(team.alone());
  const int steps = 100000;
  CHECK(steps_alone(pace, team, steps, 100, 60) > 0.99 * steps);
  steps_alone(pace, team, 20000, 30, 60);  // the cores share a cache again
  CHECK(!team.alone());
  CHECK(steps_alone(pace, team, steps, 30, 60) < 0.01 * steps);
}

TEST(large_steps_are_made_by_the_team) {
  Team team(2), one(1);
  Pace<FakeClock> pace(team, 1e9, true), alone(one, 5e6, true);
  CHECK(steps_alone(pace, team, 10000, 100, 60) == 0);
  CHECK(steps_alone(alone, one, 10000, 100, 60) == 0);
  Pace<FakeClock> forbidden(team, 5e6, false);
  CHECK(steps_alone(forbidden, team, 10000, 100, 60) == 0);
}

TEST(the_default_number_of_threads_can_be_set_and_given_back) {
  const int before = num_threads();
  CHECK(before >= 1);
  set_num_threads(5);
  CHECK(num_threads() == 5);
  CHECK(team_size(0, 1e12) == 5);
  set_num_threads(0);
  CHECK(num_threads() == before);
}

}  // namespace
}  // namespace deepcore
