// The multiply-adds that measure the peak of a CPU: chains that depend on nothing but themselves.
// Level: kernels. Without Eigen; defined in kernels/products.cpp.
#pragma once

#include "kernels/lanes.hpp"

namespace deepcore::kernels {

inline constexpr int kPeakChains = 12;  // independent ones: more than latency times throughput asks for

// `rounds` multiply-adds on each chain of kLanes<float> values. start is volatile, so that the compiler may not do the same
// work once for all.
float multiply_add_chains(const volatile float& start, Index rounds);

}  // namespace deepcore::kernels
