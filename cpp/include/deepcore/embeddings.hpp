// Embeddings: describes which columns of X are embedded before the first layer, and how.
// Public header, standard library only.
#pragma once

#include <deepcore/view.hpp>

#include <cstddef>
#include <vector>

namespace deepcore {

// A float holds whole numbers exactly up to 2^24. A kernel keeps the units of one column in an array of fixed size.
inline constexpr Index kMostCodes = Index{1} << 24, kMostEmbeddingUnits = 64;
inline constexpr Index kMostMembers = 4096;

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
// + phase_h). Piecewise linear: basis_0 = x, and basis_h = (x - edge_{h-1}) / (edge_h - edge_{h-1}) for h >= 1. It is at
// least 0 except for the first interval (h = 1), and at most 1 except for the last one.
//
// With several members, the network is that many networks which share all weights except for two: each member multiplies
// A[0] by factors of its own, and has units of its own in the last layer.
struct Embeddings {
  Index columns = 0;                       // number of columns with embedded numbers
  Index units = 0;                         // per column with embedded numbers
  Index frequencies = 0;                   // periodic: per column; 0: piecewise linear
  bool passes = false;                     // the embedded columns are inputs of the first layer as well
  std::vector<std::vector<double>> edges;  // piecewise linear: per column, strictly increasing
  std::vector<Index> sizes;                // per column of categories: codes are 0..size - 1
  Index category_units = 0;
  Factors numbers, categories;  // for the arrays of each kind
  Index members = 1;

  bool any() const { return columns > 0 || !sizes.empty() || members > 1; }
  Index basis(Index column) const {
    return frequencies > 0 ? frequencies : static_cast<Index>(edges[static_cast<std::size_t>(column)].size());
  }
  Index items() const { return columns + static_cast<Index>(sizes.size()); }  // number of columns that have arrays
  Index rows(Index inputs) const {  // number of rows of A[0], for `inputs` columns of X
    const auto codes = static_cast<Index>(sizes.size());
    return columns * units + (inputs - codes - (passes ? 0 : columns)) + codes * category_units;
  }
};

}  // namespace deepcore
