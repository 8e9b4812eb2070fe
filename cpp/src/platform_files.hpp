// Platform: the replacement of a file, which differs between operating systems.
// Level: machine. Implemented in platform_posix.cpp and platform_windows.cpp.
#pragma once

#include <cstddef>
#include <string>

namespace deepcore::platform {

// Writes a file that replaces `path` when all of it is on the disk; a file that was there passes on its permissions.
// Returns 0, or errno of the system call that failed; the old file is then as it was.
int replace_file(const std::string& path, const void* data, std::size_t bytes);

}  // namespace deepcore::platform
