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

Tolerances tolerances_of(const HpaSpec& spec) {
  Tolerances tolerances{spec.tolerance, spec.tolerance};
  if (spec.behavior) {
    tolerances.down = spec.behavior->scale_down.tolerance.value_or(spec.tolerance);
    tolerances.up = spec.behavior->scale_up.tolerance.value_or(spec.tolerance);
  }
  return tolerances;
}

Result<Proposal> not_fetched(const NoReading& none, std::string_view api) {
  return fail(Errc::kUnavailable, "unable to fetch metrics from {}: {}", api, none.message);
}

Result<Proposal> propose_for_total(const MetricSpec& metric, std::int64_t total,
                                   const Observation& observation, const Tolerances& tolerances) {
  if (metric.goal_type == GoalType::kValue) {
    return propose_for_value(total, metric.goal_milli, observation, tolerances);
  }
  return propose_for_average(total, metric.goal_milli, observation.status_replicas, tolerances);
}

Result<Proposal> propose_pods(const MetricSpec& metric, const MetricReading& reading,
                              const Observation& observation, const Tolerances& tolerances) {
  if (const auto* none = std::get_if<NoReading>(&reading)) return not_fetched(*none, kCustomApi);
  const auto* values = std::get_if<std::vector<PodValue>>(&reading);
  assert(values != nullptr);
  return propose_for_pods(*values, metric.goal_milli, observation, tolerances);
}

// An Object answer is one item or an error (§1.4, cardinality).
Result<Proposal> propose_object(const MetricSpec& metric, const MetricReading& reading,
                                const Observation& observation, const Tolerances& tolerances) {
  if (const auto* none = std::get_if<NoReading>(&reading)) return not_fetched(*none, kCustomApi);
  const auto* items = std::get_if<std::vector<std::int64_t>>(&reading);
  assert(items != nullptr);
  if (items->size() != 1) {
    return fail(Errc::kUnavailable,
                "unable to fetch metrics from custom metrics API: the custom metrics API server "
                "returned {} results when we asked for exactly one",
                items->size());
  }
  return propose_for_total(metric, items->front(), observation, tolerances);
}

Result<Proposal> propose_external(const MetricSpec& metric, const MetricReading& reading,
                                  const Observation& observation, const Tolerances& tolerances) {
  if (const auto* none = std::get_if<NoReading>(&reading)) return not_fetched(*none, kExternalApi);
  const auto* items = std::get_if<std::vector<std::int64_t>>(&reading);
  assert(items != nullptr);
  if (items->empty()) {
    return fail(Errc::kUnavailable, "no metrics returned from external metrics API");
  }
  const std::int64_t total = external_total(*items, metric.goal_type);
  return propose_for_total(metric, total, observation, tolerances);
}

Result<Proposal> propose(const MetricSpec& metric, const MetricReading& reading,
                         const Observation& observation, const Tolerances& tolerances) {
  switch (metric.type) {
    case MetricType::kPods:
      return propose_pods(metric, reading, observation, tolerances);
    case MetricType::kObject:
      return propose_object(metric, reading, observation, tolerances);
    case MetricType::kExternal:
      return propose_external(metric, reading, observation, tolerances);
  }
  return fail(Errc::kBadInput, "unknown metric source type");
}

std::string_view selector_text(const MetricSpec& metric) {
  return metric.selector.empty() ? std::string_view("nil") : std::string_view(metric.selector);
}

// How the rescale event names the metric; an Object metric with AverageValue calls itself external.
std::string event_name(const MetricSpec& metric) {
  if (metric.type == MetricType::kPods) return "pods metric " + metric.name;
  if (metric.type == MetricType::kObject && metric.goal_type == GoalType::kValue) {
    return fmt::format("{} metric {}", metric.object_kind, metric.name);
  }
  return fmt::format("external metric {}({})", metric.name, selector_text(metric));
}

// The reason and message of ScalingActive=False. The Object text is as odd as the controller prints
// it: its format string and its arguments are in different orders.
MetricOutcome failed(const HpaSpec& spec, const MetricSpec& metric, const std::string& why) {
  const std::string prefix = "the HPA was unable to compute the replica count: ";
  switch (metric.type) {
    case MetricType::kPods:
      return {std::nullopt, "FailedGetPodsMetric",
              fmt::format("{}unable to get metric {}: {}", prefix, metric.name, why)};
    case MetricType::kObject:
      return {std::nullopt, "FailedGetObjectMetric",
              fmt::format("{}unable to get metric {}: {} on {} {}/{}", prefix, metric.name,
                          metric.object_kind, spec.namespace_name, metric.object_name, why)};
    case MetricType::kExternal:
      break;
  }
  return {std::nullopt, "FailedGetExternalMetric",
          fmt::format("{}unable to get external metric {}/{}/{}: {}", prefix, spec.namespace_name,
                      metric.name, selector_text(metric), why)};
}

std::vector<MetricOutcome> consult(const HpaSpec& spec, const Observation& observation) {
  assert(observation.readings.size() == spec.metrics.size());
  const Tolerances tolerances = tolerances_of(spec);
  std::vector<MetricOutcome> outcomes;
  outcomes.reserve(spec.metrics.size());
  for (std::size_t i = 0; i < spec.metrics.size(); ++i) {
    const auto proposal =
        propose(spec.metrics[i], observation.readings[i], observation, tolerances);
    outcomes.push_back(proposal ? MetricOutcome{*proposal, "", event_name(spec.metrics[i])}
                                : failed(spec, spec.metrics[i], proposal.error().message));
  }
  return outcomes;
}

struct Wish {
  const MetricOutcome* largest = nullptr;        // nullptr: every metric is invalid
  std::int32_t replicas = 0;                     // what the largest proposes
  const MetricOutcome* first_invalid = nullptr;  // nullptr: none is
};

// The largest proposal wins; of equal ones the first.
Wish combine(const std::vector<MetricOutcome>& outcomes) {
  Wish wish;
  for (const auto& outcome : outcomes) {
    const auto& proposal = outcome.proposal;
    if (!proposal) {
      if (wish.first_invalid == nullptr) wish.first_invalid = &outcome;
    } else if (wish.largest == nullptr || proposal->replicas > wish.replicas) {
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
  decision.desired = limited.replicas;
  decision.rescale = limited.replicas != current;
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
  if (current == 0 && spec.min_replicas != 0) {
    Decision decision;
    decision.scaling_active = {false, "ScalingDisabled",
                               "scaling is disabled since the replica count of the target is zero"};
    return decision;
  }
  if (current > spec.max_replicas) {
    return moved_into_bounds(spec.max_replicas,
                             "Current number of replicas above Spec.MaxReplicas");
  }
  if (current < spec.min_replicas) {
    return moved_into_bounds(spec.min_replicas,
                             "Current number of replicas below Spec.MinReplicas");
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
  return decision;
}

}  // namespace leadline
