// Every is something that happens each `period`, first at once; after a pause it does not catch up.

#pragma once

#include <chrono>

#include "base/clock.h"

namespace leadline {

class Every {
 public:
  explicit Every(std::chrono::milliseconds period) : period_(period) {}

  [[nodiscard]] bool due(SteadyTime now) {
    if (now < next_) return false;
    next_ = now + period_;
    return true;
  }

 private:
  std::chrono::milliseconds period_;
  SteadyTime next_;
};

}  // namespace leadline
