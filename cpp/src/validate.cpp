// validate: what examples must be for a network. The one place where the core checks data.
// Level: description.
#include <deepcore/error.hpp>
#include <deepcore/network.hpp>

#include <cmath>

namespace deepcore {

template <class T>
void validate(const char* who, const Spec& spec, const std::common_type_t<Inputs<T>>& X) {
  const Index n = spec.columns();
  const std::vector<Index>& sizes = spec.embeddings().sizes;
  require(!X.sparse() || !spec.embeddings().any(), who, ": X must be dense for a network with embeddings or members");
  require(X.rows == n && X.cols >= 0, who, ": X must have shape (m, ", n, ") for the network's ", n, " inputs, got (",
          X.cols, ", ", X.rows, ")");
  for (std::size_t k = 0; k < sizes.size(); ++k) {
    const Index i = n - static_cast<Index>(sizes.size() - k);
    for (Index j = 0; j < X.cols; ++j) {
      const T code = X(i, j);
      require(code >= T(0) && code < static_cast<T>(sizes[k]) && code == std::floor(code), who,
              ": X must hold codes from 0 to ", sizes[k] - 1, " in column ", i, ", got ", code, " in row ", j);
    }
  }
  if (!X.sparse()) return;
  require(X.starts[0] == 0, who, ": X must be valid compressed sparse rows: indptr from 0, rising, within data");
  for (Index j = 0; j < X.cols; ++j) {
    require(X.starts[j] <= X.starts[j + 1], who,
            ": X must be valid compressed sparse rows: indptr from 0, rising, within data");
  }
  for (std::int64_t k = 0; k < X.starts[X.cols]; ++k) {
    require(X.units[k] >= 0 && X.units[k] < n, who, ": X must have columns from 0 to ", n - 1, ", got ", X.units[k]);
  }
}

template <class T>
void validate(const char* who, const Spec& spec, const Examples<T>& examples) {
  validate<T>(who, spec, examples.X);
  const Index m = examples.count(), n = spec.outputs();
  require(m >= 1, who, ": X must have at least one example");
  if (examples.loss.value != nullptr) {
    require(examples.labels == nullptr && examples.Y.empty(), who, ": y must be empty where a custom loss is given");
  } else if (examples.labels != nullptr) {
    require(spec.takes_labels(), who, ": y must be targets of shape (", m, ", ", n,
            "), got labels; they need a softmax output");
    for (Index j = 0; j < m; ++j) {
      require(examples.labels[j] >= 0 && examples.labels[j] < n, who, ": y must hold labels from 0 to ", n - 1,
              ", got ", examples.labels[j], " in row ", j);
    }
  } else {
    const bool fits = !examples.Y.empty() && examples.Y.rows == n && examples.Y.cols == m;
    require(fits, who, ": y must have shape (", m, ", ", n, ") for the network's ", n, " outputs, got (",
            examples.Y.cols, ", ", examples.Y.rows, ")");
  }
  if (examples.weights == nullptr) return;
  double total = 0;
  for (Index j = 0; j < m; ++j) {
    require(examples.weights[j] >= T(0), who, ": sample_weight must not be negative or NaN, got ", examples.weights[j],
            " in row ", j);
    total += static_cast<double>(examples.weights[j]);
  }
  require(total > 0, who, ": sample_weight must have a positive sum, got ", total);
}

template void validate<float>(const char*, const Spec&, const Inputs<float>&);
template void validate<double>(const char*, const Spec&, const Inputs<double>&);
template void validate(const char*, const Spec&, const Examples<float>&);
template void validate(const char*, const Spec&, const Examples<double>&);

}  // namespace deepcore
