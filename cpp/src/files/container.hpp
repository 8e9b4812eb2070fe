// Container: one file with named arrays, a description and a checksum over every byte; docs/format.md has the bytes.
// Level: files.
#pragma once

#include <deepcore/view.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "files/json.hpp"

namespace deepcore::files {

struct Entry {
  std::string name;
  int bits;  // of a number: 32 or 64
  Index rows, cols;
  std::uint64_t offset = 0;  // of the first byte behind the header
  int axes = 2;              // 1: the file has one size, the rows, and cols is 1
  std::uint64_t bytes() const { return static_cast<std::uint64_t>(rows * cols) * static_cast<unsigned>(bits / 8); }
};

// The description and the arrays of a file whose checksum is right; `data` begins with the first array. Throws
// std::system_error if the file cannot be read, and std::invalid_argument if it is no such file, or damaged.
struct Contents {
  Json description;
  std::vector<Entry> entries;
  std::vector<char> data;
};
Contents read_container(const std::string& path);

// Writes a file, which replaces another one only when all of it is there. bytes(entry, to) writes the bytes of an array.
void write_container(const std::string& path, const std::string& description, std::vector<Entry> entries,
                     const std::function<void(const Entry&, char*)>& bytes);

}  // namespace deepcore::files
