// Dropout: drawing the masks and applying them.
// Level: stages.
#include "stages/dropout.hpp"

#include "kernels/dropout.hpp"

namespace deepcore {

template <class T>
void Dropout<T>::forward(const Slab<T>& slab, const Part& part, kernels::Columns<T> A) {
  if (slab.training == nullptr) return;
  const TrainingStep& step = *slab.training;
  const kernels::Columns<T> to = mask().starting(part.j0);
  const std::uint64_t stream = kernels::mask_stream(step.number, l_);
  const double rate = rate_ * step.dropout;
  const std::uint8_t* given = step.masks == nullptr ? nullptr : step.masks[l_];
  kernels::together(A, part.i0, part.i1, [&](Index i, Index rows) {
    for (Index j = 0; j < part.m; ++j) {
      const Index place = slab.place + part.j0 + j;
      T* mask = to.from(i) + j * to.ld;
      if (given != nullptr) {
        kernels::given_mask(given, place, units_, i, rows, rate, mask);
      } else {
        kernels::dropout_mask(step.seed, stream, place, units_, i, rows, rate, mask);
      }
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
