// Team: every item once, on any number of threads, however jobs follow one another.
// Floor: tests.
#include "check.hpp"

#include <deepcore/threads.hpp>

#include "parallel.hpp"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

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
