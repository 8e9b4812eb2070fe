// The tables as data: what each activation, loss, initialiser, optimizer, schedule and metric is called and computes.
// Public header, standard library only. The rows themselves live in src/kernels.
#pragma once

#include <string>
#include <vector>

namespace deepcore {

enum class Reads { output, input };  // what a derivative needs from the cache: A = g(Z), or Z itself

// A row states its three texts; the functions add what differs from the rest: ActivationInfo{...}.with_gain(2).
struct ActivationInfo {
  const char* name;
  const char* formula;
  const char* derivative;
  Reads reads = Reads::output;
  double gain = 1;  // for initialisers: keeps the variance of the signal (Xavier 2010, He 2015)
  bool has_parameter = false;
  double parameter = 0;      // default of the parameter, which must be >= 0
  bool probability = false;  // outputs lie in (0, 1)
  bool columnwise = false;   // an output depends on all units of its example
  bool positive = false;     // outputs are above 0

  constexpr ActivationInfo reading_input() const {
    ActivationInfo info = *this;
    info.reads = Reads::input;
    return info;
  }
  constexpr ActivationInfo with_gain(double value) const {
    ActivationInfo info = *this;
    info.gain = value;
    return info;
  }
  constexpr ActivationInfo with_parameter(double value) const {
    ActivationInfo info = *this;
    info.has_parameter = true;
    info.parameter = value;
    return info;
  }
  constexpr ActivationInfo giving_positive() const {
    ActivationInfo info = *this;
    info.positive = true;
    return info;
  }
  constexpr ActivationInfo giving_probability() const {  // which is positive
    ActivationInfo info = giving_positive();
    info.probability = true;
    return info;
  }
  constexpr ActivationInfo over_columns() const {
    ActivationInfo info = *this;
    info.columnwise = true;
    return info;
  }
};

struct LossInfo {
  const char* name;
  const char* formula;      // of one example, summed over its outputs
  const char* derivative;   // by one output
  const char* output = "";  // the activation with which dZ = A - Y, computed stably from Z; "" if none
  bool needs_probability = false;
  bool needs_positive = false;  // outputs above 0, targets of at least 0
  bool has_parameter = false;
  double parameter = 0;            // default of the parameter, which must be above 0
  double parameter_below = 0;      // and below this, if that is not 0
  bool mean_over_outputs = false;  // scikit-learn reports it so

  constexpr LossInfo with_output(const char* activation) const {
    LossInfo info = *this;
    info.output = activation;
    return info;
  }
  constexpr LossInfo of_probabilities() const {
    LossInfo info = *this;
    info.needs_probability = true;
    return info;
  }
  constexpr LossInfo of_positive() const {
    LossInfo info = *this;
    info.needs_positive = true;
    return info;
  }
  constexpr LossInfo with_parameter(double value, double below = 0) const {
    LossInfo info = *this;
    info.has_parameter = true;
    info.parameter = value;
    info.parameter_below = below;
    return info;
  }
  constexpr LossInfo averaged_over_outputs() const {
    LossInfo info = *this;
    info.mean_over_outputs = true;
    return info;
  }
};

struct InitializerInfo {
  const char* name;
  const char* formula;
};

struct Named {
  const char* name = nullptr;
  double value = 0;
};

inline constexpr int kMaxSlots = 4, kMaxHyper = 8;  // the most that a row of the optimizers may have

struct OptimizerInfo {
  const char* name;
  const char* formula;
  const char* slots[kMaxSlots];  // state as large as the parameters; unused entries are null
  Named hyper[kMaxHyper];        // constants besides the weight decay; unused entries are null
  double weight_decay = 0;       // its default
};

struct ScheduleInfo {
  const char* name;
  const char* formula;        // t: the step, counted from 0
  const char* parameters[5];  // the first is learning_rate; unused entries are null
};

struct MetricInfo {
  const char* name;
  const char* formula;
};

const std::vector<ActivationInfo>& activations();
const std::vector<LossInfo>& losses();
const std::vector<InitializerInfo>& initializers();
const std::vector<OptimizerInfo>& optimizers();
const std::vector<ScheduleInfo>& schedules();
const std::vector<MetricInfo>& metrics();

// Position of a row by name; throws std::invalid_argument that lists the known names.
int activation_id(const std::string& name);
int loss_id(const std::string& name);
int initializer_id(const std::string& name);
int optimizer_id(const std::string& name);
int schedule_id(const std::string& name);

}  // namespace deepcore
