// Network: predict, evaluate, gradient and trace.
// Floor: model.
#include <deepcore/catalog.hpp>
#include <deepcore/error.hpp>
#include <deepcore/network.hpp>

#include <deepcore/predictor.hpp>

#include "engine.hpp"
#include "forward.hpp"
#include "kernels/head.hpp"
#include "penalties.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>

namespace deepcore {

namespace {

using Clock = std::chrono::steady_clock;

// Packing the weights for one call pays from more examples on: 256 of 784-512-256-10 take 1.4 ms without and 2.8 with, 1024
// 10 ms without and 6 with.
constexpr Index kUnpacked = 256;
// The products of few examples wait for the weights. Where these pass the second cache, threads share the units of a
// layer, and each reads its part only: one row of 784-512-256-10 takes 15 us on two threads and 24 on one.
constexpr Index kFew = 8;
constexpr double kReadBytes = 2e6;
// That needs workers that are awake. After a pause they sleep, and waking them takes as long as the call.
constexpr std::chrono::microseconds kLoop{100};

// A thread is started for each call, which takes as long as some 4 Mflop a thread: fewer are not worth it.
int call_team(int threads, double flops) { return team_size(threads, flops / 4); }
// Of workers that are awake, each is to read a megabyte of weights at least.
int sharing_team(int threads, double bytes) { return team_size(threads, bytes); }

template <class F>
void in_blocks(Team& team, Index m, F f) {
  if (m == 0) return;
  in_parts(team, m, even_block(m, kForwardBlock, team.size()), f);
}

template <class T>
void run(Forward<T>& forward, Team& team, const Inputs<T>& X, View<T> A, bool by_units = false) {
  const Spec& spec = forward.spec();
  forward.reserve(team.size());
  const LayerSpec& output = spec.layer(spec.depth());
  const Index n = spec.outputs(), ld = leading<T>(n);
  const auto block = [&](Index first, Index m, int thread) {
    T* Z = forward.logits(X, first, m, thread, nullptr, by_units ? &team : nullptr);
    kernels::activate(output.activation, output.parameter, n, m, ld, Z, Z);
    for (Index j = 0; j < m; ++j) {
      for (Index i = 0; i < n; ++i) A(i, first + j) = Z[j * ld + i];
    }
  };
  if (by_units) return block(0, X.cols, 0);
  in_blocks(team, X.cols, block);
}

// Is the label of this example right?
template <class T>
bool right(const Spec& spec, const Examples<T>& examples, const T* a, Index example) {
  const Index n = spec.outputs();
  if (spec.takes_labels()) {
    const Index predicted = std::max_element(a, a + n) - a;
    if (examples.labels != nullptr) return predicted == examples.labels[example];
    Index truth = 0;
    for (Index i = 1; i < n; ++i) truth = examples.Y(i, example) > examples.Y(truth, example) ? i : truth;
    return predicted == truth;
  }
  for (Index i = 0; i < n; ++i) {
    if ((a[i] > T(0.5)) != (examples.Y(i, example) > T(0.5))) return false;
  }
  return true;
}

}  // namespace

template <class T>
void predict(const Network<T>& network, const std::common_type_t<Inputs<T>>& X, View<T> A, int threads) {
  Forward<T> forward(network, X.cols > kUnpacked, X.cols);
  Team team(call_team(threads, forward_flops(network.spec, X.cols)));
  run(forward, team, X, A);
}

template <class T>
int nonfinite_layer(const Network<T>& network, const std::common_type_t<Inputs<T>>& X) {
  Forward<T> forward(network, true);
  forward.reserve(1);
  const int none = network.spec.depth() + 1;
  int layer = none;
  for (Index first = 0; first < X.cols && layer > 1; first += kForwardBlock)
    forward.logits(X, first, std::min(kForwardBlock, X.cols - first), 0, &layer);
  return layer == none ? 0 : layer;
}

template <class T>
struct Predictor<T>::State {
  explicit State(const Network<T>& network) : forward(network, true) { forward.reserve(1); }

  // Kept between calls: a thread that sleeps costs nothing, one that is started costs as long as 4 Mflop.
  Team& workers(int size) {
    if (team == nullptr || team->size() < size || team->forked()) team = std::make_unique<Team>(size);
    return *team;
  }
  bool in_a_loop() const { return Clock::now() - last < kLoop; }

  Forward<T> forward;
  std::unique_ptr<Team> team;
  Clock::time_point last{};  // when a call of few examples through many weights ended
};

template <class T>
Predictor<T>::Predictor(const Network<T>& network) : state_(new State(network)) {}
template <class T>
Predictor<T>::Predictor(Predictor&&) noexcept = default;
template <class T>
Predictor<T>::~Predictor() = default;

template <class T>
void Predictor<T>::operator()(View<const T> X, View<T> A, int threads) {
  Forward<T>& forward = state_->forward;
  const auto bytes = static_cast<double>(forward.bytes());
  const bool few = X.cols <= kFew && bytes > kReadBytes;
  const int sharing = few && state_->in_a_loop() ? sharing_team(threads, bytes) : 1;
  const int size = sharing > 1 ? sharing : call_team(threads, forward_flops(forward.spec(), X.cols));
  Team alone(1);
  run<T>(forward, size == 1 ? alone : state_->workers(size), X, A, sharing > 1);
  if (few) state_->last = Clock::now();
}
template <class T>
Index Predictor<T>::inputs() const {
  return state_->forward.spec().units(0);
}
template <class T>
Index Predictor<T>::outputs() const {
  return state_->forward.spec().outputs();
}

template <class T>
Scores evaluate(const Network<T>& network, const Examples<T>& examples, int threads) {
  const Spec& spec = network.spec;
  const Index m = examples.count(), n = spec.outputs(), ld = leading<T>(n);
  require(m >= 1, "evaluate: X must have at least one example");
  Team team(call_team(threads, forward_flops(spec, m)));
  Forward<T> forward(network, true);
  forward.reserve(team.size());
  std::vector<Buffer<T>> rooms;
  for (int t = 0; t < team.size(); ++t) rooms.emplace_back(3 * n * kForwardBlock);
  std::vector<double> losses(static_cast<std::size_t>(m));
  std::vector<char> hits(static_cast<std::size_t>(m));
  // Rows of labels: probabilities that do not depend on each other, each a side of 0.5.
  const bool labelled =
      spec.takes_labels() || activations()[static_cast<std::size_t>(spec.layer(spec.depth()).activation)].probability;
  in_blocks(team, m, [&](Index first, Index count, int thread) {
    const T* logits = forward.logits(examples.X, first, count, thread);
    T* Z = rooms[static_cast<std::size_t>(thread)].data();
    T* Y = Z + n * kForwardBlock;
    for (Index j = 0; j < count; ++j) std::copy_n(logits + j * ld, n, Z + j * n);
    gather_targets(examples, spec, nullptr, first, count, Y);
    kernels::head<T>(spec, count, Z, Y, nullptr, losses.data() + first, Y + n * kForwardBlock);
    for (Index j = 0; labelled && j < count; ++j) {
      hits[static_cast<std::size_t>(first + j)] = right(spec, examples, Z + j * n, first + j) ? 1 : 0;
    }
  });
  double loss = 0, hit = 0, weight = 0;
  for (Index j = 0; j < m; ++j) {
    const double w = examples.weights == nullptr ? 1.0 : static_cast<double>(examples.weights[j]);
    if (w != 0) loss += w * losses[static_cast<std::size_t>(j)];
    hit += w * hits[static_cast<std::size_t>(j)];
    weight += w;
  }
  loss += penalty(network) * (network.scikit_learn_sums ? 1 : weight);
  return {loss / weight, labelled ? hit / weight : std::numeric_limits<double>::quiet_NaN()};
}

template <class T>
double gradient(const Network<T>& network, const Examples<T>& examples, T* out, int threads,
                const TrainingStep* training) {
  require(examples.count() >= 1, "gradients: X must have at least one example");
  const Plan plan = make_plan<T>(network.spec, examples.count(), nullptr, threads);
  Team team(plan.threads);
  Engine<T> engine(network, examples, plan, team);
  engine.load();
  engine.set_training(training);
  const double loss = engine.run(nullptr, 0, examples.count(), [] {});
  engine.gradient(out);
  return loss / engine.weight();
}

template <class T>
std::vector<Intermediate<T>> trace(const Network<T>& network, const Examples<T>& examples,
                                   const TrainingStep* training) {
  const Spec& spec = network.spec;
  const Index m = examples.count();
  const int L = spec.depth();
  require(m >= 1 && m <= 4096, "trace: X must have 1 to 4096 examples, got ",
          m);  // one slab: everything is still there
  const Plan plan = make_plan<T>(spec, m, nullptr, 1, true);
  Team team(plan.threads);
  Engine<T> engine(network, examples, plan, team);
  engine.load();
  engine.set_training(training);
  engine.run(nullptr, 0, m, [] {});
  const T scale = static_cast<T>(1 / engine.weight());
  std::vector<Intermediate<T>> all;
  const auto keep = [&](const char* kind, int l, Index rows, Index cols, T factor, auto element) {
    all.push_back({kind, l, rows, cols, Buffer<T>(rows * cols)});
    T* to = all.back().values.data();
    for (Index j = 0; j < cols; ++j) {
      for (Index i = 0; i < rows; ++i) *to++ = factor * element(i, j);
    }
  };
  const auto keep_columns = [&](const char* kind, int l, kernels::Columns<T> from, T factor) {
    keep(kind, l, spec.units(l), m, factor, [&](Index i, Index j) { return from.from(i)[j * from.ld]; });
  };
  const auto room = [&](int l) { return Buffer<T>(leading<T>(spec.units(l)) * m + kernels::Panels<T>::kWidth); };
  const auto whole = [&](const Buffer<T>& buffer, int l) {
    return kernels::Columns<T>{buffer.data(), leading<T>(spec.units(l)), kernels::kDepth};
  };
  keep_columns("A", 0, engine.A(0), T(1));
  for (int l = 0; l < L && training != nullptr; ++l) {
    if (spec.dropout(l) > 0) keep_columns("mask", l, engine.mask(l), T(1));
  }
  for (int l = 1; l <= L; ++l) {  // Z is overwritten by A in a step: the same product again, the same bits
    const PackedLayer<T>& layer = engine.layout().layer(l);
    const Buffer<T> Z = room(l);
    linear<T>(layer.n_in, layer.n_out, layer.left(engine.parameters()), engine.A(l - 1), m, whole(Z, l));
    keep_columns("Z", l, whole(Z, l), T(1));
    keep_columns("A", l, engine.A(l), T(1));
  }
  for (int l = L; l >= 1; --l) {
    const Index n = spec.units(l);
    const Buffer<T> dA = room(l);
    if (l == L) {  // the literal derivative of the loss
      const kernels::Columns<T> out = engine.A(L);
      Buffer<T> A(n * m), Y(n * m);
      gather_targets(examples, spec, nullptr, 0, m, Y.data());
      for (Index j = 0; j < m; ++j) std::copy_n(out.data + j * out.ld, n, A.data() + j * n);
      kernels::loss_gradient(spec.loss(), spec.loss_parameter(), n * m, A.data(), Y.data(), A.data());
      keep("dA", l, n, m, scale, [&](Index i, Index j) {
        return A.data()[j * n + i] * (examples.weights == nullptr ? T(1) : examples.weights[j]);
      });
    } else {
      linear<T>(spec.units(l + 1), n, engine.transposed(l + 1), engine.dZ(l + 1), m, whole(dA, l));
      keep_columns("dA", l, whole(dA, l), scale);
    }
    keep_columns("dZ", l, engine.dZ(l), scale);
  }
  Buffer<T> block(network.layout.size());
  engine.gradient(block.data());
  for (int l = 1; l <= L; ++l) {
    const View<T> W = weights(network.layout, block.data(), l), b = biases(network.layout, block.data(), l);
    keep("dW", l, W.rows, W.cols, T(1), W);
    keep("db", l, b.rows, 1, T(1), b);
    if (spec.layer(l).norm == Norm::none) continue;
    const View<T> more = tail(network.layout, block.data(), l);
    keep("dgamma", l, b.rows, 1, T(1), [&](Index i, Index) { return more(i, 1); });
    keep("dbeta", l, b.rows, 1, T(1), [&](Index i, Index) { return more(i, 2); });
    if (spec.layer(l).norm != Norm::batch) continue;
    const auto statistics = engine.statistics(l);
    keep("mean", l, b.rows, 1, T(1), [&](Index i, Index) { return statistics.mean[i]; });
    keep("variance", l, b.rows, 1, T(1), [&](Index i, Index) { return statistics.variance[i]; });
  }
  return all;
}

template int nonfinite_layer(const Network<float>&, const Inputs<float>&);
template int nonfinite_layer(const Network<double>&, const Inputs<double>&);
template class Predictor<float>;
template class Predictor<double>;
template void predict(const Network<float>&, const Inputs<float>&, View<float>, int);
template void predict(const Network<double>&, const Inputs<double>&, View<double>, int);
template Scores evaluate(const Network<float>&, const Examples<float>&, int);
template Scores evaluate(const Network<double>&, const Examples<double>&, int);
template double gradient(const Network<float>&, const Examples<float>&, float*, int, const TrainingStep*);
template double gradient(const Network<double>&, const Examples<double>&, double*, int, const TrainingStep*);
template std::vector<Intermediate<float>> trace(const Network<float>&, const Examples<float>&, const TrainingStep*);
template std::vector<Intermediate<double>> trace(const Network<double>&, const Examples<double>&, const TrainingStep*);

}  // namespace deepcore
