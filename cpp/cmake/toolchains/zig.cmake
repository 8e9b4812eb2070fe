# Cross-compiles with the compiler of the PyPI package `ziglang`, which brings the headers and libraries of every system.
# Included by the files of this folder, which set CMAKE_SYSTEM_NAME, CMAKE_SYSTEM_PROCESSOR and deepcore_zig_target.
# The Python that has ziglang: -DDEEPCORE_ZIG_PYTHON=..., by default `python3` of the PATH.
set(DEEPCORE_ZIG_PYTHON python3 CACHE STRING "A Python that has the package ziglang")
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES DEEPCORE_ZIG_PYTHON)
# CMake's checks compile and do not link: zig compiles the C++ library of a system when it first links for it, which
# takes minutes. With a target, CMake identifies the compiler by an object file too.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_CXX_COMPILER_TARGET ${deepcore_zig_target})

# CMake wants programs, not commands with arguments.
foreach(tool c++ ar ranlib)
  set(program "${CMAKE_BINARY_DIR}/zig-${tool}")
  file(CONFIGURE OUTPUT "${program}" CONTENT "#!/bin/sh\nexec '@DEEPCORE_ZIG_PYTHON@' -m ziglang @tool@ \"$@\"\n" @ONLY)
  file(CHMOD "${program}" PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
endforeach()

set(CMAKE_CXX_COMPILER "${CMAKE_BINARY_DIR}/zig-c++")
set(CMAKE_AR "${CMAKE_BINARY_DIR}/zig-ar" CACHE FILEPATH "")
set(CMAKE_RANLIB "${CMAKE_BINARY_DIR}/zig-ranlib" CACHE FILEPATH "")
set(CMAKE_INSTALL_NAME_TOOL "${CMAKE_BINARY_DIR}/zig-ranlib" CACHE FILEPATH "") # asked for on macOS, never called
