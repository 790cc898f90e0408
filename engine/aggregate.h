// Aggregation: the snapshots of a workload's pods become one value with its coverage, the oldest
// sample's age and the window covered; or they become "absent" with a reason for `kubectl
// describe`. Pure: the same observations give the same answer on every adapter replica.
//
// Rules (design page, "Rules that hold everywhere"):
//  1 No data is not zero. Only where every expected pod is fresh and the in-flight maximum over the
//    window is 0 do quantiles, latency means and SLO shares answer 0.
//  2 A pod whose sample is older than max_age counts as missing.
//  3 Percentiles merge histograms.
//  4 coverage = counted / expected. 1: served; >= min_coverage: sums x 1/coverage; below: absent.
//    A pod that answers "observed nothing" counts; so does an idle pod without the histogram that
//    another pod gives, since some engines create a histogram with its first observation. A pod
//    that became Ready before our eyes is expected from its first value on, at latest 10 s later.
//    A pod that serves, but not the selected model or role, is not of this workload.
//  5 Terminating pods are gone. An unready pod counts only in sums and merged histograms, and
//    only while it has requests in flight; never in coverage:
//    sum = counted x 1/coverage + unready with work.

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/clock.h"
#include "engine/metric.h"
#include "engine/pod_snapshot.h"

namespace leadline {

// One pod as the adapter sees it now.
struct PodObservation {
  std::string_view name;  // for the reason; outlives the call
  bool ready = false;
  bool terminating = false;
  bool has_sidecar = false;  // declares one; for the reason: `no answer` instead of `no sidecar`
  std::shared_ptr<const PodSnapshot> snapshot;  // nullptr: never answered, or no sidecar
  SteadyTime sampled_at{
      SteadyTime::duration{0}};  // when the engine was scraped; meaningful with a snapshot
  std::chrono::milliseconds max_age{5000};        // of this pod: max(5 s, 4 x its interval)
  std::optional<SteadyTime> seen_becoming_ready;  // nullopt: was Ready when the adapter started
  // Bit index_of(Signal): given at least once since it became Ready.
  std::uint32_t signals_seen = 0;
};

struct MetricSelection {
  Metric metric;
  Window window = kDefaultWindow;
  std::optional<double> slo_bound;   // seconds; required for kSloMissPercent
  std::optional<std::string> model;  // only series of this model; compared after normalising
  std::optional<std::string> role;
};

struct AggregateOptions {
  double min_coverage = 0.5;
  std::chrono::milliseconds ready_grace{10000};
  // How a series' model is compared with a selection: label values are normalised by the adapter.
  bool (*model_matches)(std::string_view series_model, std::string_view selected) = nullptr;
};

struct AggregateValue {
  double value = 0;
  SteadyTime oldest_sample{SteadyTime::duration{0}};
  std::optional<std::chrono::milliseconds> span;  // longest really covered; nullopt for gauges
  // counted / expected; 1 where only unready pods with work were there to count (0 / 0).
  double coverage = 1;
  std::uint32_t counted = 0, expected = 0;
  std::optional<std::uint64_t> sparse;  // n, where the quantile rests on fewer than five above it
  bool clipped = false;                 // quantile beyond the last finite edge
  bool inexact = false;                 // SLO bound between two edges
};

struct Absent {
  // kNoPods: none at all, or none that is Ready or at work. kLowCoverage: stale or silent pods.
  // kNotGiven: no engine here tells the signal. kNoCommonEdges: nothing known around the quantile.
  enum class Why : std::uint8_t {
    kNoPods,
    kLowCoverage,
    kNotGiven,
    kNothingObserved,
    kNoCommonEdges
  };
  Why why = Why::kNoPods;
  std::string reason;  // `coverage 1/3 below 0.5; stale: pod-a, pod-b` (at most 5 names)
};

using AggregateResult = tl::expected<AggregateValue, Absent>;

// `pods`: all pods of the matched workloads, with a sidecar or without, in any order (the value
// does not depend on it, to the last bit). `now` decides who is stale. REQUIRES: slo_bound where
// the statistic is kSloMissPercent.
[[nodiscard]] AggregateResult aggregate(std::span<const PodObservation> pods,
                                        const MetricSelection& selection,
                                        const AggregateOptions& options, SteadyTime now);

// The value of one pod alone (custom metrics on pods): no coverage; an unready pod only while it
// has requests in flight; the idle 0 of rule 1 applies.
[[nodiscard]] AggregateResult pod_value(PodObservation pod, const MetricSelection& selection,
                                        const AggregateOptions& options, SteadyTime now);

}  // namespace leadline
