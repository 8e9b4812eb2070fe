// Embedding: finds the arrays of each column, and calls the kernels.
// Level: stages.
#include "stages/embedding.hpp"

namespace deepcore {

template <class T>
Embedding<T>::Embedding(const Spec& spec, const Tensors& tensors)
    : columns_(spec.columns()), passed_(spec.embeddings().columns * spec.embeddings().units),
      first_passed_(spec.embeddings().passes ? 0 : spec.embeddings().columns),
      periodic_(spec.embeddings().frequencies > 0) {
  const Embeddings& front = spec.embeddings();
  const auto range = [&](Role role, Index column, Index count) {
    const Tensor* tensor = tensors.find(0, role);
    return tensor == nullptr ? EmbeddingRange{0, 0} : EmbeddingRange{tensor->offset + column * tensor->rows, count};
  };
  Index basis = 0, edges = 0;
  for (Index j = 0; j < front.columns; ++j) {
    const Index own = front.basis(j);
    items_.push_back({false,
                      j,
                      j * front.units,
                      front.units,
                      own,
                      {range(Role::frequency, j, own), range(Role::phase, j, own),
                       range(Role::weight, basis, own * front.units), range(Role::offset, j, front.units)}});
    basis += own;
    edge_start_.push_back(edges);
    if (!periodic_) edges += own;
  }
  edges_ = Buffer<T>(edges);
  T* edge = edges_.data();
  for (const std::vector<double>& own : front.edges) {
    for (const double x : own) *edge++ = static_cast<T>(x);
  }
  Index codes = 0, row = spec.units(0) - static_cast<Index>(front.sizes.size()) * front.category_units;
  Index at = columns_ - static_cast<Index>(front.sizes.size());
  for (const Index size : front.sizes) {
    items_.push_back(
        {true, at++, row, front.category_units, size, {range(Role::table, codes, size * front.category_units)}});
    codes += size;
    row += front.category_units;
  }
  for (const EmbeddingItem& item : items_) {
    kept_.push_back(rows_);
    rows_ += item.units;
  }
}

template <class T>
void Embedding<T>::read(const Inputs<T>& X, const Selection& which, Index ld, T* raw) const {
  for (Index j = 0; j < which.count; ++j) {
    const T* from = X.data + which[j] * X.col_stride;
    for (Index c = 0; c < columns_; ++c) raw[c * ld + j] = from[c * X.row_stride];
  }
  for (const EmbeddingItem& item :
       items_) {  // another thread may write into X after the check, and codes are addresses
    if (!item.category) continue;
    for (Index j = 0; j < which.count; ++j) {
      T& code = raw[item.column * ld + j];
      if (!(code >= T(0) && code < static_cast<T>(item.basis))) code = T(0);
    }
  }
}

template <class T>
kernels::EmbeddedColumn<T> Embedding<T>::column(const EmbeddingItem& item, const T* parameters) const {
  const auto& [frequency, phase, weight, offset] = item.ranges;
  const auto number = static_cast<std::size_t>(item.column);
  return {item.basis,
          item.units,
          periodic_ ? parameters + frequency.start : nullptr,
          periodic_ ? parameters + phase.start : nullptr,
          periodic_ ? nullptr : edges_.data() + edge_start_[number],
          parameters + weight.start,
          parameters + offset.start};
}

template <class T>
void Embedding<T>::forward(const T* parameters, const T* raw, Index ld, Index m, kernels::Columns<T> A) const {
  Index codes = 0;
  for (const EmbeddingItem& item : items_) {
    const T* x = raw + item.column * ld;
    if (!item.category) {
      kernels::embed(column(item, parameters), m, x, item.row, A);
      continue;
    }
    ++codes;
    kernels::look_up(parameters + item.ranges[0].start, item.units, m, x, item.row, A);
  }
  Index row = passed_;
  for (Index c = first_passed_; c < columns_ - codes; ++c, ++row) {
    T* to = A.from(row);
    for (Index j = 0; j < m; ++j) to[j * A.ld] = raw[c * ld + j];
  }
}

template <class T>
void Embedding<T>::keep(kernels::Columns<T> dA, Index m, Index ld, T* kept) const {
  for (const EmbeddingItem& item : items_) {
    for (Index k = 0; k < item.units; ++k, kept += ld) {
      const T* from = dA.from(item.row + k);
      for (Index j = 0; j < m; ++j) kept[j] = from[j * dA.ld];
    }
  }
}

template <class T>
void Embedding<T>::gradient(std::size_t number, const T* parameters, const T* raw, const T* kept, Index ld, Index m,
                            bool add, T* sums) const {
  const EmbeddingItem& item = items_[number];
  const T *x = raw + item.column * ld, *d = kept + kept_[number] * ld;
  if (item.category)
    return kernels::look_up_back(item.units, item.basis, m, x, d, ld, add, sums + item.ranges[0].start);
  const auto& [frequency, phase, weight, offset] = item.ranges;
  kernels::embed_back(column(item, parameters), m, x, d, ld, add,
                      {sums + frequency.start, sums + phase.start, sums + weight.start, sums + offset.start});
}

template class Embedding<float>;
template class Embedding<double>;

}  // namespace deepcore
