// Platform: everything that differs between operating systems and processors, behind one small interface.
// Level: machine. Implemented in platform_posix.cpp and platform_windows.cpp; no other file includes a system header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#if defined(_MSC_VER)
#include <intrin.h>
#endif

namespace deepcore::platform {

// What two threads write must be this many bytes apart, or their caches pass one line to and fro.
#if defined(__APPLE__) && defined(__aarch64__)
inline constexpr std::size_t kCacheLine = 128;
#else
inline constexpr std::size_t kCacheLine = 64;
#endif

// Zeros that start at a large page, and lie in such pages as far as the system has some; null where there is no such thing.
inline constexpr std::size_t kLargePage = std::size_t{1} << 21;
void* map_large_pages(std::size_t bytes) noexcept;
void unmap(void* memory, std::size_t bytes) noexcept;

// The number of this process. A forked child has another one than the process that made its objects.
std::int64_t process_id() noexcept;

// Number of forks between the process that loaded this library and this process. If it has changed since an object was
// made, this is a child of the process that made it, and the other threads of that process do not exist here.
int forks() noexcept;

// Calls `start`. Threads that it starts receive no signal that is sent to the process: such a signal belongs to the
// program's own threads (Ctrl-C must reach Python's main thread). Signals that a fault of the thread itself raises, such
// as SIGSEGV, stay deliverable, so that a handler like Python's faulthandler is called.
void without_signals(const std::function<void()>& start);

// How many processors the system lets this process use; at least 1.
int allowed_processors();

// How many processors' worth of time a container grants this process; 0: there is no limit.
int processor_quota();

// Writes changes of a folder, such as a renamed file, to the disk. Returns 0, or errno of the system call that failed.
int sync_folder(const char* path) noexcept;

// Blocks the calling thread until the process ends.
[[noreturn]] void sleep_forever() noexcept;

// Tells the processor that this thread waits in a loop: takes some ten nanoseconds and saves power.
inline void pause() noexcept {
#if defined(_MSC_VER) && (defined(_M_X64) || defined(_M_IX86))
  _mm_pause();
#elif defined(_MSC_VER) && defined(_M_ARM64)
  __isb(_ARM64_BARRIER_SY);
#elif defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory");  // `yield` ends at once on most cores; this takes as long as x86's pause
#endif
}

}  // namespace deepcore::platform
