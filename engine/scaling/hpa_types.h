// The words of the HorizontalPodAutoscaler's arithmetic: what the manifest asks for (HpaSpec), what
// one sync sees (Observation), what a sync remembers (HpaMemory). Plain data, parsed and filled
// elsewhere (the demo reads the manifest); engine/scaling/hpa.h computes with it.
// Metric values are Kubernetes' milli units, int64: 1.5 requests is 1500.
// Source: autoscaling/v2 types; defaults from pkg/apis/autoscaling/v2/defaults.go.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"

namespace leadline {

enum class MetricType { kPods, kObject, kExternal };

// `type` under the manifest's metric: Value compares the value itself, AverageValue the value
// divided by the replicas. A Pods metric knows AverageValue only.
enum class GoalType { kValue, kAverageValue };

struct MetricSpec {
  MetricType type = MetricType::kPods;
  std::string name;
  GoalType goal_type = GoalType::kAverageValue;
  std::int64_t goal_milli = 0;  // > 0, as HPA validation demands
  std::string selector;         // as text, only for messages; empty prints as `nil`
  std::string object_kind;      // Object metrics only, for messages
  std::string object_name;
};

enum class PolicyType { kPods, kPercent };
enum class SelectPolicy { kMax, kMin, kDisabled };

struct ScalingPolicy {
  PolicyType type = PolicyType::kPods;
  std::int32_t value = 0;
  std::chrono::seconds period{15};  // 1..1800 s
};

struct ScalingRules {
  std::optional<std::chrono::seconds> stabilization_window =
      std::nullopt;  // 0..3600 s; nullopt: the flag's default
  SelectPolicy select_policy = SelectPolicy::kMax;
  std::vector<ScalingPolicy> policies;
  std::optional<double> tolerance = std::nullopt;  // nullopt: HpaSpec::tolerance
};

// What Kubernetes fills in for a direction, or a field of it, that `behavior` leaves out.
inline ScalingRules default_scale_up_rules() {
  return {.stabilization_window = std::chrono::seconds{0},
          .policies = {{PolicyType::kPods, 4}, {PolicyType::kPercent, 100}}};
}
inline ScalingRules default_scale_down_rules() {
  return {.policies = {{PolicyType::kPercent, 100}}};
}

struct Behavior {
  ScalingRules scale_up = default_scale_up_rules();
  ScalingRules scale_down = default_scale_down_rules();
};

struct HpaSpec {
  std::string namespace_name = "default";  // only for messages
  std::int32_t min_replicas = 1;
  std::int32_t max_replicas = 1;  // >= min_replicas
  std::vector<MetricSpec> metrics;
  std::optional<Behavior> behavior;
  double tolerance = 0.1;                             // --horizontal-pod-autoscaler-tolerance
  std::chrono::seconds downscale_stabilization{300};  // --…-downscale-stabilization
};

enum class PodPhase { kPending, kRunning, kSucceeded, kFailed, kUnknown };

// One pod that the workload's own selector lists.
struct ObservedPod {
  std::string name;
  PodPhase phase = PodPhase::kRunning;
  bool ready = true;      // the Ready condition: looked at for Value goals only
  bool deleting = false;  // has a deletionTimestamp
};

struct PodValue {
  std::string pod;
  std::int64_t milli = 0;
};

// The metrics API said no, or nothing: the text that it gave.
struct NoReading {
  std::string message;
};

// One metric's answer: a Pods metric gives PodValues, an Object one exactly one number, an External
// one all its items. An empty list is what an empty `items` is: an error, never 0.
using MetricReading = std::variant<NoReading, std::vector<PodValue>, std::vector<std::int64_t>>;

struct Observation {
  std::int32_t spec_replicas = 0;    // scale.spec.replicas: what was last asked for
  std::int32_t status_replicas = 0;  // scale.status.replicas: what exists
  std::vector<ObservedPod> pods;
  std::vector<MetricReading> readings;  // readings[i] answers spec.metrics[i]
};

// What one autoscaler remembers between syncs. Kept by the caller, changed by decide() alone.
struct HpaMemory {
  struct Recommendation {
    std::int32_t replicas = 0;
    SteadyTime at;
  };
  struct ScaleEvent {
    std::int32_t change = 0;  // absolute
    SteadyTime at;
  };

  // Windows end at 3600 s and policy periods at 1800 s, so at one sync a second neither bound
  // bites.
  static constexpr std::size_t kMaxRecommendations = 4096;
  static constexpr std::size_t kMaxScaleEvents = 2048;

  bool started = false;  // the replica count found at the first sync has been noted
  // The last rescale's doing. What somebody else scaled to zero stays there (feature gate
  // HPAScaleToZero, off by default; the controller keeps this in the condition ScaledToZero).
  bool scaled_to_zero = false;
  std::vector<Recommendation> recommendations;
  std::vector<ScaleEvent> scale_ups;
  std::vector<ScaleEvent> scale_downs;
};

}  // namespace leadline
