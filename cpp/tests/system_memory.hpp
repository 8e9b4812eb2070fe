// Whether a test program may replace the C library's functions that allocate; and its mmap, that large buffers call.
// Level: tests. Only glibc's functions have second names, and the sanitizers have functions of their own.
#pragma once

#include <cstdlib>  // defines __GLIBC__

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

#if defined(__GLIBC__) && !defined(SANITIZED)
#define REPLACES_SYSTEM_MEMORY

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

bool mapping_fails();  // of the test; asked in every call

// One file of each program includes it.
// NOLINTNEXTLINE(misc-definitions-in-headers)
extern "C" void* mmap(void* at, std::size_t bytes, int protection, int flags, int file, off_t offset) noexcept {
  if (mapping_fails()) return MAP_FAILED;
  return reinterpret_cast<void*>(syscall(SYS_mmap, at, bytes, protection, flags, file, offset));  // NOLINT
}
#endif
