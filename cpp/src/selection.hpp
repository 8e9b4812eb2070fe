// Selection: which examples form a batch, and in which order.
// Level: batches.
#pragma once

#include <deepcore/view.hpp>

#include <cstdint>

namespace deepcore {

struct Selection {
  const std::int64_t* order;  // rows in the order of their visit; null: rows in their own order
  Index first, count;

  Index operator[](Index j) const { return order == nullptr ? first + j : order[first + j]; }
  Selection part(Index from, Index n) const { return {order, first + from, n}; }
  bool in_order() const { return order == nullptr; }
};

}  // namespace deepcore
