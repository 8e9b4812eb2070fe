// Buffer: aligned memory allocated once. Block: one flat buffer laid out by a Spec; W[l] and b[l] are views into it.
// Floor: include/deepcore (standard library only).
#pragma once

#include <deepcore/spec.hpp>
#include <deepcore/view.hpp>

#include <cstddef>
#include <memory>
#include <vector>

namespace deepcore {

inline constexpr std::size_t kAlignment = 64;  // one cache line, and AVX-512's vector

// Bytes of `count` elements, or std::bad_alloc when that does not fit the address space.
std::size_t checked_bytes(Index count, std::size_t element);
void* aligned_zeros(std::size_t bytes);  // throws std::bad_alloc; zero bytes give a valid pointer
void release_zeros(void* zeros);

template <class T>
class Buffer {
 public:
  explicit Buffer(Index count = 0)
      : data_(static_cast<T*>(aligned_zeros(checked_bytes(count, sizeof(T)))), &release_zeros), size_(count) {}
  T* data() const { return data_.get(); }
  Index size() const { return size_; }

 private:
  std::unique_ptr<T, void (*)(void*)> data_;
  Index size_;
};

struct Slice {
  Index W, b;  // offsets of W[l] and b[l] in a Block
  Index n_out, n_in;
  Index tail;     // columns behind W: b[l], and with a norm gamma[l] and beta[l]
  Index running;  // offset of the running mean and variance, n_out each, among those of the network; -1: none
};

// W[1] b[1] (gamma[1] beta[1]) W[2] b[2] ...; W[l] is stored column by column, so the weights that leave one unit are contiguous.
class Layout {
 public:
  explicit Layout(const Spec& spec);
  const Slice& layer(int l) const { return slices_[static_cast<std::size_t>(l) - 1]; }
  int depth() const { return static_cast<int>(slices_.size()); }
  Index size() const { return size_; }
  Index running() const { return running_; }  // values of all running statistics

 private:
  std::vector<Slice> slices_;
  Index size_ = 0, running_ = 0;
};

template <class T>
View<T> weights(const Layout& layout, T* block, int l) {
  const Slice& s = layout.layer(l);
  return {block + s.W, s.n_out, s.n_in, 1, s.n_out};
}

template <class T>
View<T> biases(const Layout& layout, T* block, int l) {
  const Slice& s = layout.layer(l);
  return {block + s.b, s.n_out, 1, 1, s.n_out};
}

// b[l], and gamma[l], beta[l] where there is a norm: (n[l], 1 or 3)
template <class T>
View<T> tail(const Layout& layout, T* block, int l) {
  const Slice& s = layout.layer(l);
  return {block + s.b, s.n_out, s.tail, 1, s.n_out};
}

}  // namespace deepcore
