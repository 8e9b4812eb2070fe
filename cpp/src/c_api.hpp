// c_api: makes handles of the C interface from networks and optimizers, for the bindings.
// Level: calls.
#pragma once

#include <deepcore/optimizer.hpp>

#include <deepcore_api.h>

#include <memory>

namespace deepcore {

deepcore_network* c_handle(std::shared_ptr<Network<float>> network);  // throws std::bad_alloc
deepcore_network* c_handle(std::shared_ptr<Network<double>> network);
deepcore_optimizer* c_handle(std::shared_ptr<Optimizer<float>> optimizer);
deepcore_optimizer* c_handle(std::shared_ptr<Optimizer<double>> optimizer);

}  // namespace deepcore
