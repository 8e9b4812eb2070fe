// Selection: which examples form a batch, in which order, and which columns they have.
// Level: batches.
#pragma once

#include <deepcore/view.hpp>

#include <cstdint>

namespace deepcore {

// In a network with members, each example has as many adjacent columns; then `first` and `count` are numbers of columns.
struct Selection {
  const std::int64_t* order;  // rows in the order of their visit; null: rows in their own order
  Index first, count;
  Index members = 1;

  Index operator[](Index j) const {  // the example of column j
    const Index place = members == 1 ? first + j : (first + j) / members;
    return order == nullptr ? place : order[place];
  }
  Selection part(Index from, Index n) const { return {order, first + from, n, members}; }
  bool in_order() const { return order == nullptr && members == 1; }
  Index member(Index j) const { return (first + j) % members; }
  Selection for_members(Index number) const { return {order, first * number, count * number, number}; }
  Selection examples() const { return {order, first / members, count / members}; }  // the reverse
};

}  // namespace deepcore
