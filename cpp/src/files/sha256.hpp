// Sha256: the checksum of model files.
// Level: files.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace deepcore::files {

class Sha256 {
 public:
  void add(const void* data, std::size_t bytes);
  std::string digits();  // of all that was added, 64 hexadecimal digits in lower case; call it once

 private:
  void block(const unsigned char* bytes);

  std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> rest_{};  // what does not fill a block yet
  std::uint64_t bytes_ = 0;
};

}  // namespace deepcore::files
