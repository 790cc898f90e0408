// LoopThread runs an EventLoop in a thread of its own; call() runs work there and waits for it.
// Objects made on the loop are made and destroyed through call().

#pragma once

#include <future>
#include <stdexcept>
#include <thread>
#include <type_traits>

#include "daemon/event_loop.h"

namespace leadline::test {

// Waits ten seconds at most, so that a callback that never comes fails its test.
template <typename T>
T await(std::future<T>& future) {
  if (future.wait_for(std::chrono::seconds(10)) != std::future_status::ready) {
    throw std::runtime_error("nothing came within ten seconds");
  }
  return future.get();
}

class LoopThread {
 public:
  LoopThread() : thread_([this] { loop_.run(); }) {}
  ~LoopThread() {
    loop_.stop();
    thread_.join();
  }
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  EventLoop& loop() { return loop_; }

  template <typename Work>
  auto call(Work work) -> std::invoke_result_t<Work> {
    std::packaged_task<std::invoke_result_t<Work>()> task(std::move(work));
    auto result = task.get_future();
    loop_.post([&task] { task(); });
    return result.get();
  }

 private:
  EventLoop loop_;
  std::thread thread_;
};

}  // namespace leadline::test
