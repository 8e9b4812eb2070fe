# deepcore_variant(v3): the library, the Python module and the C++ tests, all compiled for one CPU level.
# One shared object has one set of flags; linking two levels into one makes the linker mix their std:: and Eigen code.

# deepcore_module(name sources...): an extension module that exports its PyInit_ function only.
function(deepcore_module name)
  pybind11_add_module(${name} MODULE NO_EXTRAS ${ARGN})
  if(DEEPCORE_SANITIZE)
    # The sanitizers' run-time replaces functions by name, so names must stay visible.
  elseif(APPLE)
    target_link_options(${name} PRIVATE "LINKER:-exported_symbol,_PyInit_*")
  else()
    set(exports "${CMAKE_CURRENT_SOURCE_DIR}/bindings/exports.map")
    target_link_options(${name} PRIVATE "LINKER:--version-script=${exports}")
    set_property(TARGET ${name} APPEND PROPERTY LINK_DEPENDS "${exports}")
  endif()
  install(TARGETS ${name} LIBRARY DESTINATION deepcore/_core)
endfunction()

function(deepcore_variant variant)
  set(library deepcore_${variant})
  add_library(${library} STATIC ${deepcore_sources})
  deepcore_flags(${library} ${variant})
  target_include_directories(${library} PRIVATE src)
  target_link_libraries(${library}
    PUBLIC deepcore_headers Threads::Threads PRIVATE $<BUILD_INTERFACE:Eigen3::Eigen>)

  if(DEEPCORE_PYTHON)
    set(module _core_${variant})
    deepcore_module(${module} ${deepcore_bindings})
    deepcore_flags(${module} ${variant})
    target_compile_definitions(${module} PRIVATE DEEPCORE_MODULE=${module})
    target_link_libraries(${module} PRIVATE ${library})
  endif()

  if(DEEPCORE_TESTS)
    foreach(source IN LISTS deepcore_tests)
      get_filename_component(name ${source} NAME_WE)
      add_executable(${name}_${variant} ${source})
      deepcore_flags(${name}_${variant} ${variant})
      target_include_directories(${name}_${variant} PRIVATE src tests)
      target_link_libraries(${name}_${variant} PRIVATE ${library} Eigen3::Eigen)
      add_test(NAME ${variant}/${name} COMMAND ${name}_${variant})
      set_tests_properties(${variant}/${name} PROPERTIES TIMEOUT 600)
    endforeach()
  endif()
endfunction()
