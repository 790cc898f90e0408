// StallingProxy stands between the adapter and one sidecar and can hold back the body of every
// answer after its head was sent on: what a node in trouble does. One thread per connection; at
// most a few, since the adapter keeps one. Thread-safe.

#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace leadline {

class StallingProxy {
 public:
  // Listens at `address`:`port` and passes on to `upstream`:`port`. Throws where it cannot listen.
  StallingProxy(const std::string& address, const std::string& upstream, int port);
  ~StallingProxy();
  StallingProxy(const StallingProxy&) = delete;
  StallingProxy& operator=(const StallingProxy&) = delete;

  // How long bodies lie here from now on.
  void stall(std::chrono::milliseconds delay) { stall_ms_ = static_cast<int>(delay.count()); }

  // Answers with a body that were held back.
  [[nodiscard]] int stalled() const { return stalled_; }

 private:
  void accept_all();
  void serve(int client);
  bool pass_answer(int from, int to);
  void hold_back();

  std::string upstream_;
  int port_;
  int listener_ = -1;
  std::atomic<int> stall_ms_ = 0;
  std::atomic<int> stalled_ = 0;
  std::atomic<bool> running_ = true;
  std::vector<std::thread> connections_;  // touched by the accepting thread, then by the destructor
  std::thread accepting_;
};

}  // namespace leadline
