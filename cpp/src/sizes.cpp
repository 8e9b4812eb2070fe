// Sizes: arithmetic and blocks.
// Level: batches.
#include "sizes.hpp"

namespace deepcore {

double forward_flops(const Spec& spec, Index m) {
  double weights = 0;
  for (int l = 1; l <= spec.depth(); ++l)
    weights += static_cast<double>(spec.units(l - 1)) * static_cast<double>(spec.units(l));
  return 2 * weights * static_cast<double>(m * spec.members());
}

double step_flops(const Spec& spec, Index m) {
  const double first = static_cast<double>(spec.units(0)) * static_cast<double>(spec.units(1));
  return 3 * forward_flops(spec, m) - 2 * first * static_cast<double>(m * spec.members());
}

Index even_block(Index m, Index most, int threads) {
  const auto parts = [](Index count, Index size) { return (count + size - 1) / size; };
  constexpr Index kTile = kernels::kColumns<3>;
  return parts(parts(m, parts(m, most * threads) * threads), kTile) * kTile;
}

}  // namespace deepcore
