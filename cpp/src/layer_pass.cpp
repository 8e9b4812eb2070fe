// LayerPass: products, stages and output of a slab, and the ways in which threads share them.
// Level: passes.
#include "layer_pass.hpp"

#include "batch.hpp"
#include "kernels/columns.hpp"
#include "kernels/narrow.hpp"
#include "lane_pass.hpp"
#include "sizes.hpp"

#include <algorithm>

namespace deepcore {

namespace {

constexpr Index kHead = 64;  // examples that the output takes at once
// An item by layers: so many examples that their strip of A_prev, 96 KB, stays in the second cache for up to kPanels panels,
// and so few panels that each thread gets kItems items.
constexpr Index kWide = 128, kPanels = 4, kItems = 16;

}  // namespace

template <class T>
LayerPass<T>::LayerPass(const Network<T>& network, const State<T>& state, const Examples<T>& examples, const Plan& plan,
                        Team& team)
    : network_(network), spec_(network.spec), state_(state), examples_(examples), plan_(plan), team_(team) {
  for (int l = 0; l <= spec_.depth(); ++l) {
    const LayerPlan& layer = plan_.layers[at(l)];
    // X is written to A[0] before it is read.
    a_.push_back(l == 0 ? Buffer<T>::uninitialized(layer.size) : Buffer<T>(layer.size));
    dz_.emplace_back(l > 0 || spec_.embeddings().any() ? layer.size : 0);
    if (l < spec_.depth())
      stages_.push_back(make_stages(network, l, {nullptr, layer.stride, layer.strip}, {layer.size, plan_.slab}));
  }
  for (int thread = 0; thread < team_.size(); ++thread) workspaces_.emplace_back(spec_, std::max(kHead, plan_.block));
  if (has_few_values(examples_.X) && spec_.dropout(0) == 0 && !kernels::narrow(spec_.units(0), spec_.units(1)))
    sparse_.emplace();
  if (!spec_.embeddings().any()) return;
  embedding_ = std::make_unique<Embedding<T>>(spec_, network.tensors);
  embedded_ld_ = leading<T>(plan_.slab / spec_.members());
  if (has_members()) features_ = Buffer<T>(leading<T>(spec_.units(0)) * (plan_.slab / spec_.members()));
  raw_ = Buffer<T>(embedding_->columns() * embedded_ld_);
  kept_ = Buffer<T>(embedding_->embedded_rows() * embedded_ld_);
}

template <class T>
void LayerPass<T>::load(const Network<T>& network) {
  for (const Stages<T>& stages : stages_) {
    for (const auto& stage : stages) stage->load(network);
  }
}

template <class T>
void LayerPass<T>::publish(Network<T>& network) const {
  for (const Stages<T>& stages : stages_) {
    for (const auto& stage : stages) stage->publish(network);
  }
}

template <class T>
void LayerPass<T>::step(const State<T>& state, double weight) {
  for (const Stages<T>& stages : stages_) {
    for (const auto& stage : stages) {
      stage->load(state);
      if (slab_.training != nullptr) stage->step(weight);
    }
  }
}

template <class T>
void LayerPass<T>::run(const Slab<T>& slab, double* losses) {
  slab_ = slab;
  losses_ = losses;
  for (const Stages<T>& stages : stages_) {
    for (const auto& stage : stages) stage->begin(slab_);
  }
  if (sparse_ && !resident_) {
    sparse_->read(examples_.X, examples_.weights, slab_.which);
    sparse_->sort_by_unit(spec_.units(0));
  }
  if (embedding_) begin_embedding();
  if (has_members()) embed_examples();
  plan_.way == Way::layers ? by_layers() : by_blocks();
  if (has_members())
    in_parts(team_, slab_.which.examples().count, kHead, [&](Index j0, Index m, int) { keep_embedding(j0, m); });
  resident_ = !embedding_ && slab.which.in_order() && slab.which.count == examples_.count() && spec_.dropout(0) == 0;
}

template <class T>
void LayerPass<T>::by_blocks() {
  const int L = spec_.depth();
  in_parts(team_, slab_.which.count, plan_.block, [&](Index j0, Index m, int thread) {
    gather(j0, m);
    for (int l = 1; l <= L; ++l) forward(l, 0, panels(l).count(), j0, m);
    head(j0, m, thread);
    for (int l = L - 1; l >= lowest(); --l) backward(l, 0, panels(l).count(), j0, m);
    if (embedding_ && !has_members()) keep_embedding(j0, m);
  });
}

// Every weight is read by one thread only, for all examples.
template <class T>
void LayerPass<T>::by_layers() {
  const Index count = slab_.which.count;
  const auto by_panels_and_examples = [&](int l, auto work) {
    const Index blocks = (count + kWide - 1) / kWide;
    const Index all = panels(l).count();
    const Index most = std::clamp(all * blocks / (kItems * team_.size()), Index{1}, kPanels);
    team_.for_each((all + most - 1) / most * blocks, [&](Index i, int) {
      const Index p = i / blocks * most, j0 = i % blocks * kWide;
      work(p, std::min(p + most, all), j0, std::min(kWide, count - j0));
    });
  };
  const auto by_examples = [&](auto work) {
    const Index size = std::min(kHead, (count + 2 * team_.size() - 1) / (2 * team_.size()));
    team_.for_each((count + size - 1) / size,
                   [&](Index i, int thread) { work(i * size, std::min(size, count - i * size), thread); });
  };
  // The stages that an item of the product could not do: those that need whole batches or all units of an example.
  const auto finish = [&](int l, auto work) {
    if (ready(l, panels(l).count() == 1, count <= kWide)) return;
    if (needs(l) == Needs::examples) {
      team_.for_each(panels(l).count(),
                     [&](Index p, int) { work(Part{panels(l).start(p), rows_end(l, p + 1), 0, count}); });
    } else {
      by_examples([&](Index j0, Index m, int) { work(Part{0, spec_.units(l), j0, m}); });
    }
  };
  const int L = spec_.depth();
  if (!resident_) by_examples([&](Index j0, Index m, int) { gather(j0, m); });
  for (int l = 1; l <= L; ++l) {
    by_panels_and_examples(l, [&](Index p0, Index p1, Index j0, Index m) { forward(l, p0, p1, j0, m); });
    if (l < L) finish(l, [&](const Part& part) { stages_forward(l, part); });
  }
  by_examples([&](Index j0, Index m, int thread) { head(j0, m, thread); });
  for (int l = L - 1; l >= lowest(); --l) {
    by_panels_and_examples(l, [&](Index p0, Index p1, Index j0, Index m) { backward(l, p0, p1, j0, m); });
    finish(l, [&](const Part& part) { stages_backward(l, part); });
  }
  if (embedding_ && !has_members()) by_examples([&](Index j0, Index m, int) { keep_embedding(j0, m); });
}

// Fills the padding of the examples to whole packets with zeros, which add nothing to the sums.
template <class T>
void LayerPass<T>::begin_embedding() {
  const Index m = slab_.which.examples().count, padded = kernels::round_up<T>(m);
  for (Index i = 0; i < embedding_->columns(); ++i)
    std::fill(raw_.data() + i * embedded_ld_ + m, raw_.data() + i * embedded_ld_ + padded, T(0));
  for (Index i = 0; i < embedding_->embedded_rows(); ++i)
    std::fill(kept_.data() + i * embedded_ld_ + m, kept_.data() + i * embedded_ld_ + padded, T(0));
}

template <class T>
void LayerPass<T>::keep_embedding(Index j0, Index m) {
  embedding_->keep(state_.embeddings(), dZ(0).starting(j0 * spec_.members()), m, embedded_ld_, kept_.data() + j0);
}

// X -> A[0].
template <class T>
void LayerPass<T>::gather(Index j0, Index m) {
  if (resident_ || sparse_) return;
  const Selection which = slab_.which.part(j0, m);
  const kernels::Columns<T> to = A(0).starting(j0);
  if (has_members()) {
    embedding_->multiply(state_.embeddings(), features(), j0, m, to);
  } else if (embedding_) {
    embed(which, j0, to);
  } else {
    write_inputs(j0, m);
  }
  stages_forward(0, {0, spec_.units(0), j0, m});
}

// An example of weight 0 becomes zeros: whatever it holds, even NaN, must not reach the sums.
template <class T>
void LayerPass<T>::write_inputs(Index j0, Index m) {
  const Selection which = slab_.which.part(j0, m);
  const kernels::Columns<T> to = A(0).starting(j0);
  gather_inputs(examples_.X, which, to);
  for (Index j = 0; j < m && examples_.weights != nullptr; ++j) {
    if (examples_.weights[which[j]] != T(0)) continue;
    kernels::together(to, 0, spec_.units(0),
                      [&](Index i, Index rows) { std::fill_n(to.from(i) + j * to.ld, rows, T(0)); });
  }
}

template <class T>
void LayerPass<T>::write_inputs() {
  if (sparse_) write_inputs(0, slab_.which.count);
}

template <class T>
void LayerPass<T>::embed(const Selection& which, Index place, kernels::Columns<T> to) {
  T* raw = raw_.data() + place;
  embedding_->read(examples_.X, which, embedded_ld_, raw);
  for (Index j = 0; j < which.count && examples_.weights != nullptr; ++j) {
    if (examples_.weights[which[j]] != T(0)) continue;
    for (Index i = 0; i < embedding_->columns(); ++i) raw[i * embedded_ld_ + j] = T(0);
  }
  embedding_->forward(state_.embeddings(), raw, embedded_ld_, which.count, to);
}

template <class T>
void LayerPass<T>::embed_examples() {
  const Selection all = slab_.which.examples();
  in_parts(team_, all.count, kHead,
           [&](Index j0, Index m, int) { embed(all.part(j0, m), j0, features().starting(j0)); });
}

template <class T>
void LayerPass<T>::forward(int l, Index p0, Index p1, Index j0, Index m) {
  const PackedLayer<T>& layer = state_.layout().layer(l);
  if (l == 1 && sparse_) {
    kernels::multiply_sparse(layer.rows, p0, p1, layer.n_in, state_.left(l), sparse_->by_example(), j0, m,
                             A(l).starting(j0));
  } else {
    const kernels::Columns<T> below = A(l - 1).starting(j0);
    kernels::multiply<true>(layer.rows, p0, p1, layer.n_in, state_.left(l), static_cast<const T*>(below.data), below.ld,
                            below.strip, m, A(l).starting(j0));
  }
  if (l == spec_.depth()) return;  // the output goes on from Z[L]
  if (ready(l, p0 == 0 && p1 == layer.rows.count(), j0 == 0 && m == slab_.which.count))
    stages_forward(l, {layer.rows.start(p0), rows_end(l, p1), j0, m});
}

template <class T>
void LayerPass<T>::backward(int l, Index p0, Index p1, Index j0, Index m) {
  const kernels::Panels<T> rows = panels(l);
  const kernels::Columns<T> above = dZ(l + 1).starting(j0);
  kernels::multiply<true>(rows, p0, p1, spec_.units(l + 1), state_.transposed(l + 1), static_cast<const T*>(above.data),
                          above.ld, above.strip, m, dZ(l).starting(j0));
  if (ready(l, p0 == 0 && p1 == rows.count(), j0 == 0 && m == slab_.which.count))
    stages_backward(l, {rows.start(p0), rows_end(l, p1), j0, m});
}

// The output works on columns without gaps: with few units most of a padded column would be padding.
template <class T>
void LayerPass<T>::head(Index j0, Index m, int thread) {
  const int L = spec_.depth();
  const Selection which = slab_.which.part(j0, m);
  const kernels::Columns<T> a = A(L).starting(j0), d = dZ(L).starting(j0);
  OutputWorkspace<T>& workspace = workspaces_[static_cast<std::size_t>(thread)];
  T *Z = workspace.Z.data(), *dZ = workspace.dZ.data();
  own_units(spec_, which, static_cast<const T*>(a.data), a.ld, Z);
  output(spec_, examples_, which, smoothing_of(spec_, slab_.training), Z, dZ, losses_ + j0, workspace);
  all_units(spec_, which, static_cast<const T*>(Z), a.data, a.ld);
  all_units(spec_, which, static_cast<const T*>(dZ), d.data, d.ld);
}

template <class T>
void LayerPass<T>::stages_forward(int l, const Part& part) {
  for (const auto& stage : stages_[at(l)]) stage->forward(slab_, part, A(l).starting(part.j0));
}

template <class T>
void LayerPass<T>::stages_backward(int l, const Part& part) {
  const Stages<T>& stages = stages_[at(l)];
  for (auto stage = stages.rbegin(); stage != stages.rend(); ++stage)
    (*stage)->backward(slab_, part, A(l).starting(part.j0), dZ(l).starting(part.j0));
}

template <class T>
Needs LayerPass<T>::needs(int l) const {
  Needs most = Needs::values;
  for (const auto& stage : stages_[at(l)]) most = std::max(most, stage->needs());
  return most;
}

template <class T>
bool LayerPass<T>::ready(int l, bool all_units, bool all_examples) const {
  switch (needs(l)) {
    case Needs::values:
      return true;
    case Needs::units:
      return all_units;
    case Needs::examples:
      return all_examples;
  }
  return false;
}

// One past the last row that panels up to p1 hold, padding included: padding is zero and may be worked on, unless a stage
// forms sums over the units.
template <class T>
Index LayerPass<T>::rows_end(int l, Index p1) const {
  const kernels::Panels<T> rows = panels(l);
  const Index n = spec_.units(l);
  if (p1 < rows.count()) return rows.start(p1);
  const bool sums = std::any_of(stages_[at(l)].begin(), stages_[at(l)].end(),
                                [](const auto& stage) { return stage->needs() == Needs::units; });
  return sums ? n : kernels::round_up<T>(n);
}

template <class T>
void LayerPass<T>::gradient(const Piece& piece, bool add, T* out) const {
  const Index m = slab_.which.count, width = piece.width, count = piece.i1 - piece.i0;
  const kernels::Columns<const T> A = columns(a_, piece.l - 1), d = columns(dz_, piece.l);
  const T* dZ = d.from(piece.start);
  T* tail = out + count * width;
  if (kernels::narrow(spec_.units(piece.l - 1), spec_.units(piece.l))) {  // one piece is a whole panel
    kernels::narrow_sums_of<T>(
        count, piece.valid, m, [&](Index i, Index e) { return A.data[e * A.ld + i]; },
        [&](Index o, Index e) { return dZ[e * d.ld + o]; }, add, out, width);
  } else if (piece.l == 1 && sparse_) {
    kernels::outer_sparse(width, dZ, d.ld, sparse_->by_unit(), piece.i0, piece.i1, add, out);
    if (piece.last) kernels::row_sums(width, m, dZ, d.ld, add, tail);
  } else {
    // Where an eighth of the lanes or more would be padding, as with cat's 20 rows of 24.
    if (!add && 8 * piece.valid <= 7 * width && count >= kernels::Panels<T>::kWidth) {
      kernels::outer_turned(width, piece.valid, m, dZ, d.ld, A.from(piece.i0), A.ld, count, out);
    } else {
      kernels::outer<false>(width, m, dZ, d.ld, A.from(piece.i0), A.ld, count, add, out);
    }
    if (piece.last) kernels::row_sums(width, m, dZ, d.ld, add, tail);
  }
  if (!piece.last || piece.l == spec_.depth()) return;
  tail += width;
  for (const auto& stage : stages_[at(piece.l)]) {
    stage->gradient(piece, m, add, tail);
    tail += stage->columns() * width;
  }
}

template <class T>
void LayerPass<T>::embedding_gradient(Index item, bool add, T* sums) const {
  const auto number = static_cast<std::size_t>(item);
  const Index m = slab_.which.examples().count;
  if (embedding_->items()[number].kind == EmbeddingItem::Kind::member) {
    const kernels::Columns<const T> features{features_.data(), leading<T>(spec_.units(0)), kernels::kDepth};
    return embedding_->member_gradient(number, features, columns(dz_, 0), m, add, sums);
  }
  embedding_->gradient(number, state_.embeddings(), raw_.data(), kept_.data(), embedded_ld_, m, add, sums);
}

template <class T>
std::unique_ptr<Pass<T>> make_pass(const Network<T>& network, const State<T>& state, const Examples<T>& examples,
                                   const Plan& plan, Team& team) {
  if (plan.way == Way::lanes) return std::make_unique<LanePass<T>>(network, state, examples, plan);
  return std::make_unique<LayerPass<T>>(network, state, examples, plan, team);
}

template class LayerPass<float>;
template class LayerPass<double>;
template std::unique_ptr<Pass<float>> make_pass(const Network<float>&, const State<float>&, const Examples<float>&,
                                                const Plan&, Team&);
template std::unique_ptr<Pass<double>> make_pass(const Network<double>&, const State<double>&, const Examples<double>&,
                                                 const Plan&, Team&);

}  // namespace deepcore
