# deepcore_variant(v3): the library, the Python module and the C++ tests, all compiled for one CPU level.
# Nothing in a shared object is compiled for a higher level than the object's name says, since the linker keeps one copy of
# each inline function, whichever source it comes from.

# deepcore_module(name sources...): an extension module that exports its PyInit_ function only.
function(deepcore_module name)
  pybind11_add_module(${name} MODULE NO_EXTRAS ${ARGN})
  if(DEEPCORE_SANITIZE)
    # The sanitizers' run-time replaces functions by name, so names must stay visible.
  elseif(WIN32)
    # Only what is declared dllexport leaves a DLL.
  elseif(APPLE)
    target_link_options(${name} PRIVATE "LINKER:-exported_symbol,_PyInit_*")
  else()
    set(exports "${CMAKE_CURRENT_SOURCE_DIR}/bindings/exports.map")
    target_link_options(${name} PRIVATE "LINKER:--version-script=${exports}")
    set_property(TARGET ${name} APPEND PROPERTY LINK_DEPENDS "${exports}")
  endif()
  install(TARGETS ${name} LIBRARY DESTINATION deepcore/_core)
endfunction()

# deepcore_bindings(): all of the bindings, compiled once, for the lowest level of this build. They convert
# and check arguments, so a higher level gains them nothing; the target is linked into the module of every variant.
function(deepcore_bindings)
  list(GET DEEPCORE_VARIANTS 0 lowest)
  add_library(deepcore_bindings OBJECT ${deepcore_bindings})
  deepcore_flags(deepcore_bindings ${lowest})
  target_include_directories(deepcore_bindings PRIVATE src)
  target_link_libraries(deepcore_bindings PRIVATE deepcore_headers Threads::Threads pybind11::module)
  if(NOT MSVC)  # a third less to compile; -Os would make a call with one row a quarter slower
    target_compile_options(deepcore_bindings PRIVATE $<$<CONFIG:Release>:-O1>)
  endif()
  if(CMAKE_UNITY_BUILD)
    set_target_properties(deepcore_bindings PROPERTIES UNITY_BUILD_BATCH_SIZE 0)  # all in one: they share their templates
  else()
    target_precompile_headers(deepcore_bindings PRIVATE <pybind11/numpy.h> <pybind11/stl.h>)
  endif()
endfunction()

function(deepcore_variant variant)
  set(library deepcore_${variant})
  add_library(${library}_once OBJECT ${deepcore_once})
  deepcore_flags(${library}_once ${variant})
  if(NOT MSVC)
    target_compile_options(${library}_once PRIVATE $<$<CONFIG:Release>:-Os>)
  endif()
  target_include_directories(${library}_once PRIVATE src)
  target_link_libraries(${library}_once PRIVATE deepcore_headers Threads::Threads)

  add_library(${library} STATIC ${deepcore_sources} $<TARGET_OBJECTS:${library}_once>)
  deepcore_flags(${library} ${variant})
  target_include_directories(${library} PRIVATE src)
  target_link_libraries(${library}
    PUBLIC deepcore_headers Threads::Threads PRIVATE $<BUILD_INTERFACE:Eigen3::Eigen>)

  if(DEEPCORE_PYTHON)
    set(module _core_${variant})
    deepcore_module(${module} $<TARGET_OBJECTS:deepcore_bindings>)
    set_target_properties(${module} PROPERTIES LINKER_LANGUAGE CXX)
    deepcore_flags(${module} ${variant})
    target_link_libraries(${module} PRIVATE ${library})
  endif()

  if(DEEPCORE_TESTS AND variant IN_LIST deepcore_runnable)
    foreach(source IN LISTS deepcore_tests)
      get_filename_component(name ${source} NAME_WE)
      add_executable(${name}_${variant} ${source})
      set_target_properties(${name}_${variant} PROPERTIES UNITY_BUILD OFF)  # one file each
      deepcore_flags(${name}_${variant} ${variant})
      target_include_directories(${name}_${variant} PRIVATE src tests)
      target_link_libraries(${name}_${variant} PRIVATE ${library} Eigen3::Eigen)
      add_test(NAME ${variant}/${name} COMMAND ${name}_${variant})
      set_tests_properties(${variant}/${name} PROPERTIES TIMEOUT 600)
    endforeach()
  endif()
endfunction()
