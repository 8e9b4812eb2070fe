// Team: the threads of one run, and the one way in which deepcore shares work among them.
// Floor: layer. Results never depend on which thread takes which item.
#pragma once

#include <deepcore/view.hpp>

namespace deepcore {

int default_threads();

class Team {
 public:
  explicit Team(int threads) : size_(threads > 0 ? threads : default_threads()) {}
  int size() const { return size_; }

  // Calls work(item, thread) for every item of 0..count-1 and returns when all are done.
  template <class F>
  void for_each(index count, F&& work) const {
    for (index item = 0; item < count; ++item) work(item, 0);
  }

 private:
  int size_;
};

}  // namespace deepcore
