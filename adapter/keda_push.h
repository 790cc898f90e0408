// KedaPush decides when an open StreamIsActive says `true`. KEDA ignores `false` there and writes
// the ScaledObject's status at each `true`, so we say it when it becomes true, and again only
// while a workload without pods still waits to be woken: KEDA drops a wake-up that comes before
// its first reconciliation. Pure; one per stream. Source: contracts/keda.md §1.3.

#pragma once

#include <chrono>

#include "base/clock.h"

namespace leadline {

class KedaPush {
 public:
  static constexpr std::chrono::seconds kHeartbeat{5};

  // Whether to send `true` now, which is then taken as sent.
  [[nodiscard]] bool due(bool active, bool at_zero, SteadyTime now) {
    const bool edge = active && !was_active_;
    was_active_ = active;
    if (!edge && !(active && at_zero && now - sent_ >= kHeartbeat)) return false;
    sent_ = now;
    return true;
  }

 private:
  bool was_active_ = false;
  SteadyTime sent_;
};

}  // namespace leadline
