// Embedding: finds the arrays of each column, and calls the kernels.
// Level: stages.
#include "stages/embedding.hpp"

#include <algorithm>

namespace deepcore {

template <class T>
Embedding<T>::Embedding(const Spec& spec, const Tensors& tensors)
    : columns_(spec.columns()), units_(spec.units(0)), members_(spec.members()),
      passed_(spec.embeddings().columns * spec.embeddings().units),
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
    items_.push_back({EmbeddingItem::Kind::number,
                      j,
                      j * front.units,
                      front.units,
                      own,
                      {range(Role::frequency, j, own), range(Role::phase, j, own),
                       range(Role::weight, basis, own * front.units), range(Role::offset, j, front.units)},
                      front.numbers});
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
    items_.push_back({EmbeddingItem::Kind::category,
                      at++,
                      row,
                      front.category_units,
                      size,
                      {range(Role::table, codes, size * front.category_units)},
                      front.categories});
    codes += size;
    row += front.category_units;
  }
  for (const EmbeddingItem& item : items_) {
    kept_.push_back(rows_);
    rows_ += item.units;
  }
  if (members_ == 1) return;
  factors_ = tensors.at(0, Role::factor).offset;
  for (Index i = 0; i < members_; ++i)
    items_.push_back({EmbeddingItem::Kind::member, i, 0, units_, 0, {range(Role::factor, i, units_)}, {}});
}

template <class T>
void Embedding<T>::read(const Inputs<T>& X, const Selection& which, Index ld, T* raw) const {
  for (Index j = 0; j < which.count; ++j) {
    const T* from = X.data + which[j] * X.col_stride;
    for (Index c = 0; c < columns_; ++c) raw[c * ld + j] = from[c * X.row_stride];
  }
  // Another thread may write into X after the check, and codes are used as addresses.
  for (const EmbeddingItem& item : items_) {
    if (item.kind != EmbeddingItem::Kind::category) continue;
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
    if (item.kind == EmbeddingItem::Kind::member) break;
    const T* x = raw + item.column * ld;
    if (item.kind == EmbeddingItem::Kind::number) {
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
void Embedding<T>::multiply(const T* parameters, kernels::Columns<T> features, Index first, Index m,
                            kernels::Columns<T> A) const {
  for (Index j = 0; j < m; ++j) {
    const kernels::Columns<T> from = features.starting((first + j) / members_), to = A.starting(j);
    const T* factor = factors((first + j) % members_, parameters);
    kernels::together(to, 0, units_, [&](Index i, Index rows) {
      for (Index k = 0; k < rows; ++k) to.from(i)[k] = from.from(i)[k] * factor[i + k];
    });
  }
}

template <class T>
void Embedding<T>::keep(const T* parameters, kernels::Columns<T> dA, Index m, Index ld, T* kept) const {
  for (std::size_t number = 0; number < kept_.size(); ++number) {
    const EmbeddingItem& item = items_[number];
    for (Index row = item.row; row < item.row + item.units; ++row, kept += ld) {
      const T* from = dA.from(row);
      if (members_ == 1) {
        for (Index j = 0; j < m; ++j) kept[j] = from[j * dA.ld];
        continue;
      }
      for (Index j = 0; j < m; ++j) {
        kept[j] = T(0);
        for (Index i = 0; i < members_; ++i, from += dA.ld) kept[j] += factors(i, parameters)[row] * *from;
      }
    }
  }
}

template <class T>
void Embedding<T>::gradient(std::size_t number, const T* parameters, const T* raw, const T* kept, Index ld, Index m,
                            bool add, T* sums) const {
  const EmbeddingItem& item = items_[number];
  const T *x = raw + item.column * ld, *d = kept + kept_[number] * ld;
  if (item.kind == EmbeddingItem::Kind::category)
    return kernels::look_up_back(item.units, item.basis, m, x, d, ld, add, sums + item.ranges[0].start);
  const auto& [frequency, phase, weight, offset] = item.ranges;
  kernels::embed_back(column(item, parameters), m, x, d, ld, add,
                      {sums + frequency.start, sums + phase.start, sums + weight.start, sums + offset.start});
}

template <class T>
void Embedding<T>::member_gradient(std::size_t number, kernels::Columns<const T> features, kernels::Columns<const T> dA,
                                   Index m, bool add, T* sums) const {
  const EmbeddingItem& item = items_[number];
  T* to = sums + item.ranges[0].start;
  if (!add) std::fill_n(to, units_, T(0));
  for (Index j = 0; j < m; ++j) {
    const kernels::Columns<const T> x = features.starting(j), d = dA.starting(j * members_ + item.column);
    kernels::together(d, 0, units_, [&](Index i, Index rows) {
      for (Index k = 0; k < rows; ++k) to[i + k] += x.from(i)[k] * d.from(i)[k];
    });
  }
}

template class Embedding<float>;
template class Embedding<double>;

}  // namespace deepcore
