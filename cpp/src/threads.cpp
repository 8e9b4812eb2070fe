// The number of threads: from a setting, the environment, the affinity mask and the cgroup's quota.
// Floor: layer.
#include <deepcore/threads.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace deepcore {

namespace {

std::atomic<int> chosen{0};

int from_environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read, as every library does
  if (value == nullptr) return 0;
  char* end = nullptr;
  const long threads = std::strtol(value, &end, 10);  // OMP_NUM_THREADS may be a list: its first number counts
  // 2.5 and 1e3 are no numbers of threads.
  const bool whole = end != value && (*end == '\0' || *end == ',' || *end == ' ');
  return whole && threads > 0 && threads < 100000 ? static_cast<int>(threads) : 0;
}

int affinity() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(CPU_COUNT(&set), 1);
#endif
  return std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
}

// CPUs that a cgroup v2 grants: the smallest quota on the path from this process's own group to the root. 0: no limit.
int quota() {
  std::ifstream groups("/proc/self/cgroup");
  std::string line;
  std::string path;
  while (std::getline(groups, line)) {
    if (line.rfind("0::", 0) == 0) path = line.substr(3);
  }
  double smallest = 0;
  for (;;) {
    std::ifstream file("/sys/fs/cgroup" + (path == "/" ? "" : path) + "/cpu.max");
    std::string most;
    double period = 0;
    if (file >> most >> period && most != "max" && period > 0) {
      const double cpus = std::strtod(most.c_str(), nullptr) / period;
      if (smallest == 0 || cpus < smallest) smallest = cpus;
    }
    if (path.empty() || path == "/") break;
    path.erase(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
  return static_cast<int>(std::ceil(smallest));
}

}  // namespace

int num_threads() {
  if (const int threads = chosen.load(); threads > 0) return threads;
  if (const int threads = from_environment("DEEPCORE_NUM_THREADS"); threads > 0) return threads;
  if (const int threads = from_environment("OMP_NUM_THREADS"); threads > 0) return threads;
  static const int granted = quota();  // read once: a file's worth of time, and it rarely changes
  return granted > 0 ? std::min(affinity(), granted) : affinity();
}

void set_num_threads(int threads) { chosen.store(std::max(threads, 0)); }

}  // namespace deepcore
