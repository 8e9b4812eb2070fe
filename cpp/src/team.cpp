// Team: workers that spin for a bounded time between jobs, then sleep.
// Level: machine.
#include "team.hpp"

#include <deepcore/threads.hpp>

#include <algorithm>
#include <new>
#include <system_error>

namespace deepcore {

namespace {

// Below this much work a step is faster on one thread: the threads would pass weights and activations to and fro
// between their caches, which takes some microseconds, in which one core does a million flops.
constexpr double kFlopsPerThread = 1e6;
constexpr int kJobShift = 32;
constexpr std::uint64_t kItems = 0xFFFFFFFFU;  // the low half of a ticket: more items than any job has
constexpr int kSpins = 20000;  // about 0.4 ms: longer than any pause within an epoch, shorter than anyone notices

}  // namespace

int team_size(int requested, double flops) {
  const double useful = flops / kFlopsPerThread;
  if (useful < 2) return 1;
  const int threads = requested > 0 ? std::min(requested, kMaxThreads) : num_threads();
  return useful < threads ? static_cast<int>(useful) : threads;
}

Team::Team(int size)
    : size_(std::clamp(size, 1, kMaxThreads)), shares_(size_ > 1 ? static_cast<std::size_t>(size_) : 0) {
  if (size_ == 1) return;
  crew_ = std::make_unique<Crew>();
  crew_->workers.reserve(static_cast<std::size_t>(size_) - 1);
  owner_ = platform::process_id();
  platform::without_signals([this] { start_workers(); });
}

// Starts as many workers as there are to be had: a team of fewer threads computes the same.
void Team::start_workers() noexcept {
  const int wanted = size_;
  size_ = 1;
  try {
    while (size_ < wanted) {
      crew_->workers.emplace_back([this, thread = size_] { serve(thread); });
      ++size_;
    }
  } catch (const std::system_error&) {
    return;  // the system gives no more threads
  } catch (const std::bad_alloc&) {
    return;  // or no memory for them
  }
}

Team::~Team() {
  if (crew_ == nullptr) return;
  if (forked()) {  // the workers are not in this process: nobody can be joined or leaves the condition variable
    [[maybe_unused]] Crew* const lost = crew_.release();
    return;
  }
  {
    const std::lock_guard<std::mutex> lock(crew_->mutex);
    closed_.store(true);
  }
  crew_->wake.notify_all();
  for (auto& worker : crew_->workers) worker.join();
}

bool Team::forked() const { return crew_ != nullptr && owner_ != platform::process_id(); }

bool Team::take_from(int which, int thread) {
  Share& share = shares_[static_cast<std::size_t>(which)];
  std::uint64_t ticket = share.ticket.load(std::memory_order_acquire);
  for (;;) {
    const auto item = static_cast<Index>(ticket & kItems);
    if (item >= share.end.load(std::memory_order_relaxed)) return false;
    if (share.ticket.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
      call_.load(std::memory_order_relaxed)(work_.load(std::memory_order_relaxed), item, thread);
      done_.fetch_add(1, std::memory_order_release);
      return true;
    }
  }
}

// Takes one item and does it, from its own share first; false if there is none.
bool Team::take(int thread) {
  for (int k = 0; k < size_; ++k) {
    if (take_from((thread + k) % size_, thread)) return true;
  }
  return false;
}

void Team::share(Index count, Call call, void* work) {
  ++job_;
  for (Share& share : shares_) {  // nobody takes anything while the job changes
    share.ticket.store((job_ - 1) << kJobShift | kItems, std::memory_order_release);
  }
  call_.store(call, std::memory_order_relaxed);
  work_.store(work, std::memory_order_relaxed);
  done_.store(0, std::memory_order_relaxed);
  for (Index t = 0; t < size_; ++t) {
    Share& share = shares_[static_cast<std::size_t>(t)];
    share.end.store((t + 1) * count / size_, std::memory_order_relaxed);
    share.ticket.store(job_ << kJobShift | static_cast<std::uint64_t>(t * count / size_), std::memory_order_release);
  }
  announced_.store(job_);  // sequentially consistent, like asleep_: we see the sleeper or it sees the job
  if (asleep_.load() > 0 && !forked()) {
    const std::lock_guard<std::mutex> lock(crew_->mutex);
    crew_->wake.notify_all();
  }
  while (take(0)) {
  }
  for (int spins = 0; done_.load(std::memory_order_acquire) < count; ++spins) {
    if (spins < kSpins) {
      platform::pause();
    } else {
      std::this_thread::yield();
    }
  }
}

void Team::serve(int thread) {
  std::uint64_t seen = 0;
  for (int spins = 0; !closed_.load(std::memory_order_relaxed);) {
    const std::uint64_t job = announced_.load(std::memory_order_acquire);
    if (job != seen) {
      seen = job;
      spins = 0;
      while (take(thread)) {
      }
    } else if (++spins < kSpins) {
      platform::pause();
    } else {
      std::unique_lock<std::mutex> lock(crew_->mutex);
      asleep_.fetch_add(1);
      crew_->wake.wait(lock, [&] { return closed_.load() || announced_.load() != seen; });
      asleep_.fetch_sub(1);
      spins = 0;
    }
  }
}

}  // namespace deepcore
