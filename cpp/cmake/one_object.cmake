# Makes one object of all objects of a static library: cmake -DLIBRARY=FILE.a -DLINKER=ld -DARCHIVER=ar -P one_object.cmake
# Templates that many objects have a copy of are then there once, which saves a fifth of the compressed size; -x leaves
# out the names of local symbols.
get_filename_component(folder "${LIBRARY}" DIRECTORY)
set(object "${folder}/deepcore.o")
execute_process(COMMAND "${LINKER}" -r -x --force-group-allocation -o "${object}" --whole-archive "${LIBRARY}"
  COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE "${LIBRARY}")
execute_process(COMMAND "${ARCHIVER}" qcsD "${LIBRARY}" "${object}" COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE "${object}")
