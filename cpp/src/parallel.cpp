// Team: workers that spin for a bounded time between jobs, then sleep.
// Floor: layer.
#include "parallel.hpp"

#include <deepcore/threads.hpp>

#include <algorithm>
#include <csignal>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace deepcore {

namespace {

// Below this much work a thread costs more than it brings: handing out and collecting a job takes about a microsecond,
// in which one core does some 10^5 flops.
constexpr double kFlopsPerThread = 4e5;
constexpr int kJobShift = 32;
constexpr std::uint64_t kItems = 0xFFFFFFFFU;  // the low half of a ticket: more items than any job has
constexpr int kSpins = 20000;  // about 0.4 ms: longer than any pause within an epoch, shorter than anyone notices

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

int team_size(int requested, double flops) {
  const double useful = flops / kFlopsPerThread;
  if (useful < 2) return 1;
  const int threads = requested > 0 ? requested : num_threads();
  return useful < threads ? static_cast<int>(useful) : threads;
}

Team::Team(int size) : size_(std::max(size, 1)) {
  if (size_ == 1) return;
  sigset_t all, before;  // signals belong to the thread that called: Ctrl-C must reach Python's main thread
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  workers_.reserve(static_cast<std::size_t>(size_) - 1);
  for (int thread = 1; thread < size_; ++thread) {
    try {
      workers_.emplace_back([this, thread] { serve(thread); });
    } catch (const std::system_error&) {  // no more threads to be had: go on with those there are
      size_ = thread;
      break;
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Team::~Team() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_.store(true);
  }
  wake_.notify_all();
  for (auto& worker : workers_) worker.join();
}

// Takes one item and does it; false if there is none.
bool Team::take(int thread) {
  std::uint64_t ticket = ticket_.load(std::memory_order_acquire);
  for (;;) {
    const auto item = static_cast<index>(ticket & kItems);
    if (item >= count_.load(std::memory_order_relaxed)) return false;
    if (ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
      call_.load(std::memory_order_relaxed)(work_.load(std::memory_order_relaxed), item, thread);
      done_.fetch_add(1, std::memory_order_release);
      return true;
    }
  }
}

void Team::share(index count, Call call, void* work) {
  const std::uint64_t job = (ticket_.load(std::memory_order_relaxed) >> kJobShift) + 1;
  ticket_.store((job - 1) << kJobShift | kItems,
                std::memory_order_release);  // nobody takes anything while the job changes
  call_.store(call, std::memory_order_relaxed);
  work_.store(work, std::memory_order_relaxed);
  count_.store(count, std::memory_order_relaxed);
  done_.store(0, std::memory_order_relaxed);
  ticket_.store(job << kJobShift);  // sequentially consistent, like asleep_: we see the sleeper or it sees the job
  if (asleep_.load() > 0) {
    const std::lock_guard<std::mutex> lock(mutex_);
    wake_.notify_all();
  }
  while (take(0)) {
  }
  for (int spins = 0; done_.load(std::memory_order_acquire) < count; ++spins) {
    if (spins < kSpins) {
      pause();
    } else {
      std::this_thread::yield();
    }
  }
}

void Team::serve(int thread) {
  int spins = 0;
  while (!closed_.load(std::memory_order_relaxed)) {
    const std::uint64_t job = ticket_.load(std::memory_order_acquire) >> kJobShift;
    if (take(thread)) {
      spins = 0;
    } else if (++spins < kSpins) {
      pause();
    } else {
      std::unique_lock<std::mutex> lock(mutex_);
      asleep_.fetch_add(1);
      wake_.wait(lock, [&] { return closed_.load() || ticket_.load() >> kJobShift != job; });
      asleep_.fetch_sub(1);
      spins = 0;
    }
  }
}

}  // namespace deepcore
