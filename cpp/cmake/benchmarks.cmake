# One program a CPU level with all native benchmarks: cmake --preset release -DDEEPCORE_BENCHMARKS=ON, then
# build/release/cpp/benchmarks_base. Google Benchmark: libbenchmark-dev, or its own CMake package.
find_package(benchmark REQUIRED)
file(GLOB deepcore_benchmarks CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/benchmarks/native/*.cpp")

foreach(variant IN LISTS deepcore_runnable)
  set(program benchmarks_${variant})
  add_executable(${program} ${deepcore_benchmarks})
  deepcore_flags(${program} ${variant})
  target_include_directories(${program} PRIVATE src)
  target_link_libraries(${program}
    PRIVATE deepcore_${variant} Eigen3::Eigen benchmark::benchmark benchmark::benchmark_main)
endforeach()
