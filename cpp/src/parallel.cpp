// Team: how many threads this process may use.
// Floor: layer.
#include "parallel.hpp"

namespace deepcore {

int default_threads() { return 1; }

}  // namespace deepcore
