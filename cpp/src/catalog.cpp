// The catalog: the tables' rows as data, their parsers, and what this library was built with.
// Floor: model.
#include <deepcore/catalog.hpp>
#include <deepcore/error.hpp>
#include <deepcore/version.hpp>

#include "kernels/activations.hpp"
#include "kernels/losses.hpp"
#include "kernels/optimizers.hpp"

namespace deepcore {

namespace {

template <class Info>
int position(const char* what, const std::vector<Info>& rows, const std::string& name) {
  std::string known;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (name == rows[i].name) return static_cast<int>(i);
    known += (i == 0 ? "" : ", ") + std::string(rows[i].name);
  }
  throw std::invalid_argument(text(what, " must be one of ", known, "; got '", name, "'"));
}

}  // namespace

const std::vector<ActivationInfo>& activations() {
  static const auto rows = kernels::Activations::infos();
  return rows;
}

const std::vector<LossInfo>& losses() {
  static const auto rows = kernels::Losses::infos();
  return rows;
}

const std::vector<OptimizerInfo>& optimizers() {
  static const auto rows = kernels::Optimizers::infos();
  return rows;
}

const std::vector<MetricInfo>& metrics() {
  static const std::vector<MetricInfo> rows{
      {"accuracy",
       "fraction of examples whose label is right: the largest output, or every output on its side of 0.5"}};
  return rows;
}

int activation_id(const std::string& name) { return position("activation", activations(), name); }
int loss_id(const std::string& name) { return position("loss", losses(), name); }
int initializer_id(const std::string& name) { return position("init", initializers(), name); }
int optimizer_id(const std::string& name) { return position("optimizer", optimizers(), name); }
int schedule_id(const std::string& name) { return position("schedule", schedules(), name); }

#define DEEPCORE_TEXT_(x) #x
#define DEEPCORE_TEXT(x) DEEPCORE_TEXT_(x)
#if defined(__clang__)
#define DEEPCORE_COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define DEEPCORE_COMPILER "gcc " __VERSION__
#else
#define DEEPCORE_COMPILER "unknown"
#endif

BuildInfo build_info() {
  return {
      DEEPCORE_VERSION, DEEPCORE_VARIANT,
      DEEPCORE_TEXT(EIGEN_WORLD_VERSION) "." DEEPCORE_TEXT(EIGEN_MAJOR_VERSION) "." DEEPCORE_TEXT(EIGEN_MINOR_VERSION),
      DEEPCORE_COMPILER, static_cast<int>(sizeof(kernels::Packet<float>))};
}

}  // namespace deepcore
