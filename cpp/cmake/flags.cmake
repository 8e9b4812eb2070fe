# deepcore_flags(target variant): how every target of deepcore's own code is compiled.
include(CheckCXXCompilerFlag)

function(deepcore_flags target variant)
  target_compile_features(${target} PUBLIC cxx_std_17)
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_definitions(${target} PRIVATE
    DEEPCORE_VERSION="${DEEPCORE_VERSION}" DEEPCORE_VARIANT="${variant}"
    EIGEN_MPL2_ONLY EIGEN_DONT_PARALLELIZE
    # Square roots and quotients are rounded correctly, as IEEE 754 asks. Eigen's other way starts from the processor's
    # approximate reciprocal root, whose bits differ between vendors.
    EIGEN_FAST_MATH=0)
  if(MSVC)
    # cl and clang-cl; /fp:precise keeps a*b+c apart. They have no option for v2.
    target_compile_options(${target} PRIVATE
      /fp:precise /permissive- /Zc:__cplusplus /bigobj /W4 $<$<BOOL:${DEEPCORE_WERROR}>:/WX>)
    set(arch_v3 /arch:AVX2)
    set(arch_v4 /arch:AVX512)
    target_compile_options(${target} PUBLIC ${arch_${variant}})
    return()
  endif()
  # No contraction: whether a*b+c is fused must not depend on the compiler, or two ways to compute the same number
  # give different bits. Never -ffast-math: it changes the floating-point mode of the whole process.
  target_compile_options(${target} PRIVATE
    -ffp-contract=off -fno-math-errno -fno-trapping-math
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow $<$<BOOL:${DEEPCORE_WERROR}>:-Werror>)
  if(NOT variant STREQUAL "base")
    check_cxx_compiler_flag(-march=x86-64-${variant} deepcore_compiles_${variant})
    if(NOT deepcore_compiles_${variant})
      message(FATAL_ERROR "${CMAKE_CXX_COMPILER} ${CMAKE_CXX_COMPILER_VERSION} does not know -march=x86-64-${variant}; "
        "use GCC 11, Clang 12 or newer, or -DDEEPCORE_VARIANTS=base")
    endif()
    # Public, so that all that is linked into one shared object is compiled with one set of flags.
    target_compile_options(${target} PUBLIC -march=x86-64-${variant})
  endif()
  if(variant STREQUAL "v4" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC's own avx512fintrin.h starts from variables without a value (GCC bug 105593).
    target_compile_options(${target} PRIVATE -Wno-uninitialized -Wno-maybe-uninitialized)
  endif()
  if(DEEPCORE_SANITIZE)
    target_compile_options(${target} PRIVATE  # -g1: reports need lines only, and compiling takes a fifth less
      -O1 -g1 -fno-omit-frame-pointer -fsanitize=${DEEPCORE_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${DEEPCORE_SANITIZE})
  endif()
endfunction()
