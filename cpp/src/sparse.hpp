// SparseBatch: the values of some examples of a sparse X, by example for the forward pass and by unit for the gradient.
// Level: batches.
#pragma once

#include <deepcore/network.hpp>

#include "kernels/sparse.hpp"
#include "selection.hpp"

#include <cstdint>
#include <vector>

namespace deepcore {

// Whether so few values are there that products which skip the others are faster: with one value in 8, an epoch of
// 1000-100-2 takes 0.6 to 0.8 times as long (AVX2).
template <class T>
bool has_few_values(const Inputs<T>& X) {
  constexpr Index kOneIn = 8;
  return X.sparse() && X.starts[X.cols] <= X.rows * X.cols / kOneIn;
}

template <class T>
class SparseBatch {
 public:
  // Examples that are numbered from 0 on. weights: of all examples of X, or null; an example of weight 0 has no values.
  void read(const Inputs<T>& X, const T* weights, const Selection& which);
  void sort_by_unit(Index units);  // of what was read
  kernels::SparseLists<T> by_example() const { return examples_.lists(); }
  kernels::SparseLists<T> by_unit() const { return units_.lists(); }

 private:
  struct Lists {
    std::vector<std::int64_t> starts;
    std::vector<std::int32_t> places;
    std::vector<T> values;
    kernels::SparseLists<T> lists() const { return {starts.data(), places.data(), values.data()}; }
  };
  void make_rising(std::size_t first);  // sorts the list that starts there, and adds up the values of one place

  Lists examples_, units_;
};

}  // namespace deepcore
