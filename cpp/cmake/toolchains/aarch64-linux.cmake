# ARM Linux, with GCC where its cross compiler is installed (Debian: g++-aarch64-linux-gnu), else with zig. GCC's C++
# library is compiled already; zig compiles its own when it first links a program, which takes minutes.
# Programs run here where qemu is installed too (Debian: qemu-user-static), so that ctest works.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
find_program(deepcore_arm_gcc aarch64-linux-gnu-g++)
if(deepcore_arm_gcc)
  set(CMAKE_CXX_COMPILER "${deepcore_arm_gcc}")
else()
  set(deepcore_zig_target aarch64-linux-gnu)
  include("${CMAKE_CURRENT_LIST_DIR}/zig.cmake")
endif()
find_program(deepcore_qemu NAMES qemu-aarch64-static qemu-aarch64)
if(deepcore_qemu)
  set(CMAKE_CROSSCOMPILING_EMULATOR "${deepcore_qemu};-L;/usr/aarch64-linux-gnu")
endif()
