// Team: the threads of one run, and the one way in which deepcore shares work among them.
// Level: machine. Threads live as long as their Team: for a call, or as long as a Predictor.
#pragma once

#include <deepcore/view.hpp>

#include "platform.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace deepcore {

// How many threads a run may use: `requested`, else what threads.hpp says; never more than its flops can feed, nor than
// kMaxThreads.
int team_size(int requested, double flops);

class Team {
 public:
  explicit Team(int size);
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;
  ~Team();
  int size() const { return size_; }
  void set_alone(bool alone) { alone_ = alone; }  // true: from the next job on, the calling thread does everything
  bool alone() const { return alone_; }
  bool forked() const;  // in a child process, which has this object but not its threads: the caller does everything

  // Calls work(item, thread) once for every item of 0..count-1 and returns when all are done. Each thread starts with an
  // even share of neighbouring items, the same in every call, since what it touched last time is still in its caches;
  // then it helps the others. What an item computes must not depend on the thread: then no result depends on the team.
  // work must not throw: an exception that leaves it ends the process, as one that leaves a thread does.
  template <class F>
  void for_each(Index count, F&& work) {
    using Work = std::remove_reference_t<F>;
    if (size_ == 1 || alone_ || count <= 1) {
      for (Index item = 0; item < count; ++item) work(item, 0);
    } else {
      share(count, [](void* w, Index item, int thread) { (*static_cast<Work*>(w))(item, thread); }, &work);
    }
  }

 private:
  using Call = void (*)(void*, Index, int);
  void start_workers() noexcept;
  void share(Index count, Call call, void* work);
  void serve(int thread);
  bool take(int thread);
  bool take_from(int share, int thread);

  // The items of one thread that nobody has taken: the number of the job in the high half and the first such item in the
  // low half. Whoever takes an item knows that its job is not over, and the caller waits for items only, never for a
  // thread that is late.
  struct alignas(platform::kCacheLine) Share {
    std::atomic<std::uint64_t> ticket{0};
    std::atomic<Index> end{0};
  };

  int size_;
  bool alone_ = false;
  std::uint64_t job_ = 0;
  std::vector<Share> shares_;
  std::atomic<std::uint64_t> announced_{0};  // the job that is on
  std::atomic<Call> call_{nullptr};
  std::atomic<void*> work_{nullptr};
  alignas(platform::kCacheLine) std::atomic<Index> done_{0};  // items finished
  alignas(platform::kCacheLine) std::atomic<int> asleep_{0};
  std::atomic<bool> closed_{false};
  struct Crew {  // apart, to be given up as a whole in a forked child, where the threads are not
    std::mutex mutex;
    std::condition_variable wake;
    std::vector<std::thread> workers;
  };
  std::unique_ptr<Crew> crew_;  // null: alone
  std::int64_t owner_ = 0;      // the process that has the threads
};

}  // namespace deepcore
