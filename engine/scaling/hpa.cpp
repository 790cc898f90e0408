#include "engine/scaling/hpa.h"

#include <algorithm>
#include <cassert>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace leadline {
namespace {

constexpr const char* kCustomApi = "custom metrics API";
constexpr const char* kExternalApi = "external metrics API";
constexpr const char* kBelowMinReplicas = "Current number of replicas below Spec.MinReplicas";

Tolerances tolerances_of(const HpaSpec& spec) {
  Tolerances tolerances{spec.tolerance, spec.tolerance};
  if (spec.behavior) {
    tolerances.down = spec.behavior->scale_down.tolerance.value_or(spec.tolerance);
    tolerances.up = spec.behavior->scale_up.tolerance.value_or(spec.tolerance);
  }
  return tolerances;
}

std::string_view selector_text(const MetricSpec& metric) {
  return metric.selector.empty() ? std::string_view("nil") : std::string_view(metric.selector);
}

// The metrics API gave no reading. The Object text is as odd as the controller prints it: its
// format string and its arguments are in different orders.
Result<Proposal> no_reading(const HpaSpec& spec, const MetricSpec& metric, std::string_view why) {
  switch (metric.type) {
    case MetricType::kPods:
      return fail(Errc::kUnavailable, "unable to get metric {}: {}", metric.name, why);
    case MetricType::kObject:
      return fail(Errc::kUnavailable, "unable to get metric {}: {} on {} {}/{}", metric.name,
                  metric.object_kind, spec.namespace_name, metric.object_name, why);
    case MetricType::kExternal:
      break;
  }
  return fail(Errc::kUnavailable, "unable to get external metric {}/{}/{}: {}", spec.namespace_name,
              metric.name, selector_text(metric), why);
}

std::string not_fetched(const NoReading& none, std::string_view api) {
  return fmt::format("unable to fetch metrics from {}: {}", api, none.message);
}

Result<Proposal> propose_for_total(const MetricSpec& metric, std::int64_t total,
                                   const Observation& observation, const Tolerances& tolerances) {
  if (metric.goal_type == GoalType::kValue) {
    return propose_for_value(total, metric.goal_milli, observation, tolerances);
  }
  return propose_for_average(total, metric.goal_milli, observation.status_replicas, tolerances);
}

Result<Proposal> propose_pods(const HpaSpec& spec, const MetricSpec& metric,
                              const MetricReading& reading, const Observation& observation,
                              const Tolerances& tolerances) {
  if (const auto* none = std::get_if<NoReading>(&reading)) {
    return no_reading(spec, metric, not_fetched(*none, kCustomApi));
  }
  const auto* values = std::get_if<std::vector<PodValue>>(&reading);
  assert(values != nullptr);
  if (values->empty()) {
    return no_reading(spec, metric, "no metrics returned from custom metrics API");
  }
  return propose_for_pods(*values, metric.goal_milli, observation, tolerances);
}

// An Object answer is one item or an error (§1.4, cardinality).
Result<Proposal> propose_object(const HpaSpec& spec, const MetricSpec& metric,
                                const MetricReading& reading, const Observation& observation,
                                const Tolerances& tolerances) {
  if (const auto* none = std::get_if<NoReading>(&reading)) {
    return no_reading(spec, metric, not_fetched(*none, kCustomApi));
  }
  const auto* items = std::get_if<std::vector<std::int64_t>>(&reading);
  assert(items != nullptr);
  if (items->size() != 1) {
    const NoReading none{fmt::format(
        "the custom metrics API server returned {} results when we asked for exactly one",
        items->size())};
    return no_reading(spec, metric, not_fetched(none, kCustomApi));
  }
  return propose_for_total(metric, items->front(), observation, tolerances);
}

Result<Proposal> propose_external(const HpaSpec& spec, const MetricSpec& metric,
                                  const MetricReading& reading, const Observation& observation,
                                  const Tolerances& tolerances) {
  if (const auto* none = std::get_if<NoReading>(&reading)) {
    return no_reading(spec, metric, not_fetched(*none, kExternalApi));
  }
  const auto* items = std::get_if<std::vector<std::int64_t>>(&reading);
  assert(items != nullptr);
  if (items->empty()) {
    return no_reading(spec, metric, "no metrics returned from external metrics API");
  }
  const std::int64_t total = external_total(*items, metric.goal_type);
  return propose_for_total(metric, total, observation, tolerances);
}

Result<Proposal> propose(const HpaSpec& spec, const MetricSpec& metric,
                         const MetricReading& reading, const Observation& observation,
                         const Tolerances& tolerances) {
  switch (metric.type) {
    case MetricType::kPods:
      return propose_pods(spec, metric, reading, observation, tolerances);
    case MetricType::kObject:
      return propose_object(spec, metric, reading, observation, tolerances);
    case MetricType::kExternal:
      return propose_external(spec, metric, reading, observation, tolerances);
  }
  return fail(Errc::kBadInput, "unknown metric source type");
}

// How the rescale event names the metric; an Object metric with AverageValue calls itself external.
std::string event_name(const MetricSpec& metric) {
  if (metric.type == MetricType::kPods) return "pods metric " + metric.name;
  if (metric.type == MetricType::kObject && metric.goal_type == GoalType::kValue) {
    return fmt::format("{} metric {}", metric.object_kind, metric.name);
  }
  return fmt::format("external metric {}({})", metric.name, selector_text(metric));
}

std::string failure_reason(MetricType type) {
  switch (type) {
    case MetricType::kPods:
      return "FailedGetPodsMetric";
    case MetricType::kObject:
      return "FailedGetObjectMetric";
    case MetricType::kExternal:
      break;
  }
  return "FailedGetExternalMetric";
}

// The reason and message of ScalingActive=False.
MetricOutcome failed(const MetricSpec& metric, const std::string& why) {
  return {std::nullopt, failure_reason(metric.type),
          "the HPA was unable to compute the replica count: " + why};
}

std::vector<MetricOutcome> consult(const HpaSpec& spec, const Observation& observation) {
  assert(observation.readings.size() == spec.metrics.size());
  const Tolerances tolerances = tolerances_of(spec);
  std::vector<MetricOutcome> outcomes;
  outcomes.reserve(spec.metrics.size());
  for (std::size_t i = 0; i < spec.metrics.size(); ++i) {
    const auto proposal =
        propose(spec, spec.metrics[i], observation.readings[i], observation, tolerances);
    outcomes.push_back(proposal ? MetricOutcome{*proposal, "", event_name(spec.metrics[i])}
                                : failed(spec.metrics[i], proposal.error().message));
  }
  return outcomes;
}

struct Wish {
  const MetricOutcome* largest = nullptr;        // nullptr: every metric is invalid
  std::int32_t replicas = 0;                     // what the largest proposes
  const MetricOutcome* first_invalid = nullptr;  // nullptr: none is
};

// The largest proposal wins; of equal ones the first. But a zero gives way to any later one, even a
// negative: the controller takes it for "none yet".
Wish combine(const std::vector<MetricOutcome>& outcomes) {
  Wish wish;
  for (const auto& outcome : outcomes) {
    const auto& proposal = outcome.proposal;
    if (!proposal) {
      if (wish.first_invalid == nullptr) wish.first_invalid = &outcome;
    } else if (wish.replicas == 0 || proposal->replicas > wish.replicas) {
      wish.largest = &outcome;
      wish.replicas = proposal->replicas;
    }
  }
  return wish;
}

Decision moved_into_bounds(std::int32_t desired, std::string reason) {
  Decision decision;
  decision.desired = desired;
  decision.rescale = true;
  decision.reason = std::move(reason);
  return decision;
}

// The part that reads metrics. Any invalid metric forbids a scale-down, all invalid forbid
// everything (§1.6): the count stays, and nothing is remembered of this sync.
Decision decide_by_metrics(const HpaSpec& spec, const Observation& observation, HpaMemory& memory,
                           SteadyTime now) {
  const std::int32_t current = observation.spec_replicas;
  Decision decision;
  decision.desired = current;
  decision.metrics = consult(spec, observation);
  const Wish wish = combine(decision.metrics);
  if (wish.largest == nullptr || (wish.first_invalid != nullptr && wish.replicas < current)) {
    const auto* why = wish.first_invalid;
    if (why != nullptr) decision.scaling_active = {false, why->reason, why->message};
    return decision;
  }
  const std::string& name = wish.largest->message;
  decision.scaling_active = {
      true, "ValidMetricFound",
      "the HPA was able to successfully calculate a replica count from " + name};
  const std::int32_t desired = std::max(0, wish.replicas);
  Limited limited = limit_replicas(spec, current, desired, memory, now);
  // Only a minReplicas that was 0 when we scaled to zero, and no longer is.
  const bool too_few = current == 0 && limited.replicas < spec.min_replicas;
  decision.desired = too_few ? spec.min_replicas : limited.replicas;
  decision.rescale = decision.desired != current;
  if (too_few) decision.reason = kBelowMinReplicas;
  decision.able_to_scale = std::move(limited.able_to_scale);
  decision.scaling_limited = std::move(limited.scaling_limited);
  // A rescale without a reason: the metrics would stay, an earlier, higher recommendation moves us.
  if (decision.rescale && desired > current) decision.reason = name + " above target";
  if (decision.rescale && desired < current) decision.reason = "All metrics below target";
  return decision;
}

Decision decide_unremembered(const HpaSpec& spec, const Observation& observation, HpaMemory& memory,
                             SteadyTime now) {
  const std::int32_t current = observation.spec_replicas;
  if (current == 0 && !memory.scaled_to_zero) {
    Decision decision;
    decision.scaling_active = {false, "ScalingDisabled",
                               "scaling is disabled since the replica count of the target is zero"};
    return decision;
  }
  if (current > spec.max_replicas) {
    return moved_into_bounds(spec.max_replicas,
                             "Current number of replicas above Spec.MaxReplicas");
  }
  if (current != 0 && current < spec.min_replicas) {
    return moved_into_bounds(spec.min_replicas, kBelowMinReplicas);
  }
  return decide_by_metrics(spec, observation, memory, now);
}

}  // namespace

Decision decide(const HpaSpec& spec, const Observation& observation, HpaMemory& memory,
                SteadyTime now) {
  const std::int32_t current = observation.spec_replicas;
  note_first_replicas(memory, current, now);
  Decision decision = decide_unremembered(spec, observation, memory, now);
  if (!decision.rescale) {
    if (decision.able_to_scale.reason.empty()) {
      decision.able_to_scale = {true, "SucceededGetScale",
                                "the HPA controller was able to get the target's current scale"};
    }
    return decision;
  }
  decision.able_to_scale = {
      true, "SucceededRescale",
      fmt::format("the HPA controller was able to update the target scale to {}",
                  decision.desired)};
  note_scale_event(spec, decision.desired - current, memory, now);
  memory.scaled_to_zero = decision.desired == 0;
  return decision;
}

}  // namespace leadline
