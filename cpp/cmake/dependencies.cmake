# Threads, Python with pybind11 (for the modules), and Eigen.
find_package(Threads REQUIRED)

if(DEEPCORE_PYTHON)
  find_package(Python 3.10 REQUIRED COMPONENTS Interpreter Development.Module)
  # Ask the build interpreter: CMAKE_PREFIX_PATH lists the outer environment before the isolated build environment.
  execute_process(COMMAND "${Python_EXECUTABLE}" -m pybind11 --cmakedir
    OUTPUT_VARIABLE pybind11_ROOT OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(PYBIND11_FINDPYTHON ON)
  find_package(pybind11 3.0 CONFIG REQUIRED)
else()
  find_package(Python COMPONENTS Interpreter QUIET)  # only to look for cmeel-eigen
endif()

# Eigen: Eigen3_ROOT (variable or environment); else cmeel-eigen of that interpreter; else the system's.
if(NOT Eigen3_ROOT AND NOT DEFINED ENV{Eigen3_ROOT} AND Python_EXECUTABLE)
  execute_process(COMMAND "${Python_EXECUTABLE}" -c
      "import importlib.metadata as m; print(m.distribution('cmeel-eigen').locate_file('cmeel.prefix').as_posix(), end='')"
    OUTPUT_VARIABLE cmeel_prefix RESULT_VARIABLE cmeel_missing ERROR_QUIET)
  if(NOT cmeel_missing)
    set(Eigen3_ROOT "${cmeel_prefix}")
  endif()
endif()
find_package(Eigen3 CONFIG)  # without a version: Eigen 5 answers "3.4" with no
if(NOT Eigen3_FOUND OR Eigen3_VERSION VERSION_LESS 3.4)
  message(FATAL_ERROR "deepcore needs Eigen 3.4 or newer, found '${Eigen3_VERSION}' in '${Eigen3_DIR}'; "
    "pip install cmeel-eigen, install it on the system, or pass -DEigen3_ROOT=<prefix>")
endif()
message(STATUS "Eigen ${Eigen3_VERSION} from ${Eigen3_DIR}")
