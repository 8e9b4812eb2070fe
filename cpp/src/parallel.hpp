// Team: the threads of one run, and the one way in which deepcore shares work among them.
// Floor: layer. Threads live as long as their Team: nothing idles between calls, nothing is lost by a fork.
#pragma once

#include <deepcore/view.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace deepcore {

// How many threads a run may use: `requested`, else what threads.hpp says, and never more than its flops can feed.
int team_size(int requested, double flops);

class Team {
 public:
  explicit Team(int size);
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;
  ~Team();
  int size() const { return size_; }

  // Calls work(item, thread) once for every item of 0..count-1, from any thread in any order, and returns when all are
  // done. What an item computes must not depend on the thread: then no result depends on the size of the team.
  template <class F>
  void for_each(index count, F&& work) {
    using Work = std::remove_reference_t<F>;
    if (size_ == 1 || count <= 1) {
      for (index item = 0; item < count; ++item) work(item, 0);
    } else {
      share(count, [](void* w, index item, int thread) { (*static_cast<Work*>(w))(item, thread); }, &work);
    }
  }

 private:
  using Call = void (*)(void*, index, int);
  void share(index count, Call call, void* work);
  void serve(int thread);
  bool take(int thread);

  int size_;
  // The job. A ticket is its number in the high half and the first item that nobody has taken in the low half: whoever
  // takes an item knows that its job is not over, and the caller waits for items only, never for a thread that is late.
  alignas(64) std::atomic<std::uint64_t> ticket_{0};
  std::atomic<Call> call_{nullptr};
  std::atomic<void*> work_{nullptr};
  std::atomic<index> count_{0};
  alignas(64) std::atomic<index> done_{0};  // items finished
  alignas(64) std::atomic<int> asleep_{0};
  std::atomic<bool> closed_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
};

}  // namespace deepcore
