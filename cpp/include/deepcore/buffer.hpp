// Buffer: aligned memory that is allocated once and is never resized. It starts at zero, unless uninitialized() makes it.
// Public header, standard library only.
#pragma once

#include <deepcore/view.hpp>

#include <cstddef>
#include <memory>

namespace deepcore {

inline constexpr std::size_t kAlignment = 64;  // one cache line, and one vector of AVX-512

// Bytes of `count` elements. Throws std::bad_alloc if that exceeds the address space.
std::size_t checked_bytes(Index count, std::size_t element);
void* aligned_memory(std::size_t bytes, bool zeros);  // throws std::bad_alloc
void release_memory(void* start);

template <class T>
class Buffer {
 public:
  Buffer() = default;  // empty buffers allocate nothing; data() is null
  explicit Buffer(Index count) : Buffer(count, true) {}
  // For values that are written before they are read.
  static Buffer uninitialized(Index count) { return Buffer(count, false); }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  Index size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  struct Release {
    void operator()(T* start) const { release_memory(start); }
  };
  Buffer(Index count, bool zeros)
      : data_(count == 0 ? nullptr : static_cast<T*>(aligned_memory(checked_bytes(count, sizeof(T)), zeros))),
        size_(count) {}
  std::unique_ptr<T, Release> data_;
  Index size_ = 0;
};

}  // namespace deepcore
