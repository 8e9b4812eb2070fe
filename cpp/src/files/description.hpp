// The description of a network in a model file: from JSON to a Spec, and back.
// Level: files.
#pragma once

#include <deepcore/spec.hpp>

#include "files/json.hpp"

namespace deepcore::files {

inline constexpr std::uint64_t kMostSeed = (std::uint64_t{1} << 63U) - 1;  // that Python takes

// network: the object of that name in a description. Throws std::invalid_argument, which names the value.
Spec spec_of(const Json& network);

// Throws std::invalid_argument for embeddings, of which a Spec does not have all that a file has.
std::string described(const Spec& spec, int bits, std::uint64_t seed);

}  // namespace deepcore::files
