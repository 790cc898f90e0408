// EventLoop is one thread's loop: timers, posted work, stop signals, and the sockets of the
// HttpServer and HttpConnections that are made on it. Each daemon thread that waits for anything
// owns one.
//
// Thread-safety: post() and stop() may be called from any thread, the rest from the loop's own
// thread (or before run()). Everything made on a loop must be destroyed before it, or never called
// again. The loop is Boost.Asio's io_context; this header hides it, since Asio costs seconds to
// compile.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace leadline {

// Names one pending call_after. 0 names none, so that a member can start as "no timer".
using TimerId = std::uint64_t;

class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs handlers until stop(). A handler that throws ends the process with kExitInternalError: a
  // daemon that half-works is worse than one that its supervisor restarts.
  void run();

  // Makes run() return after the handler it is in. Work still pending is dropped with the loop.
  void stop();

  // Runs `work` on the loop's thread, soon, in the order of posting.
  void post(std::function<void()> work);

  // Runs `work` once, after `delay`.
  TimerId call_after(std::chrono::milliseconds delay, std::function<void()> work);

  // Forgets a pending call. 0 and calls that have already run are fine.
  void cancel(TimerId timer);

  // Calls `work` at each SIGTERM or SIGINT. One loop of a process may ask for it.
  void on_stop_signal(std::function<void()> work);

  // For daemon/'s own files that speak Asio (daemon/asio_loop.h).
  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace leadline
