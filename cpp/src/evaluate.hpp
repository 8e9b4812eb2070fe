// Evaluate: computes loss and accuracy of selected examples with the threads of an existing team.
// Level: calls. evaluate() of the public header is this for all examples.
#pragma once

#include <deepcore/network.hpp>

#include "selection.hpp"
#include "team.hpp"

namespace deepcore {

// Does not check the examples.
template <class T>
Scores evaluate(const Network<T>& network, const Examples<T>& examples, const Selection& which, Team& team,
                const Poll& poll);

}  // namespace deepcore
