// The tables as data: what each activation, loss, initialiser, optimizer, schedule and metric is called and computes.
// Floor: include/deepcore (standard library only). The rows themselves live in src/kernels.
#pragma once

#include <string>
#include <vector>

namespace deepcore {

enum class Reads { output, input };  // what a derivative needs from the cache: A = g(Z), or Z itself

struct ActivationInfo {
  const char* name;
  const char* formula;
  const char* derivative;
  Reads reads;
  double gain;  // for initialisers: keeps the variance of the signal (Xavier 2010, He 2015)
  bool has_parameter = false;
  double parameter = 0;      // default of the parameter, which must be >= 0
  bool probability = false;  // outputs lie in (0, 1)
  bool columnwise = false;   // an output depends on all units of its example
  bool positive = false;     // outputs are above 0
};

struct LossInfo {
  const char* name;
  const char* formula;     // of one example, summed over its outputs
  const char* derivative;  // by one output
  const char* output;      // the activation with which dZ = A - Y, computed stably from Z; "" if none
  bool needs_probability;
  bool needs_positive = false;  // outputs above 0, targets of at least 0
  bool has_parameter = false;
  double parameter = 0;        // default of the parameter, which must be above 0
  double parameter_below = 0;  // and below this, if that is not 0
};

struct InitializerInfo {
  const char* name;
  const char* formula;
};

struct Named {
  const char* name = nullptr;
  double value = 0;
};

struct OptimizerInfo {
  const char* name;
  const char* formula;
  const char* slots[2];  // state as large as the parameters; unused entries are null
  Named hyper[5];        // in the order in which the row reads them; unused entries are null
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
