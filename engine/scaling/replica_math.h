// From one metric's reading to a number of replicas: the HPA controller's replica calculator for
// Pods, Object and External metrics. Used by engine/scaling/hpa.h.
//
// Pure; no allocation beyond a set of pod names. Above 2^31 replicas the controller saturates for
// External metrics and Value goals; elsewhere its result depends on the processor (Go leaves the
// conversion open: arm64 saturates, amd64 makes it negative), and this saturates.
// Source: kubernetes-metrics-api.md §4.2–4.3; kubernetes pkg/controller/podautoscaler/
// replica_calculator.go (1.33 and later, with Tolerances).

#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "engine/scaling/hpa_types.h"

namespace leadline {

// The band around a ratio of 1 in which nothing changes, both ends inclusive.
struct Tolerances {
  double down = 0.1;
  double up = 0.1;
  bool holds(double ratio) const { return 1.0 - down <= ratio && ratio <= 1.0 + up; }
};

// Why a proposal is what it is.
enum class Verdict {
  kScaled,            // the ratio times the pods, rounded up
  kWithinTolerance,   // too near to the goal to act
  kDirectionFlipped,  // missing or unready pods would turn the direction around: keep
};

struct Proposal {
  std::int32_t replicas = 0;
  std::optional<std::int64_t> current_milli;  // what status.currentMetrics shows
  Verdict verdict = Verdict::kScaled;
};

// Pods metric, §4.2 from step 2. kUnavailable where no pod, or no value of a usable pod, is known.
[[nodiscard]] Result<Proposal> propose_for_pods(std::span<const PodValue> values,
                                                std::int64_t goal_milli,
                                                const Observation& observation,
                                                const Tolerances& tolerances);

// Object and External metrics with a Value goal, §4.3. kUnavailable where no pod is listed.
[[nodiscard]] Result<Proposal> propose_for_value(std::int64_t value_milli, std::int64_t goal_milli,
                                                 const Observation& observation,
                                                 const Tolerances& tolerances);

// Object and External metrics with an AverageValue goal, §4.3. Readiness plays no part.
Proposal propose_for_average(std::int64_t value_milli, std::int64_t goal_milli,
                             std::int32_t status_replicas, const Tolerances& tolerances);

// The sum of an External answer's items, saturating upwards. With an AverageValue goal a sum that
// becomes negative counts as an overflow upwards, as in the controller: never serve negative values
// there.
std::int64_t external_total(std::span<const std::int64_t> items, GoalType goal_type);

}  // namespace leadline
