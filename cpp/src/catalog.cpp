// The catalog: the parsers of the tables, and what this library was built with. The rows are where they are computed:
// activations() and losses() in kernels/elements.cpp, optimizers() in kernels/update.cpp.
// Level: description.
#include <deepcore/catalog.hpp>
#include <deepcore/error.hpp>
#include <deepcore/version.hpp>

#include "kernels/lanes.hpp"

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

#if defined(__clang__)
#define DEEPCORE_COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define DEEPCORE_COMPILER "gcc " __VERSION__
#else
#define DEEPCORE_COMPILER "unknown"
#endif

BuildInfo build_info() {
  return {DEEPCORE_VERSION, DEEPCORE_VARIANT, kernels::eigen_version(), DEEPCORE_COMPILER,
          static_cast<int>(kernels::kLanes<float> * sizeof(float))};
}

}  // namespace deepcore
