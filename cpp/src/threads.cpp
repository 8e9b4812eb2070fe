// The number of threads: from a setting, the environment, or what the system grants.
// Level: machine.
#include <deepcore/threads.hpp>

#include "platform.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>

namespace deepcore {

namespace {

std::atomic<int> chosen{0};

// The number that an environment variable holds, but at most that of the processors: it may have been set for another
// machine. 0 if it holds none, or one that no machine has processors for.
int from_environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read, as every library does
  if (value == nullptr) return 0;
  char* end = nullptr;
  const long threads = std::strtol(value, &end, 10);  // OMP_NUM_THREADS may be a list: its first number counts
  // 2.5 and 1e3 are no numbers of threads.
  const bool whole = end != value && (*end == '\0' || *end == ',' || *end == ' ');
  return whole && threads > 0 && threads <= kMaxThreads
             ? std::min(static_cast<int>(threads), platform::allowed_processors())
             : 0;
}

}  // namespace

int num_threads() {
  if (const int threads = chosen.load(); threads > 0) return threads;
  if (const int threads = from_environment("DEEPCORE_NUM_THREADS"); threads > 0) return threads;
  if (const int threads = from_environment("OMP_NUM_THREADS"); threads > 0) return threads;
  static const int granted = platform::processor_quota();  // read once: a file's worth of time, and it rarely changes
  const int allowed = platform::allowed_processors();
  return std::min(granted > 0 ? std::min(allowed, granted) : allowed, kMaxThreads);
}

void set_num_threads(int threads) { chosen.store(std::clamp(threads, 0, kMaxThreads)); }

}  // namespace deepcore
