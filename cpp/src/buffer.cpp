// Buffer: where its memory comes from.
// Level: machine.
#include <deepcore/buffer.hpp>

#include "platform.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <mutex>
#include <new>

namespace deepcore {

namespace {

constexpr std::size_t kShift = 65 * kAlignment;  // one line more than a page of 4 KB

struct Allocation {
  void* memory;
  std::size_t bytes;
  bool mapped;  // or malloc's
  bool kept;    // when it is released
};

void free_now(Allocation allocation) {
  if (allocation.mapped) return platform::unmap(allocation.memory, allocation.bytes);
  std::free(allocation.memory);
}

// Memory that was released, kept for the next buffers, at most 64 MB of it: new pages often cost more time than what is
// computed in them, and malloc gives its own back to the system whenever enough of them lie at the end of the heap.
class FreeList {
 public:
  static constexpr std::size_t kLeast = 64 << 10;  // malloc itself uses smaller blocks again

  // Memory for at least so many bytes, with the values that the last buffer has left in it; null if there is none.
  Allocation take(std::size_t bytes) {
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);  // a forked child may find it locked for ever
    if (!lock) return {};
    for (int i = count_ - 1; i >= 0; --i) {
      if (kept_[i].bytes >= bytes && kept_[i].bytes / 2 < bytes) return remove(i);
    }
    return {};
  }

  void give(Allocation allocation) {
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    if (!lock || allocation.bytes > kMost) return free_now(allocation);
    while (count_ == kCount || total_ + allocation.bytes > kMost) free_now(remove(0));
    kept_[count_++] = allocation;
    total_ += allocation.bytes;
  }

 private:
  static constexpr int kCount = 64;
  static constexpr std::size_t kMost = 64 << 20;

  Allocation remove(int i) {
    const Allocation removed = kept_[i];
    std::copy(kept_ + i + 1, kept_ + count_, kept_ + i);
    --count_;
    total_ -= removed.bytes;
    return removed;
  }

  std::mutex mutex_;
  Allocation kept_[kCount] = {};  // the oldest first
  int count_ = 0;
  std::size_t total_ = 0;
};

FreeList free_list;

// Returns where a buffer starts: aligned, and at least `least` bytes after the start of the allocation. A copy of
// `allocation` is written just before it.
void* start_in(Allocation allocation, std::size_t least) {
  const std::size_t beyond = (reinterpret_cast<std::uintptr_t>(allocation.memory) + least) % kAlignment;
  char* const start = static_cast<char*>(allocation.memory) + least + (beyond == 0 ? 0 : kAlignment - beyond);
  new (start - sizeof allocation) Allocation(allocation);
  return start;
}

}  // namespace

std::size_t checked_bytes(Index count, std::size_t element) {
  const auto limit = static_cast<std::size_t>(std::numeric_limits<Index>::max());
  if (count < 0 || static_cast<std::size_t>(count) > (limit - kAlignment) / element) throw std::bad_alloc();
  return static_cast<std::size_t>(count) * element;
}

// Pages of new memory cost nothing until they are written.
//
// Buffers of a large page or more lie in such pages: each page of 4 KB takes a microsecond or more when it is first written.
// Those that are kept start at different distances from a page's start, since equal ones would compete for the same lines of
// the caches.
void* aligned_memory(std::size_t bytes, bool zeros) {
  static std::atomic<std::size_t> count{0};
  if (bytes > std::numeric_limits<std::size_t>::max() / 2) throw std::bad_alloc();
  const bool kept = bytes >= FreeList::kLeast, large = bytes >= platform::kLargePage;
  const std::size_t before = kept ? (count++ % 32 + 1) * (large ? kShift : kAlignment) : sizeof(Allocation);
  const std::size_t whole = before + kAlignment + bytes;
  if (kept) {
    if (const Allocation used = free_list.take(whole); used.memory != nullptr) {
      void* const start = start_in(used, before);
      if (zeros) std::memset(start, 0, bytes);
      return start;
    }
  }
  if (void* const pages = large ? platform::map_large_pages(whole) : nullptr)
    return start_in({pages, whole, true, kept}, before);
  void* const memory = zeros ? std::calloc(whole, 1) : std::malloc(whole);
  if (memory == nullptr) throw std::bad_alloc();
  return start_in({memory, whole, false, kept}, before);
}

void release_memory(void* start) {
  if (start == nullptr) return;
  const Allocation allocation = static_cast<Allocation*>(start)[-1];
  allocation.kept ? free_list.give(allocation) : free_now(allocation);
}

}  // namespace deepcore
