// Spec: a network as a pure description: inputs, layers, loss. It is checked once, when it is built.
// Public header, standard library only.
#pragma once

#include <deepcore/embeddings.hpp>
#include <deepcore/view.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace deepcore {

enum class Norm { none, batch, layer };  // of Z, before the activation: over the examples, or over the units

// The kinds of arrays that a layer may have, whose rows are in kRoles. Those from frequency to factor belong to the
// embeddings, which count as layer 0.
enum class Role {
  W,
  b,
  gamma,
  beta,
  alpha,
  scale,
  frequency,
  phase,
  weight,
  offset,
  table,
  factor,
  running_mean,
  running_variance
};
struct RoleInfo {
  const char* name;
  double initial;          // every value before anything is drawn or learned
  bool per_input = false;  // a value for each input of the layer, not for each unit
};
inline constexpr std::array kRoles{RoleInfo{"W", 0},
                                   RoleInfo{"b", 0},
                                   RoleInfo{"gamma", 1},
                                   RoleInfo{"beta", 0},
                                   RoleInfo{"alpha", 1},
                                   RoleInfo{"scale", 1, true},
                                   RoleInfo{"frequency", 0},
                                   RoleInfo{"phase", 0},
                                   RoleInfo{"weight", 0},
                                   RoleInfo{"offset", 0},
                                   RoleInfo{"table", 0},
                                   RoleInfo{"factor", 1},
                                   RoleInfo{"running_mean", 0},
                                   RoleInfo{"running_variance", 1}};
inline constexpr std::size_t kTrainedRoles = 12;  // those before running_mean
constexpr const RoleInfo& role_info(Role role) { return kRoles[static_cast<std::size_t>(role)]; }
std::optional<Role> trained_role(const std::string& name);  // empty: there is none of that name

struct LayerSpec {
  Index units;
  int activation;         // row of activations()
  double parameter;       // slope of leaky_relu, alpha of elu; ignored by others
  double l1 = 0, l2 = 0;  // the cost grows by l1 |W|_1 + l2 / 2 |W|^2; biases are free
  double dropout = 0;     // probability with which a training step drops each of its activations
  Norm norm = Norm::none;
  double max_norm = 0;         // of the weights into a unit, restored after every step; 0: no limit
  bool parametric = false;     // A = Z + (g(Z) - Z) alpha, with a trainable alpha per unit
  bool scaled_inputs = false;  // Z = W (scale * A_prev) + b, with a trainable scale per input
  bool ntk = false;            // Z = W A_prev / sqrt(n_in) + b: the factor stays outside of the trained W
  std::array<Factors, kTrainedRoles> factors{};  // by role

  const Factors& of(Role role) const { return factors[static_cast<std::size_t>(role)]; }
  Factors& of(Role role) { return factors[static_cast<std::size_t>(role)]; }
  bool reparametrised() const { return scaled_inputs || ntk; }  // the product does not read the trained W itself
};

struct LossSpec {
  LossSpec(int r);  // NOLINT(google-explicit-constructor): with the default of the row's parameter
  LossSpec(int r, double p, double s) : row(r), parameter(p), smoothing(s) {}
  int row;               // of losses()
  double parameter;      // where the quadratic part of huber ends, the quantile; ignored by others
  double smoothing = 0;  // of the targets of a cross-entropy: y (1 - s) + s / k
};

class Spec {
 public:
  // Throws std::invalid_argument if a size is below one, a row is unknown, or loss and output do not fit.
  Spec(Index inputs, std::vector<LayerSpec> layers, LossSpec loss, double input_dropout = 0,
       Embeddings embeddings = {});

  int depth() const { return static_cast<int>(layers_.size()); }  // L: layers with weights
  Index columns() const { return columns_; }                      // number of columns of X, with an example per row
  const Embeddings& embeddings() const { return embeddings_; }    // from X to A[0]
  Index members() const { return embeddings_.members; }           // networks that share their weights
  Index outputs() const { return layers_.back().units; }          // of a member
  Index units(int l) const {                                      // n[l]; those of all members in the last layer
    if (l == 0) return inputs_;
    return layer(l).units * (l == depth() ? members() : 1);
  }
  const LayerSpec& layer(int l) const { return layers_[static_cast<std::size_t>(l) - 1]; }  // l = 1..L
  int loss() const { return loss_.row; }
  double loss_parameter() const { return loss_.parameter; }
  double smoothing() const { return loss_.smoothing; }
  double smooth_target() const;  // what all targets move towards: 1 / k of k classes, 1/2 of yes and no
  double dropout(int l) const { return l == 0 ? input_dropout_ : layer(l).dropout; }  // of A[l]
  bool has_penalties() const;                                                         // on any layer
  bool has_batch_norm() const;
  bool reparametrised() const;                           // some layer's product does not read the trained W itself
  bool plain() const;                                    // products, activations and the loss are all there is
  bool stable_output() const { return stable_output_; }  // loss and output belong together: dZ[L] = A[L] - Y
  bool takes_labels() const { return takes_labels_; }    // softmax: y may be integer labels

 private:
  Index columns_, inputs_;
  std::vector<LayerSpec> layers_;
  Embeddings embeddings_;
  LossSpec loss_;
  double input_dropout_;
  bool stable_output_;
  bool takes_labels_;
};

}  // namespace deepcore
