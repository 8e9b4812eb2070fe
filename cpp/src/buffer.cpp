// Buffer: where its memory comes from.
// Level: machine.
#include <deepcore/buffer.hpp>

#include "platform.hpp"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>

namespace deepcore {

namespace {

constexpr std::size_t kShift = 65 * kAlignment;  // one line more than a page of 4 KB

struct Allocation {
  void* memory;
  std::size_t mapped;  // its bytes, if it was mapped; 0: it is calloc's
};
static_assert(sizeof(Allocation) <= 16);

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
  if (allocation.mapped != 0) return platform::unmap(allocation.memory, allocation.mapped);
  std::free(allocation.memory);
}

}  // namespace deepcore
