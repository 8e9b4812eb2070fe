// Tensors: the named arrays of a network and where each lies in one flat buffer. Names, files and rates come from here.
// Public header, standard library only.
#pragma once

#include <deepcore/spec.hpp>
#include <deepcore/view.hpp>

#include <vector>

namespace deepcore {

struct Tensor {
  int layer;
  Role role;
  Index rows, cols;  // W: (n_out, n_in), stored column by column; all others are columns
  Index offset;      // of its first value
};

// (frequency0 phase0 weight0 offset0) (table0) (factor0) W1 b1 (gamma1 beta1) (alpha1) (scale1) W2 b2 ...; behind each other,
// without gaps. The arrays of the embeddings have a column for each column of X, or for each basis function, code or
// member.
class Tensors {
 public:
  explicit Tensors(const Spec& spec);  // throws std::bad_alloc if the sizes exceed the address space
  const std::vector<Tensor>& all() const { return all_; }
  const std::vector<Tensor>& running() const {
    return running_;
  }  // statistics of batch norms, in a buffer of their own
  const Tensor* find(int layer, Role role) const;  // null if the network has no such tensor
  const Tensor& at(int layer, Role role) const { return *find(layer, role); }
  Index size() const { return size_; }
  Index embedding_size() const { return embedding_size_; }  // number of values of layer 0, which come first
  Index running_size() const { return running_size_; }

 private:
  std::vector<Tensor> all_, running_;
  Index size_ = 0, running_size_ = 0, embedding_size_ = 0;
};

template <class T>
View<T> view(const Tensor& tensor, T* values) {
  return {values + tensor.offset, tensor.rows, tensor.cols, 1, tensor.rows};
}

}  // namespace deepcore
