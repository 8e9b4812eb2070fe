// train_many: the threads of one team share the work by whole runs.
// Level: calls.
#include <deepcore/error.hpp>
#include <deepcore/many.hpp>

#include "evaluate.hpp"
#include "run.hpp"
#include "sizes.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <exception>
#include <limits>
#include <mutex>
#include <numeric>
#include <thread>

namespace deepcore {

namespace {

constexpr std::chrono::milliseconds kWait{1};  // between two checks of the calling thread whether the others are done

struct EndOfRun {};  // a poll throws it to end a run: its monitor asks for it, or another network has failed

// Compares the loss or a score of every epoch with the best one so far, and keeps the parameters of the best epoch.
template <class T>
class BestEpoch {
 public:
  explicit BestEpoch(const EarlyStop& rule)
      : rule_(rule),
        best_(rule.upwards ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity()) {}

  // Returns true if the last improvement was too long ago.
  bool add(double loss, const Scores& validation, const Network<T>& network) {
    const double value = value_of(loss, validation);
    const double gain = rule_.upwards ? value - best_ : best_ - value;
    if (gain > rule_.min_delta) {
      best_ = value;
      best_epoch_ = epoch_;
      if (rule_.restore) keep(network);
    }
    return epoch_++ - best_epoch_ >= rule_.patience;
  }

  void restore(Network<T>& network) const {
    network.sharing.write([&] {
      std::copy(parameters_.begin(), parameters_.end(), network.parameters.data());
      std::copy(running_.begin(), running_.end(), network.running.data());
    });
  }

 private:
  double value_of(double loss, const Scores& validation) const {
    switch (rule_.number) {
      case EarlyStop::Number::validation_loss:
        return validation.loss;
      case EarlyStop::Number::validation_accuracy:
        return validation.accuracy;
      case EarlyStop::Number::loss:
        break;
    }
    return loss;
  }

  void keep(const Network<T>& network) {
    parameters_.assign(network.parameters.data(), network.parameters.data() + network.tensors.size());
    running_.assign(network.running.data(), network.running.data() + network.tensors.running_size());
  }

  const EarlyStop rule_;
  double best_;
  Index epoch_ = 0, best_epoch_ = -1;
  std::vector<T> parameters_, running_;
};

// Runs the training of one network: its epochs, its validation and its early stopping.
template <class T>
class Member final : public Monitor {
 public:
  Member(Index which, const Training<T>& training, int threads, ManyMonitor& monitor, std::atomic<Index>& epochs)
      : which_(which), training_(training), threads_(threads), monitor_(monitor), epochs_(epochs) {}

  void run(const Poll& poll) {
    TrainOptions options = training_.options;
    options.threads = threads_;
    if (training_.early_stop) best_.emplace(*training_.early_stop);
    Network<T>& network = *training_.network;
    const Trainer<T> trainer(network);
    Run<T> run(network, training_.examples, *training_.optimizer, options, *this);
    try {
      while (run.advance(poll)) {
        if (!monitor_.wants_pause(which_)) continue;
        run.pause();
        if (ended_) break;
      }
    } catch (...) {
      finish(run);
      throw;
    }
    finish(run);
  }

  TrainingResult result;

 private:
  bool validates() const { return training_.validation.count() > 0; }
  bool wants_epochs() const override {
    return validates() || best_ || monitor_.wants_progress() || monitor_.wants_epochs(which_);
  }

  bool epoch(Index number, double loss) override {
    Scores scores{};
    if (validates()) scores = validation();
    bool stop = best_ && best_->add(loss, scores, *training_.network);
    epochs_.fetch_add(1, std::memory_order_relaxed);
    if (monitor_.wants_epochs(which_))
      stop = monitor_.epoch(which_, number, loss, validates() ? &scores : nullptr) || stop;
    return stop;
  }

  void pause() override { ended_ = monitor_.pause(which_); }

  Scores validation() {
    const Index m = training_.validation_rows == nullptr ? training_.validation.count() : training_.validation_count;
    const Scores scores =
        evaluate(*training_.network, training_.validation, {training_.validation_rows, 0, m}, one_thread_, {});
    result.validation_losses.push_back(scores.loss);
    result.validation_accuracies.push_back(scores.accuracy);
    return scores;
  }

  void finish(Run<T>& run) {
    run.publish();
    if (best_) best_->restore(*training_.network);
    result.training = run.take_result();
  }

  const Index which_;
  const Training<T>& training_;
  const int threads_;
  ManyMonitor& monitor_;
  std::atomic<Index>& epochs_;
  std::optional<BestEpoch<T>> best_;
  bool ended_ = false;  // by a pause
  Team one_thread_{1};
};

// The runs of a call, and the threads that share them.
template <class T>
class Members {
 public:
  Members(const std::vector<Training<T>>& trainings, int threads, ManyMonitor& monitor)
      : trainings_(trainings), monitor_(monitor), order_(trainings.size()),
        team_(static_cast<int>(std::min<Index>(threads, size()))) {
    const int threads_of_one = std::max(1, threads / static_cast<int>(std::max<Index>(1, size())));
    for (Index i = 0; i < size(); ++i) members_.emplace_back(i, at(i), threads_of_one, monitor, epochs_);
    // The longest run starts first, so that no thread begins a long run when the others are about to end.
    std::iota(order_.begin(), order_.end(), Index{0});
    std::stable_sort(order_.begin(), order_.end(), [&](Index a, Index b) { return flops(a) > flops(b); });
  }

  void run() {
    team_.for_each(team_.size(), [&](Index, int) {
      if (std::this_thread::get_id() == caller_) {
        train_in_turn([&] { poll_as_caller(); });
        wait_for_others();
      } else {
        train_in_turn([&] { poll_as_worker(); });
      }
    });
    if (failed_) raise();
  }

  std::vector<TrainingResult> results() {
    std::vector<TrainingResult> out;
    for (Member<T>& member : members_) out.push_back(std::move(member.result));
    return out;
  }

 private:
  Index size() const { return static_cast<Index>(trainings_.size()); }
  const Training<T>& at(Index i) const { return trainings_[static_cast<std::size_t>(i)]; }

  double flops(Index i) const {
    const Training<T>& t = at(i);
    const Index m = t.options.rows == nullptr ? t.examples.count() : t.options.row_count;
    return step_flops(t.network->spec, m) * static_cast<double>(t.options.epochs);
  }

  template <class F>
  void train_in_turn(const F& poll) noexcept {  // one network after the other that no other thread has taken
    for (;;) {
      const Index next = next_.fetch_add(1);
      if (next >= size() || failed_) return;
      train(order_[static_cast<std::size_t>(next)], poll);
      done_.fetch_add(1);
    }
  }

  template <class F>
  void train(Index which, const F& poll) noexcept {
    PollTimer timer;
    const bool wants_polls = monitor_.wants_polls(which);
    try {
      members_[static_cast<std::size_t>(which)].run([&] {
        poll();
        if (wants_polls && timer.due() && monitor_.stops(which)) throw EndOfRun{};
      });
    } catch (const EndOfRun&) {
      return;
    } catch (...) {
      fail(which);
    }
  }

  void poll_as_worker() const {
    if (failed_.load(std::memory_order_relaxed)) throw EndOfRun{};
  }

  void poll_as_caller() {
    poll_as_worker();
    if (timer_.due()) monitor_.poll(done_.load(), epochs_.load());
  }

  // When the calling thread has no more networks to train, it still checks for interrupts until the others are done.
  void wait_for_others() noexcept {
    while (done_ < size() && !failed_) {
      std::this_thread::sleep_for(kWait);
      try {
        poll_as_caller();
      } catch (const EndOfRun&) {
        return;
      } catch (...) {
        fail(-1);
      }
    }
  }

  void fail(Index which) noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (failed_) return;
    failure_ = std::current_exception();
    which_failed_ = which;
    failed_ = true;
  }

  [[noreturn]] void raise() {
    const std::exception_ptr failure = std::move(failure_);
    try {
      std::rethrow_exception(failure);
    } catch (const std::invalid_argument& error) {
      if (which_failed_ < 0) throw;  // the monitor threw it
      throw std::invalid_argument(text("fit_many: network ", which_failed_, ": ", error.what()));
    }
  }

  const std::vector<Training<T>>& trainings_;
  ManyMonitor& monitor_;
  std::deque<Member<T>> members_;
  std::vector<Index> order_;
  Team team_;
  const std::thread::id caller_ = std::this_thread::get_id();
  PollTimer timer_;
  std::atomic<Index> next_{0}, done_{0}, epochs_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::exception_ptr failure_;
  Index which_failed_ = -1;
};

template <class T>
void check_validation(const char* who, const Training<T>& training) {
  const Index m = training.validation.count();
  if (m == 0) {
    require(!training.early_stop || training.early_stop->number == EarlyStop::Number::loss, who,
            ": early stopping by a number of validation examples needs validation examples");
    return;
  }
  validate(who, training.network->spec, training.validation);
  require(training.validation.loss.value == nullptr, who,
          ": the loss of the validation must be that of the network, got a custom loss");
  if (training.validation_rows != nullptr)
    check_rows(who, "validation_rows", training.validation, training.validation_rows, training.validation_count);
}

}  // namespace

template <class T>
std::vector<TrainingResult> train_many(const std::vector<Training<T>>& trainings, int threads, ManyMonitor& monitor) {
  std::deque<Exclusive> held;
  for (std::size_t i = 0; i < trainings.size(); ++i) {
    const Training<T>& training = trainings[i];
    const std::string who = text("fit_many: network ", i);
    require(training.network != nullptr && training.optimizer != nullptr, who, ": needs a network and an optimizer");
    check_run(who.c_str(), *training.network, training.examples, *training.optimizer, training.options);
    check_validation(who.c_str(), training);
    try {
      held.emplace_back(training.network->busy, kNetworkBusy);
      held.emplace_back(training.optimizer->busy, kOptimizerBusy);
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(text(who, ": ", error.what()));
    }
  }
  constexpr double kEnough = 1e30;  // flops: whole runs are enough work for any number of threads
  Members<T> members(trainings, team_size(threads, kEnough), monitor);
  members.run();
  return members.results();
}

template std::vector<TrainingResult> train_many(const std::vector<Training<float>>&, int, ManyMonitor&);
template std::vector<TrainingResult> train_many(const std::vector<Training<double>>&, int, ManyMonitor&);

}  // namespace deepcore
