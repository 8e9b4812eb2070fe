// Table: an ordered list of rows, known at compile time: how activations, losses and optimizers are added.
// Level: kernels.
#pragma once

#include <type_traits>
#include <utility>
#include <vector>

namespace deepcore::kernels {

template <class Info, class... Rows>
struct Table {
  static std::vector<Info> infos() { return {Rows::info...}; }

  // Calls f(row) with the row of that position; branches once, outside any loop.
  template <class F>
  static void visit(int position, F&& f) {
    visit(position, f, std::index_sequence_for<Rows...>{});
  }

 private:
  template <class F, std::size_t... I>
  static void visit(int position, F& f, std::index_sequence<I...>) {
    (void)((position == static_cast<int>(I) ? (f(Rows{}), true) : false) || ...);
  }
};

}  // namespace deepcore::kernels
