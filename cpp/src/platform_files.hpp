// Platform: kinds of files and the replacement of a file, which differ between operating systems.
// Level: machine. Implemented in platform_posix.cpp and platform_windows.cpp.
#pragma once

#include <cstddef>
#include <string>

namespace deepcore::platform {

// True if `path` leads to something other than a regular file, such as a folder, a pipe or a device, whose reading may
// never end. False for a path that leads nowhere.
bool is_special(const std::string& path) noexcept;

// Writes a file that replaces `path` when all of it is on the disk; a file that was there passes on its permissions.
// Returns 0, or errno of the system call that failed; the old file is then as it was.
int replace_file(const std::string& path, const void* data, std::size_t bytes);

}  // namespace deepcore::platform
