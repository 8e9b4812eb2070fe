// The machine's limit: how many multiply-adds per second its vector units can do; other figures are compared
// with it.
// Public header, standard library only.
#pragma once

namespace deepcore {

// float32 GFLOP/s of `threads` threads, each running independent multiply-adds in registers for about `seconds`.
double peak_gflops(int threads, double seconds);

}  // namespace deepcore
