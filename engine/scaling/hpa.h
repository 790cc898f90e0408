// The HorizontalPodAutoscaler controller's decision, exactly: from a manifest, one observation and
// what earlier syncs left behind to the replica count that it would write. The demo scales with it;
// `explain` and the tests replay decisions with it, since a decision is a function of its
// arguments.
//
// Pure: `now` is an argument; only `memory` changes. One HpaMemory per autoscaler, not shared
// between threads.
// Source: kubernetes-metrics-api.md §4.2–4.4; kubernetes pkg/controller/podautoscaler/horizontal.go
// (reconcileAutoscaler, computeReplicasForMetrics) of v1.36.3. Messages are the controller's own
// words. tests/contract/scaling holds it against that controller.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/scaling/hpa_limits.h"
#include "engine/scaling/hpa_types.h"
#include "engine/scaling/replica_math.h"

namespace leadline {

// What one metric of the manifest said. Invalid where `proposal` is absent.
struct MetricOutcome {
  std::optional<Proposal> proposal;
  std::string
      reason;  // FailedGetPodsMetric, FailedGetObjectMetric, FailedGetExternalMetric; else empty
  std::string message;  // the reason's, or the metric's name as the rescale event gives it
};

struct Decision {
  std::int32_t desired = 0;  // what scale.spec.replicas becomes; the current count on hold
  bool rescale = false;      // desired differs from the current count
  std::string reason;        // of a rescale, as its event says; empty on hold
  std::vector<MetricOutcome> metrics;  // as in the manifest; empty where metrics were not consulted
  Condition able_to_scale;
  Condition scaling_active;   // false: the message says which metric failed and why
  Condition scaling_limited;  // true: a bound cut the wish; empty reason where not evaluated
};

// Decides as one sync of the controller does, and remembers it: call it once per sync, and apply
// the result before the next. REQUIRES: one reading per metric of the manifest, of that metric's
// kind, and every goal > 0.
Decision decide(const HpaSpec& spec, const Observation& observation, HpaMemory& memory,
                SteadyTime now);

}  // namespace leadline
