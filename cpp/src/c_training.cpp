// The C interface, second part: gradients, optimizers and training.
// Level: calls.
#include "c_boundary.hpp"

#include <deepcore/catalog.hpp>
#include <deepcore/train.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace deepcore {

namespace {

template <class T>
View<const T> matrix(const char* who, const char* name, const void* data, Index columns, std::int64_t rows,
                     std::int64_t row_stride, std::int64_t column_stride) {
  present(who, name, data);
  return {static_cast<const T*>(data), columns, static_cast<Index>(rows), static_cast<Index>(column_stride),
          static_cast<Index>(row_stride)};
}

// Calls the loss of a deepcore_examples.
template <class T>
double custom_loss(void* context, Index example, const T* a, T* da) {
  const auto* given = static_cast<const deepcore_examples*>(context);
  return given->loss(given->loss_context, example, a, da);
}

// Labels and weights are copied, so that another thread cannot change them after the check.
template <class T>
struct CheckedExamples {
  CheckedExamples(const char* who, const Network<T>& network, const deepcore_examples* given) {
    present(who, "examples", given);
    check_dtype<T>(who, given->dtype);
    require(given->rows >= 1, who, ": rows must be at least 1, got ", given->rows);
    const int sources = (given->labels != nullptr) + (given->y != nullptr) + (given->loss != nullptr);
    require(sources == 1, who, ": one of labels, y and loss must be given, got ", sources);
    examples.X =
        matrix<T>(who, "X", given->X, network.spec.columns(), given->rows, given->X_row_stride, given->X_column_stride);
    if (given->labels != nullptr) {
      labels.assign(given->labels, given->labels + given->rows);
      examples.labels = labels.data();
    } else if (given->y != nullptr) {
      examples.Y = matrix<T>(who, "y", given->y, network.spec.outputs(), given->rows, given->y_row_stride,
                             given->y_column_stride);
    } else {
      examples.loss = {custom_loss<T>, const_cast<deepcore_examples*>(given)};  // NOLINT: only read
    }
    if (given->weights == nullptr) return;
    const auto* first = static_cast<const T*>(given->weights);
    weights.assign(first, first + given->rows);
    examples.weights = weights.data();
  }
  std::vector<std::int64_t> labels;
  std::vector<T> weights;
  Examples<T> examples;
};

struct StepOf {
  explicit StepOf(const deepcore_step* given)
      : step{given == nullptr ? 0 : given->seed, given == nullptr ? 0 : static_cast<Index>(given->step)},
        pointer(given == nullptr ? nullptr : &step) {
    require(step.number >= 0, "gradient: step must be at least 0, got ", step.number);
  }
  TrainingStep step;
  const TrainingStep* pointer;
};

double* constant(Rule& rule, const std::string& name) {
  if (name == "weight_decay") return &rule.weight_decay;
  if (name == "clip_value") return &rule.clip_value;
  if (name == "clip_norm") return &rule.clip_norm;
  const OptimizerInfo& info = optimizers()[static_cast<std::size_t>(rule.row)];
  for (std::size_t k = 0; k < rule.hyper.size() && info.hyper[k].name != nullptr; ++k) {
    if (name == info.hyper[k].name) return &rule.hyper[k];
  }
  return nullptr;
}

// The weights of running averages.
bool must_be_below_one(const std::string& name) { return name == "beta1" || name == "beta2" || name == "alpha"; }

Rule rule_of(const char* name, const deepcore_constant* constants, std::int64_t count) {
  Rule rule{optimizer_id(name)};
  const OptimizerInfo& info = optimizers()[static_cast<std::size_t>(rule.row)];
  rule.weight_decay = info.weight_decay;
  for (std::size_t k = 0; k < rule.hyper.size(); ++k) rule.hyper[k] = info.hyper[k].value;
  require(count == 0 || constants != nullptr, "optimizer_create: constants must be a pointer, got NULL");
  for (std::int64_t k = 0; k < count; ++k) {
    present("optimizer_create", "the name of a constant", constants[k].name);
    double* to = constant(rule, constants[k].name);
    require(to != nullptr, "optimizer_create: ", name, " has no constant '", constants[k].name, "'");
    require(std::isfinite(constants[k].value) && constants[k].value >= 0, "optimizer_create: ", constants[k].name,
            " must be a finite number of at least 0, got ", constants[k].value);
    require(constants[k].value < 1 || !must_be_below_one(constants[k].name), "optimizer_create: ", constants[k].name,
            " must be below 1, got ", constants[k].value);
    *to = constants[k].value;
  }
  return rule;
}

template <class T>
Optimizer<T>& of_dtype(const char* who, const deepcore_optimizer* handle) {
  present(who, "optimizer", handle);
  const auto* optimizer = std::get_if<std::shared_ptr<Optimizer<T>>>(&handle->optimizer);
  require(optimizer != nullptr, who, ": optimizer must have the dtype of the network");
  return **optimizer;
}

// float or double, of an Optimizer.
template <class O>
using SlotNumber = std::remove_const_t<std::remove_pointer_t<decltype(std::declval<O&>().slots[0].data())>>;

// f(optimizer) with its type, while no run uses it.
template <class H, class F>
void with_state(const char* who, H* handle, F f) {
  present(who, "optimizer", handle);
  std::visit(
      [&](const auto& optimizer) {
        const Exclusive alone(optimizer->busy, kOptimizerBusy);
        f(*optimizer);
      },
      handle->optimizer);
}

template <class T>
std::size_t checked_slot(const char* who, const Optimizer<T>& state, std::int64_t slot, int dtype, std::int64_t count) {
  check_dtype<T>(who, dtype);
  require(slot >= 0 && slot < static_cast<std::int64_t>(state.slot_count()), who, ": slot must be from 0 to ",
          static_cast<std::int64_t>(state.slot_count()) - 1, ", got ", slot);
  require(count == state.parameter_count(), who, ": count must be ", state.parameter_count(), ", got ", count);
  return static_cast<std::size_t>(slot);
}

struct Callback : Monitor {
  explicit Callback(const deepcore_training& t) : training(t) {}
  bool wants_epochs() const override { return training.on_epoch != nullptr; }
  bool epoch(Index number, double loss) override { return training.on_epoch(training.context, number, loss) != 0; }
  const deepcore_training& training;
};

TrainOptions options_of(const deepcore_training& given) {
  require(given.epochs >= 0 && given.batch_size >= 0, "train: epochs and batch_size must not be negative, got ",
          given.epochs, " and ", given.batch_size);
  TrainOptions options;
  options.epochs = static_cast<Index>(given.epochs);
  options.batch_size = static_cast<Index>(given.batch_size);
  options.shuffle = given.shuffle != 0;
  options.seed = given.seed;
  options.threads = threads_of("train", given.threads);
  return options;
}

}  // namespace

int gradient_rows(const deepcore_network* network, const deepcore_examples* examples, const deepcore_step* step,
                  std::int32_t threads, double* cost, void* out, std::int64_t count) noexcept {
  return guarded([&] {
    present("gradient", "gradient", out);
    with("gradient", network, [&](auto& one) {
      using T = Number<decltype(one)>;
      check_count("gradient", one, count);
      const CheckedExamples<T> checked("gradient", one, examples);
      const StepOf training(step);
      const Reader<T> now(one);
      const double found =
          gradient(*now, checked.examples, static_cast<T*>(out), threads_of("gradient", threads), training.pointer);
      if (cost != nullptr) *cost = found;
    });
  });
}

int optimizer_create(const deepcore_network* network, const char* rule, double learning_rate,
                     const deepcore_constant* constants, std::int64_t constant_count,
                     deepcore_optimizer** optimizer) noexcept {
  return guarded([&] {
    present("optimizer_create", "rule", rule);
    present("optimizer_create", "optimizer", optimizer);
    require(std::isfinite(learning_rate) && learning_rate >= 0,
            "optimizer_create: learning_rate must be finite and not negative, got ", learning_rate);
    with("optimizer_create", network, [&](auto& one) {
      using T = Number<decltype(one)>;
      *optimizer = c_handle(std::make_shared<Optimizer<T>>(rule_of(rule, constants, constant_count),
                                                           Schedule::table({learning_rate}), one));
    });
  });
}

int optimizer_share(const deepcore_optimizer* optimizer, deepcore_optimizer** another) noexcept {
  return guarded([&] {
    present("optimizer_share", "optimizer", optimizer);
    present("optimizer_share", "another", another);
    *another = std::make_unique<deepcore_optimizer>(*optimizer).release();
  });
}

void optimizer_free(deepcore_optimizer* optimizer) noexcept { delete optimizer; }

int optimizer_info(const deepcore_optimizer* optimizer, std::int64_t* steps, std::int64_t* slots) noexcept {
  return guarded([&] {
    present("optimizer_info", "steps", steps);
    present("optimizer_info", "slots", slots);
    with_state("optimizer_info", optimizer, [&](const auto& state) {
      *steps = state.steps;
      *slots = static_cast<std::int64_t>(state.slot_count());
    });
  });
}

int optimizer_set_steps(deepcore_optimizer* optimizer, std::int64_t steps) noexcept {
  return guarded([&] {
    require(steps >= 0, "optimizer_set_steps: steps must be at least 0, got ", steps);
    with_state("optimizer_set_steps", optimizer, [&](auto& state) { state.steps = static_cast<Index>(steps); });
  });
}

int optimizer_read(const deepcore_optimizer* optimizer, std::int64_t slot, std::int32_t dtype, void* values,
                   std::int64_t count) noexcept {
  return guarded([&] {
    present("optimizer_read", "values", values);
    with_state("optimizer_read", optimizer, [&](const auto& state) {
      using T = SlotNumber<decltype(state)>;
      state.read_slot(checked_slot("optimizer_read", state, slot, dtype, count), static_cast<T*>(values));
    });
  });
}

int optimizer_write(deepcore_optimizer* optimizer, std::int64_t slot, std::int32_t dtype, const void* values,
                    std::int64_t count) noexcept {
  return guarded([&] {
    present("optimizer_write", "values", values);
    with_state("optimizer_write", optimizer, [&](auto& state) {
      using T = SlotNumber<decltype(state)>;
      state.set_slot(checked_slot("optimizer_write", state, slot, dtype, count), static_cast<const T*>(values));
    });
  });
}

int optimizer_step(deepcore_optimizer* optimizer, deepcore_network* network, const void* gradient,
                   std::int64_t count) noexcept {
  return guarded([&] {
    present("optimizer_step", "gradient", gradient);
    with("optimizer_step", network, [&](auto& one) {
      using T = Number<decltype(one)>;
      check_count("optimizer_step", one, count);
      step(of_dtype<T>("optimizer_step", optimizer), one, static_cast<const T*>(gradient));
    });
  });
}

int train_rows(deepcore_network* network, deepcore_optimizer* optimizer, const deepcore_examples* examples,
               const deepcore_training* training, double* losses, std::int64_t* epochs_done) noexcept {
  return guarded([&] {
    present("train", "training", training);
    bool diverged = false;
    with("train", network, [&](auto& one) {
      using T = Number<decltype(one)>;
      TrainOptions options = options_of(*training);
      const CheckedExamples<T> checked("train", one, examples);
      Optimizer<T>& state = of_dtype<T>("train", optimizer);
      options.first_epoch = Reader<T>(one)->epochs;
      Callback callback(*training);
      const TrainResult result = train(one, checked.examples, state, options, callback);
      if (losses != nullptr) std::copy(result.losses.begin(), result.losses.end(), losses);
      if (epochs_done != nullptr) *epochs_done = static_cast<std::int64_t>(result.losses.size());
      diverged = result.first_nonfinite_step >= 0;
    });
    if (!diverged) return int{DEEPCORE_OK};
    return failed(DEEPCORE_NOT_FINITE, "train: the loss became infinite or NaN; try a smaller learning rate");
  });
}

}  // namespace deepcore
