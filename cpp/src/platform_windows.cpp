// Platform for Windows.
// Level: machine.
#if defined(_WIN32)

#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include "platform.hpp"

#include <algorithm>
#include <bitset>
#include <thread>

namespace deepcore::platform {

std::int64_t process_id() noexcept { return GetCurrentProcessId(); }

int forks() noexcept { return 0; }

void without_signals(const std::function<void()>& start) { start(); }  // Windows gives Ctrl-C a thread of its own

int allowed_processors() {
  DWORD_PTR allowed = 0;
  DWORD_PTR present = 0;
  // A process with more than one processor group, which is more than 64 processors, gets a mask of zero.
  if (GetProcessAffinityMask(GetCurrentProcess(), &allowed, &present) != 0 && allowed != 0) {
    return static_cast<int>(std::bitset<64>(allowed).count());
  }
  return std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
}

int processor_quota() { return 0; }

int sync_folder(const char* /*path*/) noexcept { return 0; }  // a rename needs none

void sleep_forever() noexcept {
  for (;;) Sleep(INFINITE);
}

}  // namespace deepcore::platform

#endif
