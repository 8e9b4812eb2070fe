// Platform for Linux, macOS and other POSIX systems.
// Level: machine.
#if !defined(_WIN32)

#include "platform.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#if defined(__linux__)
#include <sched.h>
#endif

namespace deepcore::platform {

namespace {

std::atomic<int> fork_count{0};
[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, [] { ++fork_count; });

class AsynchronousSignalsBlocked {  // in this thread while the object lives, and in threads that it starts meanwhile
 public:
  AsynchronousSignalsBlocked() {
    sigset_t blocked;
    sigfillset(&blocked);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP}) sigdelset(&blocked, fault);
    pthread_sigmask(SIG_BLOCK, &blocked, &before_);
  }
  AsynchronousSignalsBlocked(const AsynchronousSignalsBlocked&) = delete;
  AsynchronousSignalsBlocked& operator=(const AsynchronousSignalsBlocked&) = delete;
  ~AsynchronousSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

std::int64_t process_id() noexcept { return getpid(); }

int forks() noexcept { return fork_count.load(std::memory_order_relaxed); }

void without_signals(const std::function<void()>& start) {
  const AsynchronousSignalsBlocked blocked;
  start();
}

int allowed_processors() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(CPU_COUNT(&set), 1);
#endif
  return std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
}

#if defined(__linux__)
// The smallest quota of cgroup v2 on the path from this process's own group to the root.
int processor_quota() {
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
      const double processors = std::strtod(most.c_str(), nullptr) / period;
      if (smallest == 0 || processors < smallest) smallest = processors;
    }
    if (path.empty() || path == "/") break;
    path.erase(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
  return static_cast<int>(std::ceil(smallest));
}
#else
int processor_quota() { return 0; }
#endif

int sync_folder(const char* path) noexcept {
  int folder = -1;
  do folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  while (folder < 0 && errno == EINTR);
  if (folder < 0) return errno;
  int result = 0;
  do result = fsync(folder) == 0 ? 0 : errno;
  while (result == EINTR);
  close(folder);
  return result;
}

void sleep_forever() noexcept {
  for (;;) ::pause();
}

}  // namespace deepcore::platform

#endif
