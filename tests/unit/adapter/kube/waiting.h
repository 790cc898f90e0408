// Waits for what other threads do, without a sleep: ten seconds at most.

#pragma once

#include "tests/unit/daemon/loop_thread.h"

namespace leadline::test {

class Waiting {
 protected:
  // Looks every 5 ms until `holds`.
  template <typename Condition>
  bool eventually(Condition holds) {
    for (int i = 0; i < 2'000; ++i) {
      if (holds()) return true;
      pass(std::chrono::milliseconds{5});
    }
    return false;
  }

  // Whether `holds` all through `time`.
  template <typename Condition>
  bool stays(std::chrono::milliseconds time, Condition holds) {
    for (auto left = time; left.count() > 0; left -= std::chrono::milliseconds{5}) {
      if (!holds()) return false;
      pass(std::chrono::milliseconds{5});
    }
    return true;
  }

 private:
  void pass(std::chrono::milliseconds time) {
    std::promise<void> later;
    auto waited = later.get_future();
    thread_.call([&] { thread_.loop().call_after(time, [&] { later.set_value(); }); });
    waited.get();
  }

  LoopThread thread_;
};

}  // namespace leadline::test
