// Timers is the sidecar's seam to the loop's timers, so that tests move time by hand.
// LoopTimers is the real one. The loop's thread only.

#pragma once

#include <chrono>
#include <functional>

#include "daemon/event_loop.h"

namespace leadline {

class Timers {
 public:
  virtual ~Timers() = default;

  // Runs `work` once, after `delay`.
  virtual TimerId call_after(std::chrono::milliseconds delay, std::function<void()> work) = 0;

  // Forgets a pending call. 0 and calls that have already run are fine.
  virtual void cancel(TimerId timer) = 0;
};

class LoopTimers final : public Timers {
 public:
  explicit LoopTimers(EventLoop& loop) : loop_(loop) {}

  TimerId call_after(std::chrono::milliseconds delay, std::function<void()> work) override {
    return loop_.call_after(delay, std::move(work));
  }
  void cancel(TimerId timer) override { loop_.cancel(timer); }

 private:
  EventLoop& loop_;
};

}  // namespace leadline
