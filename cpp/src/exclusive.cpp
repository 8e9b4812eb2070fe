// Exclusive: a mark that the child of a fork does not inherit.
// Level: machine.
#include <deepcore/exclusive.hpp>

#include "platform.hpp"

#include <stdexcept>

namespace deepcore {

Exclusive::Exclusive(Busy& busy, const char* refusal) : busy_(busy) {
  const int mine = platform::forks() + 1;
  int holder = 0;
  while (!busy_.holder_.compare_exchange_weak(holder, mine)) {
    if (holder == mine) throw std::runtime_error(refusal);
    // Another number: the thread that holds it is in the parent process, so this thread takes it.
  }
}

}  // namespace deepcore
