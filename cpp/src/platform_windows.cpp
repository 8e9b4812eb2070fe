// Platform for Windows.
// Level: machine.
#if defined(_WIN32)

#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include "platform.hpp"
#include "platform_files.hpp"

#include <algorithm>
#include <atomic>
#include <bitset>
#include <cerrno>
#include <cstdio>
#include <thread>

namespace deepcore::platform {

void* map_large_pages(std::size_t) noexcept { return nullptr; }
void unmap(void*, std::size_t) noexcept {}

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

bool is_special(const std::string& path) noexcept {
  const DWORD found = GetFileAttributesA(path.c_str());
  return found != INVALID_FILE_ATTRIBUTES && (found & FILE_ATTRIBUTE_DIRECTORY) != 0;
}

int replace_file(const std::string& path, const void* data, std::size_t bytes) {
  static std::atomic<int> number{0};  // threads that save at once have drafts of their own
  const std::string draft =
      path + "." + std::to_string(GetCurrentProcessId()) + "-" + std::to_string(number++) + ".deepcore-tmp";
  std::FILE* file = std::fopen(draft.c_str(), "wb");
  if (file == nullptr) return errno;
  int error = std::fwrite(data, 1, bytes, file) == bytes ? 0 : errno;
  if (std::fclose(file) != 0 && error == 0) error = errno;
  if (error == 0 && MoveFileExA(draft.c_str(), path.c_str(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) == 0)
    error = EACCES;
  if (error != 0) std::remove(draft.c_str());
  return error;
}

void sleep_forever() noexcept {
  for (;;) Sleep(INFINITE);
}

}  // namespace deepcore::platform

#endif
