// Schedule: the learning rate as a function of the optimizer's step, counted from 0.
// Floor: include/deepcore (standard library only).
#pragma once

#include <deepcore/view.hpp>

#include <vector>

namespace deepcore {

class Schedule {
 public:
  Schedule(int row, std::vector<double> parameters);  // a row of schedules()
  static Schedule table(std::vector<double> values);  // values[min(step, size - 1)]
  double operator()(Index step) const;

 private:
  Schedule() = default;
  int row_ = -1;  // -1: a table
  std::vector<double> values_;
};

}  // namespace deepcore
