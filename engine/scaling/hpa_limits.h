// What the HPA controller does to a proposal before it acts: stabilisation over time, the rate
// limits of `behavior` (or the fixed ones without it), minReplicas and maxReplicas. Used by
// engine/scaling/hpa.h; remembers in HpaMemory.
//
// Pure but for the memory it is handed. Cost: O(remembered recommendations and events).
// Source: kubernetes-metrics-api.md §4.4; kubernetes pkg/controller/podautoscaler/horizontal.go,
// normalizeDesiredReplicas and normalizeDesiredReplicasWithBehaviors.

#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "engine/scaling/hpa_types.h"

namespace leadline {

// A condition as `kubectl describe hpa` prints it.
struct Condition {
  bool status = false;
  std::string reason;
  std::string message;
};

struct Limited {
  std::int32_t replicas = 0;
  Condition able_to_scale;
  Condition scaling_limited;
};

// Notes the replica count found at the very first sync as a recommendation, so that a controller
// that has just started does not scale down before it has watched for a window.
void note_first_replicas(HpaMemory& memory, std::int32_t replicas, SteadyTime now);

// Stabilises and limits `desired`, and remembers it as this sync's recommendation.
Limited limit_replicas(const HpaSpec& spec, std::int32_t current, std::int32_t desired,
                       HpaMemory& memory, SteadyTime now);

// Remembers a change for the policies of `behavior`; without behavior nothing is kept.
void note_scale_event(const HpaSpec& spec, std::int32_t change, HpaMemory& memory, SteadyTime now);

}  // namespace leadline
