// Platform for Linux, macOS and other POSIX systems.
// Level: machine.
#if !defined(_WIN32)

#include "platform.hpp"
#include "platform_files.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__)
#include <sched.h>
#include <sys/mman.h>
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

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)  // which sees what is written past the end of calloc's memory
void* map_large_pages(std::size_t bytes) noexcept {
  const std::size_t most = bytes + kLargePage;
  void* const memory = mmap(nullptr, most, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  char* const start = static_cast<char*>(memory);
  const std::size_t before = (kLargePage - reinterpret_cast<std::uintptr_t>(memory) % kLargePage) % kLargePage;
  const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t used = before + (bytes + page - 1) / page * page;
  if (before > 0) munmap(start, before);
  if (used < most) munmap(start + used, most - used);
  madvise(start + before, bytes / kLargePage * kLargePage, MADV_HUGEPAGE);
  return start + before;
}

void unmap(void* memory, std::size_t bytes) noexcept { munmap(memory, bytes); }
#else
void* map_large_pages(std::size_t) noexcept { return nullptr; }
void unmap(void*, std::size_t) noexcept {}
#endif

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

namespace {

// The file that a path leads to, so that a link stays one; the path itself if there is no file yet.
std::string target_of(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> found(realpath(path.c_str(), nullptr), &std::free);
  return found == nullptr ? path : found.get();
}

int write_all(int file, const char* data, std::size_t bytes) noexcept {
  while (bytes > 0) {
    const ssize_t count = write(file, data, std::min(bytes, std::size_t{1} << 30U));  // macOS refuses 2 GB or more
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count < 0 ? errno : ENOSPC;
    data += count;
    bytes -= static_cast<std::size_t>(count);
  }
  return fsync(file) == 0 ? 0 : errno;
}

}  // namespace

bool is_special(const std::string& path) noexcept {
  struct stat found {};
  return stat(path.c_str(), &found) == 0 && !S_ISREG(found.st_mode);
}

int replace_file(const std::string& path, const void* data, std::size_t bytes) {
  static std::atomic<int> number{0};
  const std::string target = target_of(path);
  const std::size_t slash = target.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : target.substr(0, slash + 1);
  const std::string name = target.substr(folder.size()).substr(0, 100);  // file systems allow 143 to 255 bytes
  const std::string draft =
      folder + "." + name + ".c-" + std::to_string(getpid()) + "-" + std::to_string(number++) + ".deepcore-tmp";
  struct stat old {};
  const bool replaces = stat(target.c_str(), &old) == 0;
  if (replaces && !S_ISREG(old.st_mode)) return EINVAL;
  if (replaces && access(target.c_str(), W_OK) != 0) return errno;
  const int file = open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, replaces ? 0600 : 0666);
  if (file < 0) return errno;
  int error = replaces && fchmod(file, old.st_mode & 07777) != 0 ? errno : 0;
  if (error == 0) error = write_all(file, static_cast<const char*>(data), bytes);
  if (close(file) != 0 && error == 0) error = errno;
  if (error == 0 && std::rename(draft.c_str(), target.c_str()) != 0) error = errno;
  if (error != 0) {
    unlink(draft.c_str());
    return error;
  }
  sync_folder(folder.empty() ? "." : folder.c_str());  // some file systems cannot do it
  return 0;
}

void sleep_forever() noexcept {
  for (;;) ::pause();
}

}  // namespace deepcore::platform

#endif
