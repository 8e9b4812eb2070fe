// predict, nonfinite_layer and Predictor.
// Level: calls.
#include <deepcore/error.hpp>
#include <deepcore/network.hpp>
#include <deepcore/predictor.hpp>

#include "forward.hpp"
#include "kernels/columns.hpp"
#include "output.hpp"
#include "sizes.hpp"

#include <algorithm>
#include <chrono>

namespace deepcore {

namespace {

using Clock = std::chrono::steady_clock;

// The products of few examples wait for the weights. Where these exceed the second cache, threads share the units of a
// layer, and each reads its part only: one row of 784-512-256-10 takes 15 us on two threads and 24 on one.
constexpr Index kFew = 8;
constexpr double kReadBytes = 2e6;
// That needs workers that are awake. After a pause they sleep, and waking them takes as long as the call.
constexpr std::chrono::microseconds kLoop{100};

// Of workers that are kept and may sleep, each is to have some 4 Mflop at least.
int kept_team(int threads, double flops) { return team_size(threads, flops / 4); }

// Of workers that are awake, each is to read a megabyte of weights at least.
int sharing_team(int threads, double bytes) { return team_size(threads, bytes); }

// A of m examples from `first` on, from Z[L], which is overwritten; the mean over the members, if there are several. The
// columns are activated without gaps between them: otherwise a single output would take as long as a packet of them.
template <class T>
void activate(const Spec& spec, Index first, Index m, T* Z, View<T> A) {
  const LayerSpec& output = spec.layer(spec.depth());
  const Index n = spec.outputs(), members = spec.members();
  const bool direct = members == 1 && A.row_stride == 1 && A.col_stride == n;
  T* const own = direct ? A.data + first * n : Z;
  own_units(spec, {nullptr, 0, m * members, members}, static_cast<const T*>(Z), leading<T>(spec.units(spec.depth())),
            own);
  kernels::activate(output.activation, output.parameter, n, m * members, n, static_cast<const T*>(own), own);
  if (direct) return;
  if (members > 1) average_members(n, members, m, own);
  for (Index j = 0; j < m; ++j) {
    for (Index i = 0; i < n; ++i) A(i, first + j) = own[j * n + i];
  }
}

template <class T>
void run(Forward<T>& forward, Team& team, const Inputs<T>& X, View<T> A, bool by_units, const Poll& poll) {
  const Spec& spec = forward.spec();
  forward.reserve(team.size());
  const auto block = [&](Index first, Index m, int thread) {
    activate(spec, first, m, forward.logits(X, first, m, thread, nullptr, by_units ? &team : nullptr), A);
  };
  const bool one_block =
      team.size() == 1 && X.cols > 0 && X.cols <= forward_block(spec);  // nothing to share: 20 ns less
  if (by_units || one_block) return block(0, X.cols, 0);
  in_forward_blocks(team, spec, X.cols, poll, block);
}

}  // namespace

template <class T>
void predict(const Network<T>& network, const std::common_type_t<Inputs<T>>& X, View<T> A, int threads,
             const Poll& poll) {
  validate<T>("predict", network.spec, X);
  require(A.rows == network.spec.outputs() && A.cols == X.cols, "predict: out must have shape (", X.cols, ", ",
          network.spec.outputs(), "), got (", A.cols, ", ", A.rows, ")");
  Team team(call_team(threads, forward_flops(network.spec, X.cols)));
  const typename KeptWeights<T>::Use kept(network, X.cols);
  if (kept.get() != nullptr) return run(*kept.get(), team, X, A, false, poll);
  Forward<T> forward(network, team, X.cols > kUnpacked, X.cols);
  run(forward, team, X, A, false, poll);
}

template <class T>
int nonfinite_layer(const Network<T>& network, const std::common_type_t<Inputs<T>>& X) {
  validate<T>("nonfinite_layer", network.spec, X);
  Team alone(1);
  Forward<T> forward(network, alone, true);
  forward.reserve(1);
  const int none = network.spec.depth() + 1;
  int layer = none;
  const Index block = forward_block(network.spec);
  for (Index first = 0; first < X.cols && layer > 1; first += block)
    forward.logits(X, first, std::min(block, X.cols - first), 0, &layer);
  return layer == none ? 0 : layer;
}

template <class T>
struct Predictor<T>::State {
  State(const Network<T>& network, Weights weights) : forward(network, alone, true, kForwardBlock, weights) {
    forward.reserve(1);
  }

  // Kept between calls: a thread that sleeps costs nothing, one that is started costs as long as 4 Mflop.
  Team& workers(int size) {
    if (team == nullptr || team->size() < size || team->forked()) team = std::make_unique<Team>(size);
    return *team;
  }
  bool in_a_loop() const { return Clock::now() - last < kLoop; }

  Team alone{1};
  Forward<T> forward;
  std::unique_ptr<Team> team;
  Clock::time_point last{};  // when a call of few examples through many weights ended
};

template <class T>
Predictor<T>::Predictor(const Network<T>& network, Weights weights) : state_(new State(network, weights)) {}
template <class T>
Predictor<T>::Predictor(Predictor&&) noexcept = default;
template <class T>
Predictor<T>::~Predictor() = default;

template <class T>
void Predictor<T>::operator()(View<const T> X, View<T> A, int threads) {
  Forward<T>& forward = state_->forward;
  const auto bytes = static_cast<double>(forward.weight_bytes());
  const bool few = X.cols <= std::min(kFew, forward_block(forward.spec())) && bytes > kReadBytes;
  const int sharing = few && state_->in_a_loop() ? sharing_team(threads, bytes) : 1;
  const int size = sharing > 1 ? sharing : kept_team(threads, forward_flops(forward.spec(), X.cols));
  run<T>(forward, size == 1 ? state_->alone : state_->workers(size), X, A, sharing > 1, {});
  if (few) state_->last = Clock::now();
}
template <class T>
Index Predictor<T>::inputs() const {
  return state_->forward.spec().columns();
}
template <class T>
Index Predictor<T>::outputs() const {
  return state_->forward.spec().outputs();
}

#define DEEPCORE_INSTANTIATE(T)                                                          \
  template void predict(const Network<T>&, const Inputs<T>&, View<T>, int, const Poll&); \
  template int nonfinite_layer(const Network<T>&, const Inputs<T>&);                     \
  template class Predictor<T>;
DEEPCORE_INSTANTIATE(float)
DEEPCORE_INSTANTIATE(double)
#undef DEEPCORE_INSTANTIATE

}  // namespace deepcore
