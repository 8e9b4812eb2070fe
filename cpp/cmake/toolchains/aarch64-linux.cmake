# ARM Linux. Programs run here where qemu-aarch64-static and the ARM C library are installed (Debian: qemu-user-static,
# libc6-arm64-cross), so that ctest works.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(deepcore_zig_target aarch64-linux-gnu)
include("${CMAKE_CURRENT_LIST_DIR}/zig.cmake")
find_program(deepcore_qemu NAMES qemu-aarch64-static qemu-aarch64)
if(deepcore_qemu)
  set(CMAKE_CROSSCOMPILING_EMULATOR "${deepcore_qemu};-L;/usr/aarch64-linux-gnu")
endif()
