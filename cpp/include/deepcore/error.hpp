// One wording for every refusal: who, which argument, which rule, what came instead, and a hint.
// Public header, standard library only.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace deepcore {

template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

// Throws std::invalid_argument (a ValueError in Python) unless `rule` holds.
template <class... Parts>
void require(bool rule, const Parts&... message) {
  if (!rule) throw std::invalid_argument(text(message...));
}

}  // namespace deepcore
