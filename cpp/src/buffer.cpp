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
  std::size_t mapped;  // its bytes, if it was mapped; 0: it is calloc's
};
static_assert(sizeof(Allocation) <= 16);

// Mapped memory that was released, kept for the next buffers: a call that needs some megabytes would otherwise wait longer
// for new pages than for its result. It keeps at most 64 MB, as malloc does on Linux.
class FreeList {
 public:
  // Memory for at least so many bytes, with the values that the last buffer has left in it; null if there is none.
  Allocation take(std::size_t bytes) {
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);  // a forked child may find it locked for ever
    if (!lock) return {};
    for (int i = count_ - 1; i >= 0; --i) {
      if (kept_[i].mapped >= bytes && kept_[i].mapped / 2 < bytes) return remove(i);
    }
    return {};
  }

  void give(Allocation allocation) {
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    if (!lock || allocation.mapped > kMost) return platform::unmap(allocation.memory, allocation.mapped);
    while (count_ == kCount || total_ + allocation.mapped > kMost) {
      const Allocation oldest = remove(0);
      platform::unmap(oldest.memory, oldest.mapped);
    }
    kept_[count_++] = allocation;
    total_ += allocation.mapped;
  }

 private:
  static constexpr int kCount = 16;
  static constexpr std::size_t kMost = 64 << 20;

  Allocation remove(int i) {
    const Allocation removed = kept_[i];
    std::copy(kept_ + i + 1, kept_ + count_, kept_ + i);
    --count_;
    total_ -= removed.mapped;
    return removed;
  }

  std::mutex mutex_;
  Allocation kept_[kCount] = {};  // the oldest first
  int count_ = 0;
  std::size_t total_ = 0;
};

FreeList free_list;

// The address `distance` bytes behind the start; the allocation itself is kept just before that address.
void* behind(Allocation allocation, std::size_t distance) {
  char* const zeros = static_cast<char*>(allocation.memory) + distance;
  new (zeros - sizeof allocation) Allocation(allocation);
  return zeros;
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
// They start at different distances from a page's start, since equal ones would compete for the same lines of the caches.
void* aligned_zeros(std::size_t bytes) {
  static std::atomic<std::size_t> count{0};
  if (bytes > std::numeric_limits<std::size_t>::max() / 2) throw std::bad_alloc();
  if (bytes >= platform::kLargePage) {
    const std::size_t shift = (count++ % 32 + 1) * kShift;
    if (const Allocation used = free_list.take(bytes + shift); used.memory != nullptr) {
      std::memset(static_cast<char*>(used.memory) + shift, 0, bytes);
      return behind(used, shift);
    }
    if (void* const whole = platform::map_large_pages(bytes + shift)) return behind({whole, bytes + shift}, shift);
  }
  void* const whole = std::calloc(bytes + kAlignment, 1);
  if (whole == nullptr) throw std::bad_alloc();
  // at least 16 bytes on: calloc aligns to 16
  return behind({whole, 0}, kAlignment - reinterpret_cast<std::uintptr_t>(whole) % kAlignment);
}

void release_zeros(void* zeros) {
  if (zeros == nullptr) return;
  const Allocation allocation = static_cast<Allocation*>(zeros)[-1];
  if (allocation.mapped != 0) return free_list.give(allocation);
  std::free(allocation.memory);
}

}  // namespace deepcore
