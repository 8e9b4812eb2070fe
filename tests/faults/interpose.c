// A library for LD_PRELOAD that makes the k-th allocation or file operation of a process fail, and records file operations.
// Python arms it through ctypes; until then, and after the failure, every call goes to the C library.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static void* next(const char* name) { return dlsym(RTLD_NEXT, name); }

// Allocations: only those that code between given addresses asks for.

enum { kRanges = 16 };
static uintptr_t ranges[kRanges][2];
static int range_count;
static volatile long memory_left = -1;   // allocations until one fails; -1: not armed
static volatile long memory_seen;

void interpose_range(uintptr_t begin, uintptr_t end) {
  if (range_count < kRanges) {
    ranges[range_count][0] = begin;
    ranges[range_count++][1] = end;
  }
}

void interpose_memory(long left) {
  memory_seen = 0;
  memory_left = left;
}

long interpose_memory_seen(void) { return memory_seen; }

static int allocation_fails(void* caller) {
  if (memory_left < 0) return 0;
  const uintptr_t address = (uintptr_t)caller;
  for (int i = 0; i < range_count; ++i) {
    if (address < ranges[i][0] || address >= ranges[i][1]) continue;
    __atomic_add_fetch(&memory_seen, 1, __ATOMIC_SEQ_CST);
    if (__atomic_fetch_sub(&memory_left, 1, __ATOMIC_SEQ_CST) != 0) return 0;
    errno = ENOMEM;
    return 1;  // memory_left is -1 now: only one fails
  }
  return 0;
}

void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

void* malloc(size_t size) {
  return allocation_fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  return allocation_fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}
void* realloc(void* old, size_t size) {
  return allocation_fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  return allocation_fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
}
void* memalign(size_t alignment, size_t size) {
  return allocation_fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
}
int posix_memalign(void** out, size_t alignment, size_t size) {
  if (allocation_fails(__builtin_return_address(0))) return ENOMEM;
  void* memory = __libc_memalign(alignment, size);
  if (memory == NULL) return ENOMEM;
  *out = memory;
  return 0;
}

void* mmap(void* at, size_t size, int protection, int flags, int file, off_t offset) {  // of large buffers
  if (allocation_fails(__builtin_return_address(0))) return MAP_FAILED;
  return (void*)syscall(SYS_mmap, at, size, protection, flags, file, offset);
}

// Files: only those below a folder. The k-th operation fails with an error number, or writes half of what it should.

enum { kFiles = 4096 };
static char folder[4096];
static char watched[kFiles];
static volatile long files_left = -1;
static long files_seen;
static int file_error;  // 0: a short write
static int record = -1; // descriptor to which operations are recorded; -1: none

void interpose_files(const char* below, long left, int error) {
  snprintf(folder, sizeof folder, "%s", below);
  memset(watched, 0, sizeof watched);
  files_seen = 0;
  file_error = error;
  files_left = left;
}
long interpose_files_seen(void) { return files_seen; }
void interpose_record(int descriptor) { record = descriptor; }

static int below_folder(const char* path) {
  return folder[0] != '\0' && path != NULL && strncmp(path, folder, strlen(folder)) == 0;
}
static int is_watched(int fd) { return fd >= 0 && fd < kFiles && watched[fd]; }

// short_too: the operation has a length, which may be cut.
static int operation_fails(int short_too) {
  ++files_seen;
  return files_left >= 0 && files_left-- == 0 && (file_error != 0 || short_too);
}

static void note(const char* what, int fd, const char* a, const char* b, const void* data, size_t size) {
  if (record < 0) return;
  char line[9000];
  const int n = snprintf(line, sizeof line, "%s\t%d\t%s\t%s\t%zu\n", what, fd, a ? a : "", b ? b : "", size);
  static ssize_t (*real)(int, const void*, size_t);
  if (!real) real = (ssize_t(*)(int, const void*, size_t))next("write");
  if (real(record, line, (size_t)n) < 0 || (size > 0 && real(record, data, size) < 0)) abort();
}

static int opened(int fd, const char* path, int flags) {
  if (fd >= 0 && fd < kFiles && below_folder(path)) {
    watched[fd] = 1;
    note(flags & O_CREAT ? "create" : "open", fd, path, NULL, NULL, 0);
  }
  return fd;
}

#define OPEN(name)                                                              \
  int name(const char* path, int flags, ...) {                                  \
    static int (*real)(const char*, int, ...);                                  \
    if (!real) real = (int (*)(const char*, int, ...))next(#name);              \
    va_list list;                                                               \
    va_start(list, flags);                                                      \
    const int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, int) : 0;     \
    va_end(list);                                                               \
    if (below_folder(path) && operation_fails(0)) {                              \
      errno = file_error;                                    \
      return -1;                                                                \
    }                                                                           \
    return opened(real(path, flags, mode), path, flags);                        \
  }
OPEN(open)
OPEN(open64)

ssize_t write(int fd, const void* data, size_t size) {
  static ssize_t (*real)(int, const void*, size_t);
  if (!real) real = (ssize_t(*)(int, const void*, size_t))next("write");
  if (is_watched(fd) && operation_fails(1)) {
    if (file_error != 0) {
      errno = file_error;
      return -1;
    }
    size = (size + 1) / 2;
  }
  const ssize_t done = real(fd, data, size);
  if (is_watched(fd) && done > 0) note("write", fd, NULL, NULL, data, (size_t)done);
  return done;
}

ssize_t read(int fd, void* data, size_t size) {
  static ssize_t (*real)(int, void*, size_t);
  if (!real) real = (ssize_t(*)(int, void*, size_t))next("read");
  if (is_watched(fd) && operation_fails(1)) {
    if (file_error != 0) {
      errno = file_error;
      return -1;
    }
    size = (size + 1) / 2;
  }
  return real(fd, data, size);
}

ssize_t writev(int fd, const struct iovec* parts, int count) {
  static ssize_t (*real)(int, const struct iovec*, int);
  if (!real) real = (ssize_t(*)(int, const struct iovec*, int))next("writev");
  if (!is_watched(fd)) return real(fd, parts, count);
  return count > 0 ? write(fd, parts[0].iov_base, parts[0].iov_len) : 0;  // a short write is allowed at any time
}

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t offset) {
  static ssize_t (*real)(int, const void*, size_t, off64_t);
  if (!real) real = (ssize_t(*)(int, const void*, size_t, off64_t))next("pwrite64");
  if (is_watched(fd) && operation_fails(0)) {
    errno = file_error;
    return -1;
  }
  const ssize_t done = real(fd, data, size, offset);
  if (is_watched(fd) && done > 0) {
    char at[32];
    snprintf(at, sizeof at, "%lld", (long long)offset);
    note("pwrite", fd, at, NULL, data, (size_t)done);
  }
  return done;
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) { return pwrite64(fd, data, size, offset); }

#define SEEK(name, offset_type)                                                       \
  offset_type name(int fd, offset_type offset, int whence) {                          \
    static offset_type (*real)(int, offset_type, int);                                \
    if (!real) real = (offset_type(*)(int, offset_type, int))next(#name);             \
    const offset_type at = real(fd, offset, whence);                                  \
    if (is_watched(fd) && at >= 0) {                                                  \
      char text[32];                                                                  \
      snprintf(text, sizeof text, "%lld", (long long)at);                             \
      note("seek", fd, text, NULL, NULL, 0);                                          \
    }                                                                                 \
    return at;                                                                        \
  }
SEEK(lseek, off_t)
SEEK(lseek64, off64_t)

#define SYNC(name)                                          \
  int name(int fd) {                                        \
    static int (*real)(int);                                \
    if (!real) real = (int (*)(int))next(#name);            \
    if (is_watched(fd) && operation_fails(0)) {              \
      errno = file_error;                \
      return -1;                                            \
    }                                                       \
    if (is_watched(fd)) note("fsync", fd, NULL, NULL, NULL, 0); \
    return real(fd);                                        \
  }
SYNC(fsync)
SYNC(fdatasync)

int close(int fd) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))next("close");
  if (!is_watched(fd)) return real(fd);
  const int fails = operation_fails(0);
  watched[fd] = 0;
  note("close", fd, NULL, NULL, NULL, 0);
  const int result = real(fd);  // closed all the same, as Linux does it
  if (!fails) return result;
  errno = file_error;
  return -1;
}

int rename(const char* from, const char* to) {
  static int (*real)(const char*, const char*);
  if (!real) real = (int (*)(const char*, const char*))next("rename");
  if (below_folder(to)) {
    if (operation_fails(0)) {
      errno = file_error;
      return -1;
    }
    note("rename", -1, from, to, NULL, 0);
  }
  return real(from, to);
}

int fchmod(int fd, mode_t mode) {
  static int (*real)(int, mode_t);
  if (!real) real = (int (*)(int, mode_t))next("fchmod");
  if (is_watched(fd) && operation_fails(0)) {
    errno = file_error;
    return -1;
  }
  return real(fd, mode);
}
