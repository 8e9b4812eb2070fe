// Schedule: a number as a function of the optimizer's step, counted from 0: a learning rate, or a factor on another rate.
// Public header, standard library only.
#pragma once

#include <deepcore/view.hpp>

#include <vector>

namespace deepcore {

class Schedule {
 public:
  Schedule(int row, std::vector<double> parameters);  // a row of schedules()
  static Schedule table(std::vector<double> values);  // values[min(step, size - 1)]
  // Linear from start times its first rate up to that rate over `steps` steps, then `after` from its own step 0.
  static Schedule warmup(Schedule after, Index steps, double start);
  Schedule scaled(double factor) const;  // every rate times factor
  double operator()(Index step) const;

 private:
  Schedule() = default;
  double rate(Index step) const;  // before warm-up and scale

  int row_ = -1;  // -1: a table
  std::vector<double> values_;
  Index warmup_ = 0;
  double start_ = 1;
  double scale_ = 1;
};

}  // namespace deepcore
