// Survey sorts a workload's pods into those that count, those that should and do not, and unready
// ones with work on top; its coverage decides whether a value may be served at all. Internal to
// engine/aggregate. Pure.

#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/aggregate.h"
#include "engine/pod_share.h"

namespace leadline {

struct Survey {
  struct Entry {
    const PodObservation* pod;
    PodShare share;
  };
  std::vector<Entry> counted;  // Ready, fresh, and they tell
  std::vector<Entry> extra;    // unready, with requests in flight, and they tell
  std::uint32_t expected = 0;
  // Expected, by why they do not count.
  std::map<PodShare::Kind, std::vector<std::string_view>> missing;
  std::vector<std::string_view> starting;  // not expected yet: they became Ready a moment ago
  std::vector<std::string_view> unready;   // without work
  std::set<std::string_view> engines;      // of the fresh pods that do not tell the signal

  // counted / expected; 1 where nobody is expected.
  [[nodiscard]] double coverage() const;
  // Every expected pod is fresh and had nothing in flight over the window, and no extra has.
  [[nodiscard]] bool idle() const;
  // Nobody tells the signal, and somebody fresh could have.
  [[nodiscard]] bool given_by_none() const;

  // `stale: pod-a, pod-b; no sidecar: pod-c`: at most five names each, sorted.
  [[nodiscard]] std::string details() const;
};

[[nodiscard]] Survey survey_pods(std::span<const PodObservation> pods,
                                 const MetricSelection& selection, const AggregateOptions& options,
                                 SteadyTime now);

}  // namespace leadline
