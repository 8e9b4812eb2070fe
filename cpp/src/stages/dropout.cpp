// Dropout: drawing the masks and applying them.
// Level: stages.
#include "stages/dropout.hpp"

#include "kernels/dropout.hpp"

#include <algorithm>

namespace deepcore {

template <class T>
void Dropout<T>::forward(const Slab<T>& slab, const Part& part, kernels::Columns<T> A) {
  if (slab.training == nullptr) return;
  const TrainingStep& step = *slab.training;
  const std::uint64_t stream = kernels::mask_stream(step.number, l_);
  const kernels::Columns<std::uint8_t> to = kept().starting(part.j0);
  const double rate = rate_ * step.dropout;
  const std::uint8_t* given = step.masks == nullptr ? nullptr : step.masks[l_];
  kernels::together(A, part.i0, part.i1, [&](Index i, Index rows) {
    for (Index j = 0; j < part.m; ++j) {
      const Index place = slab.place + part.j0 + j;
      std::uint8_t* kept = to.from(i) + j * to.ld;
      if (given != nullptr) {
        const std::uint8_t* from = given + place * units_ + i;
        std::transform(from, from + std::min(rows, units_ - i), kept, [](std::uint8_t x) { return x != 0 ? 1 : 0; });
      } else {
        kernels::draw_mask(step.seed, stream, place, units_, i, rows, rate, kept);
      }
      kernels::apply_mask(rows, kept, rate, A.from(i) + j * A.ld);
    }
  });
}

template <class T>
void Dropout<T>::backward(const Slab<T>& slab, const Part& part, kernels::Columns<T>, kernels::Columns<T> d) {
  if (slab.training == nullptr) return;
  const double rate = rate_ * slab.training->dropout;
  const kernels::Columns<std::uint8_t> from = kept().starting(part.j0);
  kernels::together(d, part.i0, part.i1, [&](Index i, Index rows) {
    for (Index j = 0; j < part.m; ++j)
      kernels::apply_mask(rows, from.from(i) + j * from.ld, rate, d.from(i) + j * d.ld);
  });
}

template class Dropout<float>;
template class Dropout<double>;

}  // namespace deepcore
