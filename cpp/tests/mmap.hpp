// The mmap of a test program, in the place of the C library's: large buffers take their memory from it.
// Level: tests. Only where the C library is glibc, and without sanitizers.
#pragma once

#include <cstddef>

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
