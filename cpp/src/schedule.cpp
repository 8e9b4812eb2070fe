// Schedules: a number as a function of the step: learning rates and factors on other rates.
// Level: description.
#include <deepcore/catalog.hpp>
#include <deepcore/error.hpp>
#include <deepcore/schedule.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace deepcore {

const std::vector<ScheduleInfo>& schedules() {
  static const std::vector<ScheduleInfo> rows{
      {"constant", "learning_rate", {"learning_rate"}},
      {"step", "learning_rate factor^floor(t / every)", {"learning_rate", "factor", "every"}},
      {"exponential", "learning_rate factor^t", {"learning_rate", "factor"}},
      {"inverse_time", "learning_rate / (1 + decay floor(t / every))", {"learning_rate", "decay", "every"}},
      {"cosine",
       "final + (learning_rate - final) (1 + cos(pi min(t, steps) / steps)) / 2",
       {"learning_rate", "steps", "final"}},
      {"one_cycle",
       "half a cosine from learning_rate / div up to learning_rate at step rise steps - 1, then half a cosine down to "
       "learning_rate / (div final_div) at step steps - 1",
       {"learning_rate", "steps", "rise", "div", "final_div"}},
      {"flat_cosine",
       "learning_rate for s < 1/2, then learning_rate (1 + cos(2 pi (s - 1/2))) / 2, with s = min(t, steps) / steps",
       {"learning_rate", "steps"}},
      {"coslog4",
       "learning_rate (1 - cos(2 pi log2(1 + 15 s))) / 2, with s = min(t, steps) / steps",
       {"learning_rate", "steps"}}};
  return rows;
}

Schedule::Schedule(int row, std::vector<double> parameters) : row_(row), values_(std::move(parameters)) {
  const ScheduleInfo& info = schedules().at(static_cast<std::size_t>(row));
  const auto known = static_cast<std::size_t>(std::count_if(std::begin(info.parameters), std::end(info.parameters),
                                                            [](const char* name) { return name != nullptr; }));
  require(values_.size() == known, "schedule '", info.name, "' takes ", known, " numbers, got ", values_.size());
  for (std::size_t i = 0; i < known; ++i) {
    const std::string name = info.parameters[i];
    const bool divides = name == "every" || name == "steps" || name == "div" || name == "final_div";
    require(std::isfinite(values_[i]) && values_[i] >= (divides ? 1 : 0), "schedule '", info.name, "': ", name,
            " must be a finite number of at least ", divides ? 1 : 0, ", got ", values_[i]);
    require(name != "rise" || values_[i] <= 1, "schedule '", info.name, "': rise must be a fraction of the steps, got ",
            values_[i]);
  }
}

Schedule Schedule::table(std::vector<double> values) {
  require(!values.empty(), "learning rates must hold at least one value");
  Schedule schedule;
  schedule.values_ = std::move(values);
  return schedule;
}

Schedule Schedule::warmup(Schedule after, Index steps, double start) {
  require(after.warmup_ == 0, "warm-up: the schedule that follows has a warm-up of its own");
  require(steps >= 1 && start >= 0 && start <= 1, "warm-up: steps must be at least 1 and start from 0 to 1, got ",
          steps, " and ", start);
  after.warmup_ = steps;
  after.start_ = start;
  return after;
}

Schedule Schedule::scaled(double factor) const {
  require(std::isfinite(factor) && factor >= 0, "schedule: a factor must be finite and not negative, got ", factor);
  Schedule out = *this;
  out.scale_ *= factor;
  return out;
}

double Schedule::operator()(Index step) const {
  if (step >= warmup_) return scale_ * rate(step - warmup_);
  const double part = static_cast<double>(step) / static_cast<double>(warmup_);
  return scale_ * (rate(0) * (start_ + (1 - start_) * part));
}

namespace {

double half_cosine(double from, double to, double part) {
  return to + (from - to) * 0.5 * (1 + std::cos(3.14159265358979323846 * part));
}

}  // namespace

double Schedule::rate(Index step) const {
  const auto& v = values_;
  const auto t = static_cast<double>(step);
  switch (row_) {
    case -1:
      return v[std::min(static_cast<std::size_t>(step), v.size() - 1)];
    case 0:
      return v[0];
    case 1:
      return v[0] * std::pow(v[1], std::floor(t / v[2]));
    case 2:
      return v[0] * std::pow(v[1], t);
    case 3:
      return v[0] / (1 + v[1] * std::floor(t / v[2]));
    case 4:
      return half_cosine(v[0], v[2], std::min(t, v[1]) / v[1]);
    case 5: {  // torch's OneCycleLR: the peak may lie between two steps
      const double low = v[0] / v[3], last = v[1] - 1, peak = v[2] * v[1] - 1;
      const double now = std::min(t, last);
      if (peak > 0 && now <= peak) return half_cosine(low, v[0], now / peak);
      return half_cosine(v[0], low / v[4], last > peak ? (now - peak) / (last - peak) : 0);  // one step, all of it rise
    }
    case 6:
      return half_cosine(v[0], 0, std::max(2 * std::min(t, v[1]) / v[1] - 1, 0.0));
    default:  // four waves, each about twice as long as the one before
      return half_cosine(0, v[0], 2 * std::log2(1 + 15 * (std::min(t, v[1]) / v[1])));
  }
}

}  // namespace deepcore
