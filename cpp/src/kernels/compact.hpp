// Compact weights: bfloat16 or int8 values, which a product makes floats of while it reads them. Less is read for each row.
// Level: kernels. Without Eigen; the definitions are in kernels/compact.cpp.
#pragma once

#include "kernels/panels.hpp"

#include <cstdint>

namespace deepcore::kernels {

// A word holds 2 (bfloat16) or 4 (int8) consecutive terms of one row, the first in its lowest bits. A term is moved to the
// top of the word and read with all that stands below it: no instruction clears these bits, and `compress` counts with them.
// Words lie in panels as Panels cuts the rows: word g of panel p at words[start(p) * groups + g * width(p)].
struct Compact {
  int terms;
  Index groups;  // words of a row
  const std::int32_t* words;
  const float* scale;  // int8: of each row, of what a term is as a number of 32 bits; null: 1
  const float* bias;   // of each row
};

inline Index compact_groups(int terms, Index K) { return (K + terms - 1) / terms; }

// A packed panel of `width` rows and K columns -> its words; and, for int8, its scales.
void compress(int terms, Index width, Index K, const float* packed, std::int32_t* words, float* scale);

// multiply<true>, for panels [p0, p1): C (n, m) = bias + scale (A B), A B by the rule of all products. Columns of C are whole.
void multiply_compact(Panels<float> panels, Index p0, Index p1, Index K, const Compact& A, const float* B, Index sb,
                      Index run_step, Index m, float* C, Index ldc);

}  // namespace deepcore::kernels
