// Optimizers and schedules: the step on finished gradients, and the learning rate of each step.
// Floor: model.
#include <deepcore/catalog.hpp>
#include <deepcore/error.hpp>
#include <deepcore/optimizer.hpp>

#include "kernels/update.hpp"
#include "penalties.hpp"

#include <algorithm>
#include <cmath>

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
       {"learning_rate", "steps", "rise", "div", "final_div"}}};
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
    default: {  // torch's OneCycleLR: the peak may lie between two steps
      const double low = v[0] / v[3], last = v[1] - 1, peak = v[2] * v[1] - 1;
      const double now = std::min(t, last);
      if (peak > 0 && now <= peak) return half_cosine(low, v[0], now / peak);
      return half_cosine(v[0], low / v[4], last > peak ? (now - peak) / (last - peak) : 0);  // one step, all of it rise
    }
  }
}

template <class T>
Optimizer<T>::Optimizer(Rule r, Schedule s, Index n) : rule(r), learning_rate(std::move(s)), parameters(n) {
  for (int k = 0; k < kernels::slots_in_use(rule.row, rule.hyper.data()); ++k) slots.emplace_back(n);
}

template <class T>
void update(const Rule& rule, double learning_rate, Index t, T* parameters, const T* gradient, T* const* slots,
            Index n) {
  kernels::Slots<T> used;
  for (int k = 0; k < kernels::slots_in_use(rule.row, rule.hyper.data()); ++k) used.add(slots[k]);
  kernels::Updater<T>(rule.row, rule.hyper.data(), {learning_rate, rule.weight_decay, t})(n, parameters, gradient, T(1),
                                                                                          used);
}

template <class T>
void step(Optimizer<T>& optimizer, Network<T>& network, const T* gradient) {
  const Rule& rule = optimizer.rule;
  const Index n = network.layout.size();
  T factor = 1;
  Buffer<T> clipped(rule.clips() ? n : 0);
  if (rule.clips()) {
    std::copy_n(gradient, n, clipped.data());
    kernels::clip(n, rule.clip_value, T(1), clipped.data());
    gradient = clipped.data();
    const double squares =
        sum_of_pieces(network, gradient, true, [](int, Index rows, Index columns, Index stride, const T* p) {
          return kernels::sum_of_squares(rows, columns, stride, p);
        });
    factor = static_cast<T>(clip_factor(squares, rule.clip_norm));
  }
  kernels::Slots<T> slots;
  for (const Buffer<T>& slot : optimizer.slots) slots.add(slot.data());
  const double rate = optimizer.learning_rate(optimizer.steps);
  T* parameters = network.parameters.data();
  const kernels::StepSize size{rate, rule.weight_decay, ++optimizer.steps, &optimizer.progress};
  kernels::Updater<T>(rule.row, rule.hyper.data(), size)(n, parameters, gradient, factor, slots);
  for (int l = 1; l <= network.spec.depth(); ++l) {
    const double most = network.spec.layer(l).max_norm;
    const Slice& s = network.layout.layer(l);
    const kernels::Panels<T> rows{s.n_out};
    for (Index p = 0; most > 0 && p < rows.count(); ++p)
      kernels::constrain(rows.valid(p), s.n_in, s.n_out, most, parameters + s.W + rows.start(p));
  }
}

template struct Optimizer<float>;
template struct Optimizer<double>;
template void update(const Rule&, double, Index, float*, const float*, float* const*, Index);
template void update(const Rule&, double, Index, double*, const double*, double* const*, Index);
template void step(Optimizer<float>&, Network<float>&, const float*);
template void step(Optimizer<double>&, Network<double>&, const double*);

}  // namespace deepcore
