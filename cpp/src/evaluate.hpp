// Evaluate: loss and accuracy of some of the examples, by a team that somebody else holds.
// Level: calls. evaluate() of the public header is this for all examples.
#pragma once

#include <deepcore/network.hpp>

#include "selection.hpp"
#include "team.hpp"

namespace deepcore {

// The examples are checked already.
template <class T>
Scores evaluate(const Network<T>& network, const Examples<T>& examples, const Selection& which, Team& team,
                const Poll& poll);

}  // namespace deepcore
