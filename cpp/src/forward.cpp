// Forward: the layers in turn, block by block.
// Level: passes.
#include "forward.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/error.hpp>

#include "batch.hpp"
#include "sizes.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace deepcore {

namespace {

template <class T>
bool finite(const T* columns, Index n, Index m, Index ld) {
  for (Index j = 0; j < m; ++j) {
    if (!std::all_of(columns + j * ld, columns + j * ld + n, [](T x) { return std::isfinite(x); })) return false;
  }
  return true;
}

CompactLayer compact(Weights weights, Index n_in, Index n_out, const kernels::Left<float>& W) {
  const kernels::Panels<float> panels{n_out};
  const int terms = weights == Weights::bfloat16 ? 2 : 4;
  const Index groups = kernels::compact_groups(terms, n_in), rows = panels.padded();
  CompactLayer to{Buffer<std::int32_t>(rows * groups), Buffer<float>(terms == 4 ? rows : 0), Buffer<float>(rows), {}};
  for (Index p = 0; p < panels.count(); ++p) {
    const Index start = panels.start(p), width = panels.width(p);
    kernels::compress(terms, width, n_in, W.panel(start), to.words.data() + start * groups,
                      to.scale.empty() ? nullptr : to.scale.data() + start);
    std::copy_n(W.bias_of(start, n_in, width), width, to.bias.data() + start);
  }
  to.matrix = {terms, groups, to.words.data(), to.scale.data(), to.bias.data()};
  return to;
}

}  // namespace

template <class T>
Forward<T>::Forward(const Network<T>& network, Team& team, bool pack, Index examples, Weights weights)
    : spec_(network.spec) {
  require(weights == Weights::own || std::is_same_v<T, float>,
          "predictor: weights of fewer bits need a float32 network, got float64");
  if (pack || spec_.reparametrised()) {
    state_.emplace(network, false);
    state_->load(network.parameters.data(), team);
  }
  const T* parameters = network.parameters.data();
  for (int l = 1; l <= spec_.depth(); ++l) {
    const Tensor &W = network.tensors.at(l, Role::W), &b = network.tensors.at(l, Role::b);
    left_.push_back(state_ ? state_->left(l)
                           : kernels::Left<T>{parameters + W.offset, 1, W.rows, true, parameters + b.offset});
    size_ = std::max({size_, leading<T>(spec_.units(l - 1)), leading<T>(spec_.units(l))});
    if (l == spec_.depth()) break;
    stages_.push_back(make_stages(network, l, {nullptr, leading<T>(W.rows), kernels::kDepth}, {}));
  }
  if constexpr (std::is_same_v<T, float>) {
    for (int l = 1; weights != Weights::own && l <= spec_.depth(); ++l)
      compact_.push_back(compact(weights, spec_.units(l - 1), spec_.units(l), left_[static_cast<std::size_t>(l) - 1]));
    if (!compact_.empty()) state_.reset();
  }
  const Index most = std::min(examples, forward_block(spec_));
  size_ = size_ * most * spec_.members() + kernels::Panels<T>::kWidth;
  if (!spec_.embeddings().any()) return;
  embedding_.emplace(spec_, network.tensors);
  if (!compact_.empty()) {
    embedded_copy_ = Buffer<T>(network.tensors.embedding_size());
    std::copy_n(parameters, embedded_copy_.size(), embedded_copy_.data());
    embedded_ = embedded_copy_.data();
  } else {
    embedded_ = state_ ? state_->embeddings() : parameters;
  }
  raw_ld_ = kernels::round_up<T>(most);
}

template <class T>
std::size_t Forward<T>::weight_bytes() const {
  std::size_t bytes = state_ ? static_cast<std::size_t>(state_->layout().size()) * sizeof(T) : 0;
  for (const CompactLayer& layer : compact_)
    bytes += static_cast<std::size_t>(layer.words.size()) * sizeof(std::int32_t);
  return bytes;
}

template <class T>
double Forward<T>::penalty() const {
  double total = 0;
  if (!spec_.has_penalties() || !state_) return total;
  for (const Piece& piece : state_->layout().pieces()) total += state_->penalty(piece);
  return total;
}

template <class T>
void Forward<T>::reserve(int threads) {
  while (buffers_.size() < 2 * static_cast<std::size_t>(threads)) buffers_.emplace_back(size_);
  if (sparse_.size() < static_cast<std::size_t>(threads)) sparse_.resize(static_cast<std::size_t>(threads));
  while (embedding_ && raw_.size() < static_cast<std::size_t>(threads))
    raw_.emplace_back(embedding_->columns() * raw_ld_);
}

template <class T>
T* Forward<T>::logits(const Inputs<T>& X, Index first, Index m, int thread, int* nonfinite, Team* team) {
  T* spare = buffers_[static_cast<std::size_t>(2 * thread)].data();
  T* to = buffers_[static_cast<std::size_t>(2 * thread + 1)].data();
  const T* from = X.sparse() ? nullptr : X.data + first * X.col_stride;
  Index ld_from = X.col_stride;
  const bool sparse = has_few_values(X);
  if (embedding_) {
    T* raw = raw_[static_cast<std::size_t>(thread)].data();
    embedding_->read(X, {nullptr, first, m}, raw_ld_, raw);
    ld_from = leading<T>(spec_.units(0));
    embedding_->forward(embedded_, raw, raw_ld_, m, {spare, ld_from, kernels::kDepth});
    if (spec_.members() > 1) {
      m *= spec_.members();
      embedding_->multiply(embedded_, {spare, ld_from, kernels::kDepth}, 0, m, {to, ld_from, kernels::kDepth});
      std::swap(to, spare);
    }
    from = spare;
  } else if (sparse) {
    sparse_[static_cast<std::size_t>(thread)].read(X, nullptr, {nullptr, first, m});
  } else if (X.sparse() || X.row_stride != 1) {  // otherwise the examples are read where they lie
    ld_from = leading<T>(spec_.units(0));
    gather_inputs(X, {nullptr, first, m}, {spare, ld_from, kernels::kDepth});
    from = spare;
  }
  for (int l = 1; l <= spec_.depth(); ++l) {
    const Index n_in = spec_.units(l - 1), n_out = spec_.units(l), ld = leading<T>(n_out);
    const kernels::Columns<T> A{to, ld, kernels::kDepth};
    const kernels::Panels<T> rows{n_out};
    const auto product = [&](Index p0, Index p1) {
      if constexpr (std::is_same_v<T, float>) {
        if (!compact_.empty())
          return kernels::multiply_compact(rows, p0, p1, n_in, compact_[static_cast<std::size_t>(l) - 1].matrix, from,
                                           ld_from, kernels::kDepth, m, to, ld);
      }
      if (l == 1 && sparse)
        return kernels::multiply_sparse(rows, p0, p1, n_in, left_[0],
                                        sparse_[static_cast<std::size_t>(thread)].by_example(), 0, m, A);
      kernels::multiply<true>(rows, p0, p1, n_in, left_[static_cast<std::size_t>(l) - 1], from, ld_from,
                              kernels::kDepth, m, A);
    };
    if (team == nullptr) {
      product(0, rows.count());
    } else {
      constexpr Index kShare = kernels::kGroup<T>;  // panels that one column goes through at once
      team->for_each((rows.count() + kShare - 1) / kShare,
                     [&](Index i, int) { product(i * kShare, std::min((i + 1) * kShare, rows.count())); });
    }
    if (l < spec_.depth()) {
      const bool sums = activations()[static_cast<std::size_t>(spec_.layer(l).activation)].columnwise;
      const Part part{0, sums ? n_out : kernels::round_up<T>(n_out), 0, m};
      for (const auto& stage : stages_[static_cast<std::size_t>(l) - 1]) stage->forward({}, part, A);
    }
    if (nonfinite != nullptr && l < *nonfinite && !finite(to, n_out, m, ld)) *nonfinite = l;
    from = to;
    ld_from = ld;
    std::swap(to, spare);
  }
  return spare;
}

template class Forward<float>;
template class Forward<double>;

}  // namespace deepcore
