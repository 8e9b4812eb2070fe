// Embedding: computes A[0] from the columns of X, and the gradients of the embeddings' arrays from dA[0].
// Level: stages. It comes before all layers. In a network without embeddings, A[0] is X.
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

// What has arrays: a column of X, which is an embedded number or a category; or a member.
struct EmbeddingItem {
  enum class Kind { number, category, member } kind;
  Index column;                          // of X; of a member: its number
  Index row, units;                      // of A[0]
  Index basis;                           // basis functions of a number, codes of a category
  std::array<EmbeddingRange, 4> ranges;  // frequency, phase, weight, offset; of a category: table; of a member: factor
  Factors factors;                       // on rate and decay
};

template <class T>
class Embedding {
 public:
  Embedding(const Spec& spec, const Tensors& tensors);
  Index columns() const { return columns_; }
  Index embedded_rows() const { return rows_; }  // number of rows of A[0] that are not columns of X
  const std::vector<EmbeddingItem>& items() const { return items_; }

  // Copies the selected examples of X: column c of example j to raw[c * ld + j]. An invalid code becomes 0.
  void read(const Inputs<T>& X, const Selection& which, Index ld, T* raw) const;
  // Computes A[0] of m examples from `raw`, whose rows are ld apart, without the members' factors. parameters: the
  // embeddings' arrays.
  void forward(const T* parameters, const T* raw, Index ld, Index m, kernels::Columns<T> A) const;
  // Computes the columns of A[0] from `first` on, m of them, from the features of the examples: those that forward() writes.
  void multiply(const T* parameters, kernels::Columns<T> features, Index first, Index m, kernels::Columns<T> A) const;
  // Copies the embedded rows of the gradient by the features of m examples to rows of `kept`, which are ld apart, for
  // gradient(). dA: the columns of dA[0] of these examples.
  void keep(const T* parameters, kernels::Columns<T> dA, Index m, Index ld, T* kept) const;
  // Computes the gradients of the arrays of one item, summed over m examples, and writes them to its ranges in `sums`.
  // add: adds them to the values there. Rows of `raw` and `kept` are ld apart and padded with zeros to whole packets.
  void gradient(std::size_t item, const T* parameters, const T* raw, const T* kept, Index ld, Index m, bool add,
                T* sums) const;
  // The same for a member.
  void member_gradient(std::size_t item, kernels::Columns<const T> features, kernels::Columns<const T> dA, Index m,
                       bool add, T* sums) const;

 private:
  kernels::EmbeddedColumn<T> column(const EmbeddingItem& item, const T* parameters) const;
  const T* factors(Index member, const T* parameters) const { return parameters + factors_ + member * units_; }

  Index columns_, units_, members_;   // of X, of A[0]
  Index factors_ = 0;                 // where the factors of the first member lie
  Index rows_ = 0, passed_;           // passed_: the first row of A[0] that is a copy of a column of X
  Index first_passed_;                // the number of that column
  std::vector<EmbeddingItem> items_;  // numbers, categories, members
  std::vector<Index> kept_;           // of each column of X: its first row in `kept`
  std::vector<Index> edge_start_;     // of each number
  Buffer<T> edges_;
  bool periodic_;
};

}  // namespace deepcore
