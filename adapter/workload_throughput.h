// WorkloadThroughput is how many requests one replica of a workload finishes a second, as its
// engines' sidecars measured it: by the newest view, and remembered for an hour, so that a workload
// without pods has one too. Used by QueueAnswers. Thread-safe.
//
// A replica with little to do finishes little, and one that has just started even less; that says
// nothing of what it can do. So of the ten minutes before the newest measurement the best counts.

#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "adapter/view.h"
#include "base/clock.h"
#include "base/result.h"

namespace leadline {

struct WorkloadName {
  std::string kind;  // "Deployment"
  std::string namespace_name, name;
  auto operator<=>(const WorkloadName&) const = default;
};

struct ReplicaThroughput {
  double requests_per_second = 0;  // of one replica, > 0
  SteadyTime measured_at;          // of the newest measurement, which need not be the best one
};

class WorkloadThroughput {
 public:
  static constexpr std::chrono::minutes kBestOf{10};
  static constexpr std::chrono::minutes kForgetAfter{60};
  // Finished requests of a shorter time say too little of a minute.
  static constexpr std::chrono::seconds kLeastSpan{30};

  // `views` outlives it.
  explicit WorkloadThroughput(const ViewCell& views) : views_(views) {}

  // Measures now, and gives what is known. kUnavailable: nothing was measured within the hour.
  // Each workload is remembered: REQUIRES: as many as a configuration names.
  [[nodiscard]] Result<ReplicaThroughput> of(const WorkloadName& workload, SteadyTime now);

 private:
  // The best of one minute.
  struct Minute {
    SteadyTime begin;
    ReplicaThroughput best;
  };
  using Minutes = std::deque<Minute>;
  static void remember(Minutes& minutes, double measured, SteadyTime now);

  const ViewCell& views_;
  std::mutex mutex_;
  std::map<WorkloadName, Minutes> known_;
};

// The mean over the workload's pods that finished a request within the last 60 s; nullopt: none
// did, or none is known. Pure.
[[nodiscard]] std::optional<double> replica_throughput(const View& view,
                                                       const WorkloadName& workload,
                                                       SteadyTime now);

}  // namespace leadline
