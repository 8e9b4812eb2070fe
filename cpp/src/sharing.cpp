// Sharing: a lock for many readers and one writer, and the copy that other threads read while one trains.
// Level: state.
#include <deepcore/network.hpp>
#include <deepcore/sharing.hpp>

#include "platform.hpp"

#include <algorithm>
#include <new>

namespace deepcore {

namespace {

// While no other thread reads, at most 1 / kShareOfTime of the time is spent on writing values to the network.
constexpr int kShareOfTime = 100;

// A reader waits at most this long for the end of the current epoch. Only the first one of a training has to wait: then
// every epoch is written.
constexpr std::chrono::seconds kLongestWait{1};

// The innermost Reader of this thread. If a signal handler trains a network during a prediction of the same thread with
// it, the writer must not wait for that prediction; but it waits for the Readers of the network in other threads.
thread_local const ReaderLink* innermost = nullptr;

int readers_here(const void* sharing) {
  int count = 0;
  for (const ReaderLink* link = innermost; link != nullptr; link = link->outer)
    count += link->counted && link->sharing == sharing ? 1 : 0;
  return count;
}

template <class T>
void copy_values(const Network<T>& from, Network<T>& to) {
  std::copy_n(from.parameters.data(), from.tensors.size(), to.parameters.data());
  std::copy_n(from.running.data(), from.tensors.running_size(), to.running.data());
  to.epochs = from.epochs;
}

}  // namespace

template <class T>
Sharing<T>::Sharing() : forks_(platform::forks()) {}

template <class T>
std::unique_lock<std::mutex> Sharing<T>::locked() {
  if (forks_ != platform::forks()) after_fork();
  return std::unique_lock<std::mutex>(guard_->mutex);
}

// Repairs the state in a forked child: the threads that held the mutex, read or trained exist only in the parent
// process.
template <class T>
void Sharing<T>::after_fork() {
  forks_ = platform::forks();
  [[maybe_unused]] Guard* const lost = guard_.release();
  guard_ = std::make_unique<Guard>();
  readers_ = writers_ = 0;
  if (!training_ || trainer_ == std::this_thread::get_id()) return;
  if (change_ != nullptr) (*change_)();  // repeats the write: the child has a copy of the stack that it reads
  if (shared_ && copy_ != nullptr) copy_values(*copy_, *network_);
  close();
}

template <class T>
void Sharing<T>::close() noexcept {
  training_ = shared_ = unshared_ = false;
  network_ = nullptr;
  change_ = nullptr;
  copy_.reset();
  kept_ = false;
}

template <class T>
std::uint64_t Sharing<T>::begin(Network<T>& network) {
  const auto lock = locked();
  if (training_ && trainer_ == std::this_thread::get_id()) return 0;
  close();
  training_ = true;
  trainer_ = std::this_thread::get_id();
  network_ = &network;
  watched_ = false;
  finished_ = written_ = 0;
  cost_ = {};
  last_ = {};
  return ++trainings_;
}

template <class T>
void Sharing<T>::end(std::uint64_t training) noexcept {
  {
    const auto lock = locked();
    if (!training_ || training != trainings_) return;
    close();
  }
  guard_->changed.notify_all();
}

template <class T>
void Sharing<T>::abandon() noexcept {
  end(trainings_);
}

template <class T>
bool Sharing<T>::epoch_is_due(bool unshares) {
  const auto lock = locked();
  if (shared_) {
    if (!unshares) return false;
    shared_ = false;
    unshared_ = true;
    last_ = {};  // the copy is that of an earlier epoch: this one is due
  }
  ++finished_;
  return watched_ || Clock::now() - last_ >= kShareOfTime * cost_;
}

template <class T>
void Sharing<T>::update_copy(const Network<T>& network) {
  // Readers release the copy under the mutex, so that use_count() is exact here.
  if (copy_ == nullptr || kept_ || copy_.use_count() > 1) copy_ = std::make_shared<Network<T>>(network.spec);
  kept_ = false;
  copy_values(network, *copy_);
  copied_ = version_;
}

template <class T>
void Sharing<T>::wait_for_readers(std::unique_lock<std::mutex>& lock) {
  ++writers_;
  guard_->changed.wait(lock, [this] { return readers_ <= readers_here(this); });
  --writers_;
}

template <class T>
std::uint64_t Sharing<T>::changes() {
  const auto lock = locked();
  return version_;
}

template <class T>
std::optional<std::uint64_t> Sharing<T>::changes_unless_training() {
  const auto lock = locked();
  if (training_) return std::nullopt;
  return version_;
}

template <class T>
void Sharing<T>::share() {
  auto lock = locked();
  if (!training_) return;
  wait_for_readers(lock);
  ++version_;
  shared_ = false;
  update_copy(*network_);
  shared_ = true;
  unshared_ = false;
}

template <class T>
void Sharing<T>::share_again() noexcept {
  auto lock = locked();
  if (!training_ || !unshared_) return;
  wait_for_readers(lock);
  try {
    update_copy(*network_);
    shared_ = true;
  } catch (const std::bad_alloc&) {
    shared_ = copy_ != nullptr;  // that of an earlier epoch stays
  }
  unshared_ = false;
}

template <class T>
void Sharing<T>::write(const std::function<void()>& change) {
  {
    auto lock = locked();
    wait_for_readers(lock);
    const auto before = Clock::now();
    change_ = &change;
    change();
    change_ = nullptr;
    last_ = Clock::now();
    cost_ = last_ - before;
    ++version_;
    written_ = finished_.load();
  }
  guard_->changed.notify_all();
}

template <class T>
typename Sharing<T>::Access Sharing<T>::enter(const Network<T>& network) {
  auto lock = locked();
  if (training_ && trainer_ == std::this_thread::get_id()) return {};
  // A thread that reads another network does not wait here: the writer might wait for that Reader.
  guard_->changed.wait(lock, [this] { return training_ || writers_ == 0 || innermost != nullptr; });
  if (!training_) {
    ++readers_;
    return {nullptr, true};
  }
  watched_ = true;
  const auto up_to_date = [this] { return !training_ || shared_ || written_ == finished_; };
  if (!up_to_date()) guard_->changed.wait_for(lock, kLongestWait, up_to_date);
  if (!training_) {
    ++readers_;
    return {nullptr, true};
  }
  if (!shared_ && (copy_ == nullptr || copied_ != version_)) update_copy(network);
  return {copy_, false};
}

template <class T>
void Sharing<T>::leave(Access& access) noexcept {
  {
    const auto lock = locked();
    access.copy.reset();
    if (!access.counted) return;
    readers_ = std::max(readers_ - 1, 0);  // it is 0 already if the process was forked since enter()
  }
  guard_->changed.notify_all();
}

template <class T>
void Sharing<T>::keep(const std::shared_ptr<const Network<T>>& copy) {
  const auto lock = locked();
  kept_ = kept_ || copy == copy_;
}

ReaderLink::ReaderLink(const void* s) : sharing(s), outer(innermost) { innermost = this; }

ReaderLink::~ReaderLink() { innermost = outer; }

template <class T>
Reader<T>::Reader(const Network<T>& network)
    : network_(network), access_(network.sharing.enter(network)), link_(&network.sharing) {
  link_.counted = access_.counted;
}

template <class T>
Reader<T>::~Reader() {
  if (access_.counted || access_.copy) network_.sharing.leave(access_);
}

template <class T>
std::shared_ptr<const Network<T>> Reader<T>::copy() const {
  if (access_.copy) network_.sharing.keep(access_.copy);
  return access_.copy;
}

template <class T>
Trainer<T>::Trainer(Network<T>& network) : network_(network), number_(network.sharing.begin(network)) {
  network.kept.drop();
}

template <class T>
void Trainer<T>::end() noexcept {
  if (number_ != 0) network_.sharing.end(number_);
  number_ = 0;
}

template class Sharing<float>;
template class Sharing<double>;
template class Reader<float>;
template class Reader<double>;
template class Trainer<float>;
template class Trainer<double>;

}  // namespace deepcore
