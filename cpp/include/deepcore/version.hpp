// The version and what this library was built with.
// Public header, standard library only.
#pragma once

namespace deepcore {

struct BuildInfo {
  const char* version;
  const char* variant;  // CPU level: "v2", "v3", "base", ...
  const char* eigen;    // version of Eigen
  const char* compiler;
  int packet_bytes;  // width of the vectors in use
};

BuildInfo build_info();

}  // namespace deepcore
