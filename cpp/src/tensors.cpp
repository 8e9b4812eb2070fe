// Tensors: which arrays a network has, in the order of the buffer that holds them.
// Level: description.
#include <deepcore/tensors.hpp>

#include <algorithm>
#include <limits>
#include <new>

namespace deepcore {

namespace {

Index checked_end(Index offset, Index rows, Index cols) {
  constexpr Index kMost = std::numeric_limits<Index>::max();
  if (cols > kMost / rows || rows * cols > kMost - offset) throw std::bad_alloc();
  return offset + rows * cols;
}

}  // namespace

Tensors::Tensors(const Spec& spec) {
  const Embeddings& front = spec.embeddings();
  const auto add_front = [&](Role role, Index rows, Index cols) {
    all_.push_back({0, role, rows, cols, size_});
    size_ = embedding_size_ = checked_end(size_, rows, cols);
  };
  if (front.columns > 0) {
    Index basis = 0;
    for (Index j = 0; j < front.columns; ++j) basis += front.basis(j);
    if (front.frequencies > 0) {
      add_front(Role::frequency, front.frequencies, front.columns);
      add_front(Role::phase, front.frequencies, front.columns);
    }
    add_front(Role::weight, front.units, basis);
    add_front(Role::offset, front.units, front.columns);
  }
  if (!front.sizes.empty()) {
    Index codes = 0;
    for (const Index size : front.sizes) codes = checked_end(codes, size, 1);
    add_front(Role::table, front.category_units, codes);
  }
  if (front.members > 1) add_front(Role::factor, spec.units(0), front.members);
  for (int l = 1; l <= spec.depth(); ++l) {
    const LayerSpec& layer = spec.layer(l);
    const Index n_in = spec.units(l - 1), n_out = spec.units(l);
    const auto add = [&](Role role, Index rows, Index cols) {
      all_.push_back({l, role, rows, cols, size_});
      size_ = checked_end(size_, rows, cols);
    };
    add(Role::W, n_out, n_in);
    add(Role::b, n_out, 1);
    if (layer.norm != Norm::none) {
      add(Role::gamma, n_out, 1);
      add(Role::beta, n_out, 1);
    }
    if (layer.parametric) add(Role::alpha, n_out, 1);
    if (layer.scaled_inputs) add(Role::scale, n_in, 1);
    if (layer.norm != Norm::batch) continue;
    for (const Role role : {Role::running_mean, Role::running_variance}) {
      running_.push_back({l, role, n_out, 1, running_size_});
      running_size_ = checked_end(running_size_, n_out, 1);
    }
  }
}

const Tensor* Tensors::find(int layer, Role role) const {
  for (const std::vector<Tensor>* tensors : {&all_, &running_}) {
    const auto found = std::find_if(tensors->begin(), tensors->end(),
                                    [&](const Tensor& t) { return t.layer == layer && t.role == role; });
    if (found != tensors->end()) return &*found;
  }
  return nullptr;
}

}  // namespace deepcore
