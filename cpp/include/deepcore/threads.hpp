// How many threads deepcore uses where nobody says: a limit set here, the environment, or what the machine grants.
// Public header, standard library only.
#pragma once

namespace deepcore {

// No team has more threads. An environment variable with a larger number is ignored, like one that is no number; a
// larger number in a call means this one.
inline constexpr int kMaxThreads = 1024;

// set_num_threads > DEEPCORE_NUM_THREADS > OMP_NUM_THREADS > min(CPU affinity, cgroup quota); an environment variable
// that exceeds the CPU affinity means the CPU affinity
int num_threads();
void set_num_threads(int threads);  // 0: back to the default

}  // namespace deepcore
