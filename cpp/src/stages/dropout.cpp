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
  const kernels::Columns<T> to = mask().starting(part.j0);
  const std::uint64_t stream = kernels::mask_stream(step.number, l_);
  const double rate = rate_ * step.dropout;
  const std::uint8_t* given = step.masks == nullptr ? nullptr : step.masks[l_];
  const T kept = static_cast<T>(1 / (1 - rate));
  kernels::together(A, part.i0, part.i1, [&](Index i, Index rows) {
    for (Index j = 0; j < part.m; ++j) {
      if (given != nullptr) {
        const std::uint8_t* from = given + (slab.place + part.j0 + j) * units_;
        for (Index k = i; k < std::min(i + rows, units_); ++k) to.from(i)[j * to.ld + k - i] = from[k] != 0 ? kept : T(0);
        continue;
      }
      kernels::dropout_mask(step.seed, stream, slab.place + part.j0 + j, units_, i, rows, rate, to.from(i) + j * to.ld);
    }
    kernels::multiply_by(rows, part.m, A.ld, static_cast<const T*>(to.from(i)), A.from(i));
  });
}

template <class T>
void Dropout<T>::backward(const Slab<T>& slab, const Part& part, kernels::Columns<T>, kernels::Columns<T> d) {
  if (slab.training == nullptr) return;
  const kernels::Columns<T> from = mask().starting(part.j0);
  kernels::together(d, part.i0, part.i1, [&](Index i, Index rows) {
    kernels::multiply_by(rows, part.m, d.ld, static_cast<const T*>(from.from(i)), d.from(i));
  });
}

template class Dropout<float>;
template class Dropout<double>;

}  // namespace deepcore
