// Buffer: where its memory comes from.
// Level: machine.
#include <deepcore/buffer.hpp>

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>

namespace deepcore {

std::size_t checked_bytes(Index count, std::size_t element) {
  const auto limit = static_cast<std::size_t>(std::numeric_limits<Index>::max());
  if (count < 0 || static_cast<std::size_t>(count) > (limit - kAlignment) / element) throw std::bad_alloc();
  return static_cast<std::size_t>(count) * element;
}

// calloc gives large buffers untouched pages, which cost nothing until they are written. The pointer that calloc returned
// is kept just before the aligned address.
void* aligned_zeros(std::size_t bytes) {
  if (bytes > std::numeric_limits<std::size_t>::max() - kAlignment) throw std::bad_alloc();
  void* whole = std::calloc(bytes + kAlignment, 1);
  if (whole == nullptr) throw std::bad_alloc();
  const std::size_t past = reinterpret_cast<std::uintptr_t>(whole) % kAlignment;
  char* zeros = static_cast<char*>(whole) + (kAlignment - past);  // at least 16 bytes on: calloc aligns to 16
  new (zeros - sizeof whole) void*(whole);
  return zeros;
}

void release_zeros(void* zeros) {
  if (zeros != nullptr) std::free(static_cast<void**>(zeros)[-1]);
}

}  // namespace deepcore
