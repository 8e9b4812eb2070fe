// Embeddings: how the columns of X become the inputs of the first layer, where they do not pass as they are.
// Public header, standard library only.
#pragma once

#include <deepcore/view.hpp>

#include <cstddef>
#include <vector>

namespace deepcore {

// A code must be exact as a float, and a kernel keeps the units of one column at hand.
inline constexpr Index kMostCodes = Index{1} << 24, kMostEmbeddingUnits = 64;

// Factors on the learning rate and on the weight decay of each kind of array.
struct Factors {
  double rate = 1, decay = 1;
  bool operator==(const Factors& o) const { return rate == o.rate && decay == o.decay; }
};

// The columns of X are, in this order: numbers that are embedded, numbers that pass as they are, codes of categories. The
// rows of A[0] are, in this order: the embedded numbers, `units` for each column; the numbers that pass; the categories,
// `category_units` for each column.
//
// A number x becomes the sum over its basis of basis_h(x) weight_h, plus offset. Periodic: basis_h = cos(2 pi x frequency_h
// + phase_h). Piecewise linear: basis_0 = x, and basis_h for h >= 1 is how far x is on its way from edge h - 1 to edge h,
// cut to [0, 1] except before the first edge and behind the last one.
struct Embeddings {
  Index columns = 0;                       // of numbers that are embedded
  Index units = 0;                         // of each of them
  Index frequencies = 0;                   // periodic: of each of them; 0: piecewise linear
  bool passes = false;                     // they pass as they are as well
  std::vector<std::vector<double>> edges;  // piecewise linear: of each of them, rising
  std::vector<Index> sizes;                // of the categories: their codes are 0..size - 1
  Index category_units = 0;
  Factors numbers, categories;  // of their arrays

  bool any() const { return columns > 0 || !sizes.empty(); }
  Index basis(Index column) const {
    return frequencies > 0 ? frequencies : static_cast<Index>(edges[static_cast<std::size_t>(column)].size());
  }
  Index items() const { return columns + static_cast<Index>(sizes.size()); }  // columns that have arrays
  Index rows(Index inputs) const {                                           // of A[0], for `inputs` columns of X
    const auto codes = static_cast<Index>(sizes.size());
    return columns * units + (inputs - codes - (passes ? 0 : columns)) + codes * category_units;
  }
};

}  // namespace deepcore
