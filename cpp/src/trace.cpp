// trace: every intermediate of one step, named.
// Level: calls.
#include <deepcore/error.hpp>
#include <deepcore/network.hpp>

#include "batch.hpp"
#include "kernels/head.hpp"
#include "layer_pass.hpp"
#include "sizes.hpp"
#include "stages/dropout.hpp"
#include "stages/norm.hpp"
#include "step.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace deepcore {

namespace {

template <class T>
class Trace {
 public:
  Trace(const Network<T>& network, const Examples<T>& examples, const TrainingStep* training,
        const std::vector<std::string>& kinds)
      : network_(network), spec_(network.spec), examples_(examples), kinds_(kinds),
        which_(Selection{nullptr, 0, examples.count()}.for_members(network.spec.members())), m_(which_.count), team_(1),
        step_(network, examples, plan(), team_), pass_(dynamic_cast<LayerPass<T>&>(step_.pass())) {
    step_.load();
    step_.run(which_, training, {});
    scale_ = static_cast<T>(1 / step_.weight());
    forward(training);
    backward();
    gradients();
  }
  std::vector<Intermediate<T>> all;

 private:
  Plan plan() const {
    return make_plan<T>(spec_, examples_.count(), nullptr, 1, true);
  }  // one slab: everything is still there
  Buffer<T> buffer(int l) const { return Buffer<T>(leading<T>(spec_.units(l)) * m_ + kernels::Panels<T>::kWidth); }
  kernels::Columns<T> whole(Buffer<T>& buffer, int l) const {
    return {buffer.data(), leading<T>(spec_.units(l)), kernels::kDepth};
  }
  bool wanted(const char* kind) const {
    return kinds_.empty() || std::find(kinds_.begin(), kinds_.end(), kind) != kinds_.end();
  }
  T* added(const char* kind, int l, Index rows, Index cols) {
    all.push_back({kind, l, rows, cols, Buffer<T>(rows * cols)});
    return all.back().values.data();
  }
  template <class F>
  void keep(const char* kind, int l, Index rows, Index cols, T factor, F element) {
    if (!wanted(kind)) return;
    T* to = added(kind, l, rows, cols);
    for (Index j = 0; j < cols; ++j) {
      for (Index i = 0; i < rows; ++i) *to++ = factor * element(i, j);
    }
  }
  template <class Values>
  void keep_columns(const char* kind, int l, kernels::Columns<Values> from, T factor) {
    if (!wanted(kind)) return;
    const Index n = spec_.units(l);
    T* to = added(kind, l, n, m_);
    kernels::together(from, 0, n, [&](Index i, Index rows) {
      for (Index j = 0; j < m_; ++j) {
        const Values* column = from.from(i) + j * from.ld;
        std::transform(column, column + rows, to + j * n + i, [&](Values x) { return factor * static_cast<T>(x); });
      }
    });
  }
  // The product of the step once more, whose result was overwritten: the same bits.
  void multiply(const kernels::Left<T>& left, int from, kernels::Columns<T> in, int to, kernels::Columns<T> out) {
    const kernels::Panels<T> rows{spec_.units(to)};
    kernels::multiply<true>(rows, 0, rows.count(), spec_.units(from), left, static_cast<const T*>(in.data), in.ld,
                            in.strip, m_, out);
  }

  void forward(const TrainingStep* training) {
    pass_.write_inputs();
    keep_columns("A", 0, pass_.A(0), T(1));
    for (int l = 0; l < spec_.depth() && training != nullptr; ++l) {
      const double rate = spec_.dropout(l) * training->dropout;
      for (const auto& stage : pass_.stages(l)) {
        auto* dropout = dynamic_cast<Dropout<T>*>(stage.get());
        if (dropout == nullptr) continue;
        keep_columns("mask", l, dropout->kept(), static_cast<T>(1 / (1 - rate)));
      }
    }
    for (int l = 1; l <= spec_.depth(); ++l) {
      if (wanted("Z")) {
        Buffer<T> Z = buffer(l);
        multiply(step_.state().left(l), l - 1, pass_.A(l - 1), l, whole(Z, l));
        keep_columns("Z", l, whole(Z, l), T(1));
      }
      keep_columns("A", l, pass_.A(l), T(1));
    }
  }

  void backward() {
    for (int l = spec_.depth(); l >= 1; --l) {
      if (wanted("dA")) l == spec_.depth() ? loss_gradient(l) : hidden_gradient(l);
      keep_columns("dZ", l, pass_.dZ(l), scale_);
    }
  }

  void hidden_gradient(int l) {
    Buffer<T> dA = buffer(l);
    multiply(step_.state().transposed(l + 1), l + 1, pass_.dZ(l + 1), l, whole(dA, l));
    keep_columns("dA", l, whole(dA, l), scale_);
  }

  void loss_gradient(int L) {  // the literal derivative of the loss
    const Index n = spec_.outputs();
    const kernels::Columns<T> out = pass_.A(L);
    Buffer<T> A(n * m_), targets(n * m_);
    const T* Y = gather_targets(examples_, spec_, which_, spec_.smoothing(), targets.data());
    own_units(spec_, which_, static_cast<const T*>(out.data), out.ld, A.data());
    kernels::loss_gradient(spec_.loss(), spec_.loss_parameter(), n * m_, static_cast<const T*>(A.data()), Y, A.data());
    Buffer<T> dA(n * which_.members * m_);
    all_units(spec_, which_, static_cast<const T*>(A.data()), dA.data(), n * which_.members);
    keep("dA", L, n * which_.members, m_, scale_,
         [&](Index i, Index j) { return dA.data()[j * n * which_.members + i] * weight_of(examples_, which_[j]); });
  }

  void gradients() {
    static const std::array names = [] {
      std::array<std::string, kTrainedRoles> out;
      for (std::size_t role = 0; role < out.size(); ++role) out[role] = std::string("d") + kRoles[role].name;
      return out;
    }();
    const auto asked = [this](const std::string& name) { return wanted(name.c_str()); };
    if (!wanted("mean") && !wanted("variance") && std::none_of(names.begin(), names.end(), asked)) return;
    Buffer<T> flat(network_.tensors.size());
    step_.gradient(flat.data(), Reduction::mean);
    int last = 0;
    for (const Tensor& tensor : network_.tensors.all()) {
      if (tensor.layer != last) keep_statistics(last);
      last = tensor.layer;
      keep(names[static_cast<std::size_t>(tensor.role)].c_str(), tensor.layer, tensor.rows, tensor.cols, T(1),
           view(tensor, flat.data()));
    }
    keep_statistics(last);
  }

  void keep_statistics(int l) {
    if (l == 0 || l == spec_.depth()) return;
    for (const auto& stage : pass_.stages(l)) {
      const auto* norm = dynamic_cast<const BatchNorm<T>*>(stage.get());
      if (norm == nullptr) continue;
      keep("mean", l, spec_.units(l), 1, T(1), [&](Index i, Index) { return norm->mean()[i]; });
      keep("variance", l, spec_.units(l), 1, T(1), [&](Index i, Index) { return norm->variance()[i]; });
    }
  }

  const Network<T>& network_;
  const Spec& spec_;
  const Examples<T>& examples_;
  const std::vector<std::string>& kinds_;
  const Selection which_;
  const Index m_;  // number of columns: of examples, times the number of members
  Team team_;
  Step<T> step_;
  LayerPass<T>& pass_;
  T scale_ = 1;
};

}  // namespace

template <class T>
std::vector<Intermediate<T>> trace(const Network<T>& network, const Examples<T>& examples, const TrainingStep* training,
                                   const std::vector<std::string>& kinds) {
  const Index m = examples.count();
  require(m >= 1 && m <= 4096, "trace: X must have 1 to 4096 examples, got ", m);
  validate("trace", network.spec, examples);
  require(examples.loss.value == nullptr, "trace: the loss must be that of the network, got a custom loss");
  return std::move(Trace<T>(network, examples, training, kinds).all);
}

template std::vector<Intermediate<float>> trace(const Network<float>&, const Examples<float>&, const TrainingStep*,
                                                const std::vector<std::string>&);
template std::vector<Intermediate<double>> trace(const Network<double>&, const Examples<double>&, const TrainingStep*,
                                                 const std::vector<std::string>&);

}  // namespace deepcore
