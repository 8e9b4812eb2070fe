// Embedding: from the columns of X to A[0], and from dA[0] to the gradients of the embeddings' arrays.
// Level: stages. It stands before all layers; where a network has no embeddings, X is A[0].
#pragma once

#include <deepcore/network.hpp>

#include "kernels/columns.hpp"
#include "kernels/embeddings.hpp"
#include "selection.hpp"

#include <array>
#include <vector>

namespace deepcore {

// A range of the embeddings' arrays.
struct EmbeddingRange {
  Index start, count;
};

// One column of X that has arrays: an embedded number, or a category.
struct EmbeddingItem {
  bool category;
  Index column;                          // of X
  Index row, units;                      // of A[0]
  Index basis;                           // basis functions of a number, codes of a category
  std::array<EmbeddingRange, 4> ranges;  // frequency, phase, weight, offset; of a category: table
};

template <class T>
class Embedding {
 public:
  Embedding(const Spec& spec, const Tensors& tensors);
  Index columns() const { return columns_; }
  Index embedded_rows() const { return rows_; }  // of A[0] that are not columns of X
  const std::vector<EmbeddingItem>& items() const { return items_; }

  // Columns of X, value c of example j to raw[c * ld + j]. A code that is none becomes 0.
  void read(const Inputs<T>& X, const Selection& which, Index ld, T* raw) const;
  // `raw`, whose rows are ld apart, of m examples -> A[0]. parameters: the embeddings' arrays.
  void forward(const T* parameters, const T* raw, Index ld, Index m, kernels::Columns<T> A) const;
  // dA[0] of m examples -> its embedded rows, `ld` apart, as gradient() reads them.
  void keep(kernels::Columns<T> dA, Index m, Index ld, T* kept) const;
  // Sums over m examples for the arrays of one item, at its ranges in `sums`; add: to what is there. Rows of `raw` and
  // `kept` are ld apart and padded with zeros to whole packets.
  void gradient(std::size_t item, const T* parameters, const T* raw, const T* kept, Index ld, Index m, bool add,
                T* sums) const;

 private:
  kernels::EmbeddedColumn<T> column(const EmbeddingItem& item, const T* parameters) const;

  Index columns_, rows_ = 0, passed_;    // passed_: the first row of A[0] that is a column of X
  Index first_passed_;                   // that column
  std::vector<EmbeddingItem> items_;     // numbers first
  std::vector<Index> kept_;              // of each item: its first row in `kept`
  std::vector<Index> edge_start_;        // of each number
  Buffer<T> edges_;
  bool periodic_;
};

}  // namespace deepcore
