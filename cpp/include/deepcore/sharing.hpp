// Sharing: while one thread trains a network, other threads read the numbers of its last finished epoch.
// Public header, standard library only.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace deepcore {

template <class T>
struct Network;

// Belongs to one network, and copies with it as one that nobody uses. The numbers of the network change in write() only, so
// they are those of a finished epoch at any time; except after share(), when the others have a copy of their own.
template <class T>
class Sharing {
 public:
  Sharing() = default;
  Sharing(const Sharing&) {}
  Sharing& operator=(const Sharing&) { return *this; }  // NOLINT(bugprone-unhandled-self-assignment): changes nothing
  ~Sharing() = default;

  // For the thread that trains. begin: the number of the training, or 0 if this thread is training the network already.
  std::uint64_t begin(Network<T>& network);
  void end(std::uint64_t training) noexcept;  // nothing if it has ended
  void abandon() noexcept;                    // ends whatever training there is: its thread does not train any more
  // An epoch has ended that nobody was told of: true if its numbers should be written for those who read.
  bool epoch_is_due();
  // The others get a copy of the numbers as they are now. From here on, whoever trains may change the network's own numbers,
  // also without write().
  void share();
  // Waits for those who read the network's own numbers, then calls `change`, which writes them.
  void write(const std::function<void()>& change);
  std::uint64_t changes();  // another number: the network's own numbers may have changed meanwhile

 private:
  template <class U>
  friend class Reader;
  using Clock = std::chrono::steady_clock;
  struct Guard {
    std::mutex mutex;
    std::condition_variable changed;
  };
  struct Seen {
    std::shared_ptr<const Network<T>> copy;  // null: the network itself
    bool counted = false;                    // among the readers of the network itself
  };

  Seen enter(const Network<T>& network);
  void leave(Seen& seen) noexcept;
  void keep(const std::shared_ptr<const Network<T>>& copy);
  std::unique_lock<std::mutex> locked();
  void wait_for_readers(std::unique_lock<std::mutex>& lock);
  void refresh(const Network<T>& network);
  void after_fork();
  void close() noexcept;

  std::unique_ptr<Guard> guard_ = std::make_unique<Guard>();
  int readers_ = 0, writers_ = 0;  // of the network's own numbers: at work, and waiting
  std::uint64_t trainings_ = 0;
  bool training_ = false, shared_ = false;
  std::thread::id trainer_;
  Network<T>* network_ = nullptr;  // while it is trained
  std::shared_ptr<Network<T>> copy_;
  bool kept_ = false;  // somebody has the copy for longer than a Reader lives, so it does not change any more
  std::uint64_t version_ = 0, copied_ = 0;               // of the numbers, and of those in copy_
  const std::function<void()>* change_ = nullptr;        // at work
  std::atomic<bool> watched_{false};                     // another thread has looked during this training
  std::atomic<std::uint64_t> finished_{0}, written_{0};  // epochs of this training
  Clock::time_point last_;                               // write
  Clock::duration cost_{};                               // of the last write
  int forks_ = 0;
};

// What the calling thread may read of a network: the network itself, or while another thread trains it the numbers of its
// last finished epoch.
template <class T>
class Reader {
 public:
  explicit Reader(const Network<T>& network);
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader();
  const Network<T>& operator*() const { return seen_.copy ? *seen_.copy : network_; }
  const Network<T>* operator->() const { return &**this; }
  std::shared_ptr<const Network<T>> copy() const;  // for as long as the caller likes; null: the network itself

 private:
  const Network<T>& network_;
  typename Sharing<T>::Seen seen_;
};

// The calling thread trains a network while this lives.
template <class T>
class Trainer {
 public:
  explicit Trainer(Network<T>& network);
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;
  ~Trainer() { end(); }
  void end() noexcept;

 private:
  Network<T>& network_;
  std::uint64_t number_;
};

}  // namespace deepcore
