// Sharing: while one thread trains a network, other threads read the parameters of its last finished epoch.
// Public header, standard library only.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

namespace deepcore {

template <class T>
struct Network;

// Lets one thread write the parameters and running statistics of a network (below: its values) while others read them.
// Every network has one Sharing. A copy of a network gets a new one, without readers and without a training.
//
// The values of the network change in write() only, so that no thread reads a part of a change. The exception is
// share(): from then on the other threads read a copy, and the thread that trains may change the network itself at any
// time.
template <class T>
class Sharing {
 public:
  Sharing();
  Sharing(const Sharing&) : Sharing() {}
  Sharing& operator=(const Sharing&) { return *this; }  // NOLINT(bugprone-unhandled-self-assignment): changes nothing
  ~Sharing() = default;

  // Marks the calling thread as the one that trains the network. Returns the number of this training for end(), or 0 if
  // the thread is training the network already.
  std::uint64_t begin(Network<T>& network);
  void end(std::uint64_t training) noexcept;  // does nothing if this training has ended
  void abandon() noexcept;                    // ends the current training, whose thread no longer trains
  // Counts an epoch that has no callback. Returns true if the run should now write its values into the network, because
  // another thread reads them or because the last write was long ago. After share() it returns false, unless `unshares`:
  // then the values change in write() only, as before share().
  bool epoch_is_due(bool unshares = false);
  // Copies the current values for the other threads. From now on, the thread that trains may change the values of the
  // network without write().
  void share();
  void share_again() noexcept;  // share(), if epoch_is_due() has ended what it began
  // Waits until no thread reads the network itself, then calls `change`, which writes the new values.
  void write(const std::function<void()>& change);
  std::uint64_t changes();                                 // grows whenever the values of the network may have changed
  std::optional<std::uint64_t> changes_unless_training();  // nothing while a thread trains the network

 private:
  template <class U>
  friend class Reader;
  using Clock = std::chrono::steady_clock;
  struct Guard {
    std::mutex mutex;
    std::condition_variable changed;
  };
  struct Access {                            // what one Reader reads
    std::shared_ptr<const Network<T>> copy;  // null: the network itself
    bool counted = false;                    // whether readers_ counts this Reader
  };

  Access enter(const Network<T>& network);
  void leave(Access& access) noexcept;
  void keep(const std::shared_ptr<const Network<T>>& copy);
  std::unique_lock<std::mutex> locked();
  void wait_for_readers(std::unique_lock<std::mutex>& lock);
  void update_copy(const Network<T>& network);
  void after_fork();
  void close() noexcept;

  std::unique_ptr<Guard> guard_ = std::make_unique<Guard>();
  int readers_ = 0;  // Readers of the network itself
  int writers_ = 0;  // calls of write() and share() that wait for readers_
  std::uint64_t trainings_ = 0;
  bool training_ = false;          // a thread trains the network
  bool shared_ = false;            // share() was called in this training
  bool unshared_ = false;          // since then, epoch_is_due() has ended what it began
  std::thread::id trainer_;        // the thread that trains
  Network<T>* network_ = nullptr;  // null: no thread trains it
  std::shared_ptr<Network<T>> copy_;
  bool kept_ = false;                              // copy_ may outlive its Reader, and must not change any more
  std::uint64_t version_ = 0, copied_ = 0;         // number of the values of the network, and of those in copy_
  const std::function<void()>* change_ = nullptr;  // the argument of the write() that is running
  std::atomic<bool> watched_{false};               // another thread has read during this training
  std::atomic<std::uint64_t> finished_{0};         // finished epochs of this training
  std::atomic<std::uint64_t> written_{0};          // of these, epochs whose values are in the network
  Clock::time_point last_;                         // end of the last write
  Clock::duration cost_{};                         // duration of the last write
  int forks_;                                      // platform::forks() of the process that uses the mutex
};

// Links the Readers of one thread, from the innermost to the outermost one.
struct ReaderLink {
  explicit ReaderLink(const void* sharing);
  ReaderLink(const ReaderLink&) = delete;
  ReaderLink& operator=(const ReaderLink&) = delete;
  ~ReaderLink();
  const void* sharing;      // of the network that the Reader reads
  bool counted = false;     // whether Sharing counts the Reader
  const ReaderLink* outer;  // null: this one is the outermost
};

// Gives the calling thread read access to a network: to the network itself, or, while another thread trains it, to a
// copy of its last finished epoch. The values do not change while the Reader lives, unless the calling thread changes
// them.
template <class T>
class Reader {
 public:
  explicit Reader(const Network<T>& network);
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader();
  const Network<T>& operator*() const { return access_.copy ? *access_.copy : network_; }
  const Network<T>* operator->() const { return &**this; }
  std::shared_ptr<const Network<T>> copy() const;  // may outlive the Reader; null: the Reader reads the network itself

 private:
  const Network<T>& network_;
  typename Sharing<T>::Access access_;
  ReaderLink link_;
};

// Marks the calling thread as the one that trains a network, until end() or the destructor.
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
