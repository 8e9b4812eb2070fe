// Block: its memory and its layout.
// Floor: model.
#include <deepcore/block.hpp>

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

// From calloc: the pages of large buffers come into being when they are first written. What calloc gave stands before
// the result.
void* aligned_zeros(std::size_t bytes) {
  if (bytes > std::numeric_limits<std::size_t>::max() - kAlignment) throw std::bad_alloc();
  void* whole = std::calloc(bytes + kAlignment, 1);
  if (whole == nullptr) throw std::bad_alloc();
  const std::size_t past = reinterpret_cast<std::uintptr_t>(whole) % kAlignment;
  char* zeros = static_cast<char*>(whole) + (kAlignment - past);  // at least 16 on, as calloc aligns to that
  new (zeros - sizeof whole) void*(whole);
  return zeros;
}

void release_zeros(void* zeros) { std::free(static_cast<void**>(zeros)[-1]); }

Layout::Layout(const Spec& spec) {
  for (int l = 1; l <= spec.depth(); ++l) {
    const Index n_in = spec.units(l - 1), n_out = spec.units(l);
    Index count = 0, biases_at = 0, end = 0;
    const bool overflow = __builtin_mul_overflow(n_out, n_in, &count) ||
                          __builtin_add_overflow(size_, count, &biases_at) ||
                          __builtin_add_overflow(biases_at, n_out, &end);
    if (overflow) throw std::bad_alloc();
    const Norm norm = spec.layer(l).norm;
    const Index tail = norm == Norm::none ? 1 : 3;
    if (tail == 3 && __builtin_add_overflow(end, 2 * n_out, &end)) throw std::bad_alloc();
    slices_.push_back({size_, biases_at, n_out, n_in, tail, norm == Norm::batch ? running_ : -1});
    if (norm == Norm::batch) running_ += 2 * n_out;
    size_ = end;
  }
}

}  // namespace deepcore
