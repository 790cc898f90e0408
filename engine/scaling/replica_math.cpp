#include "engine/scaling/replica_math.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace leadline {
namespace {

constexpr std::int64_t kMaxMilli = std::numeric_limits<std::int64_t>::max();

// Values by pod name; the last of two with one name wins, as in the controller's map (§1.4).
using ValuesByPod = std::map<std::string, std::int64_t, std::less<>>;

struct PodGroups {
  std::int64_t ready = 0;
  std::vector<std::string> unready;
  std::vector<std::string> missing;
  std::vector<std::string> ignored;
};

double ratio_of(std::int64_t value_milli, std::int64_t goal_milli) {
  return static_cast<double>(value_milli) / static_cast<double>(goal_milli);
}

// ceil, saturating at int32. NaN (0 ÷ 0) is no demand at all.
std::int32_t replicas_from(double count) {
  using Limits = std::numeric_limits<std::int32_t>;
  if (std::isnan(count)) return 0;
  const double up = std::ceil(count);
  if (up >= static_cast<double>(Limits::max())) return Limits::max();
  if (up <= static_cast<double>(Limits::min())) return Limits::min();
  return static_cast<std::int32_t>(up);
}

// Beyond 64 bits a sum wraps around, as the controller's does.
std::int64_t wrapping_sum(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

// §4.2 step 4: integer division, towards zero: 3 pods with 1000, 1000, 1001 average 1000.
std::int64_t average(const ValuesByPod& values) {
  std::int64_t sum = 0;
  for (const auto& [pod, milli] : values) sum = wrapping_sum(sum, milli);
  return sum / static_cast<std::int64_t>(values.size());
}

// §4.2 step 2. The Ready condition is deliberately not looked at; a Succeeded pod without a value
// counts as missing.
PodGroups group_pods(const std::vector<ObservedPod>& pods, const ValuesByPod& values) {
  PodGroups groups;
  for (const auto& pod : pods) {
    if (pod.deleting || pod.phase == PodPhase::kFailed) {
      groups.ignored.push_back(pod.name);
    } else if (pod.phase == PodPhase::kPending) {
      groups.unready.push_back(pod.name);
    } else if (!values.contains(pod.name)) {
      groups.missing.push_back(pod.name);
    } else {
      ++groups.ready;
    }
  }
  return groups;
}

// §4.2 step 6: what is not known argues against the change: a missing pod is exactly at its goal
// when the rest would shrink, and idle when it would grow; a pending pod is idle when it would
// grow.
void fill_unknown(ValuesByPod& values, const PodGroups& groups, double ratio,
                  std::int64_t goal_milli) {
  for (const auto& pod : groups.missing) {
    if (ratio < 1.0) values[pod] = goal_milli;
    if (ratio > 1.0) values[pod] = 0;
  }
  for (const auto& pod : groups.unready) {
    if (ratio > 1.0) values[pod] = 0;
  }
}

// §4.2 step 6, second half: the ratio recomputed over the filled values.
Proposal reconsider(const ValuesByPod& filled, double first_ratio, std::int64_t goal_milli,
                    const Tolerances& tolerances, Proposal keep) {
  const double ratio = ratio_of(average(filled), goal_milli);
  if (tolerances.holds(ratio)) {
    keep.verdict = Verdict::kWithinTolerance;
    return keep;
  }
  keep.verdict = Verdict::kDirectionFlipped;
  if ((first_ratio < 1.0 && ratio > 1.0) || (first_ratio > 1.0 && ratio < 1.0)) return keep;
  const std::int32_t replicas = replicas_from(ratio * static_cast<double>(filled.size()));
  // More values than replicas (or fewer) can contradict the ratio: refused.
  if ((ratio < 1.0 && replicas > keep.replicas) || (ratio > 1.0 && replicas < keep.replicas)) {
    return keep;
  }
  return {replicas, keep.current_milli, Verdict::kScaled};
}

// Readiness counts for Value goals: Running and Ready (§4.3).
double ready_running(const std::vector<ObservedPod>& pods) {
  return static_cast<double>(std::ranges::count_if(
      pods, [](const ObservedPod& pod) { return pod.phase == PodPhase::kRunning && pod.ready; }));
}

}  // namespace

Result<Proposal> propose_for_pods(std::span<const PodValue> values, std::int64_t goal_milli,
                                  const Observation& observation, const Tolerances& tolerances) {
  assert(goal_milli > 0);
  if (observation.pods.empty()) {
    return fail(Errc::kUnavailable, "no pods returned by selector while calculating replica count");
  }
  ValuesByPod by_pod;
  for (const auto& value : values) by_pod[value.pod] = value.milli;

  // Steps 2 and 3. A name that no listed pod has stays: it counts in the sum and in the number.
  const PodGroups groups = group_pods(observation.pods, by_pod);
  for (const auto& pod : groups.ignored) by_pod.erase(pod);
  for (const auto& pod : groups.unready) by_pod.erase(pod);
  if (by_pod.empty()) {
    return fail(Errc::kUnavailable,
                "did not receive metrics for targeted pods (pods might be unready)");
  }

  // Steps 4 and 5.
  const std::int64_t current = average(by_pod);
  const double ratio = ratio_of(current, goal_milli);
  const Proposal keep{observation.spec_replicas, current, Verdict::kWithinTolerance};
  const bool grows_beside_unready = !groups.unready.empty() && ratio > 1.0;
  if (!grows_beside_unready && groups.missing.empty()) {
    if (tolerances.holds(ratio)) return keep;
    const double wanted = ratio * static_cast<double>(groups.ready);
    return Proposal{replicas_from(wanted), current, Verdict::kScaled};
  }
  fill_unknown(by_pod, groups, ratio, goal_milli);
  return reconsider(by_pod, ratio, goal_milli, tolerances, keep);
}

Result<Proposal> propose_for_value(std::int64_t value_milli, std::int64_t goal_milli,
                                   const Observation& observation, const Tolerances& tolerances) {
  assert(goal_milli > 0);
  const double ratio = ratio_of(value_milli, goal_milli);
  // From zero there are no pods to multiply by, and no tolerance: 0.05 of the goal wants one.
  if (observation.spec_replicas == 0) {
    return Proposal{replicas_from(ratio), value_milli, Verdict::kScaled};
  }
  if (tolerances.holds(ratio)) {
    return Proposal{observation.spec_replicas, value_milli, Verdict::kWithinTolerance};
  }
  if (observation.pods.empty()) {
    return fail(Errc::kUnavailable,
                "unable to calculate ready pods: no pods returned by selector "
                "while calculating replica count");
  }
  const double wanted = ratio * ready_running(observation.pods);
  return Proposal{replicas_from(wanted), value_milli, Verdict::kScaled};
}

Proposal propose_for_average(std::int64_t value_milli, std::int64_t goal_milli,
                             std::int32_t status_replicas, const Tolerances& tolerances) {
  assert(goal_milli > 0);
  const auto value = static_cast<double>(value_milli);
  const auto replicas = static_cast<double>(status_replicas);
  Proposal proposal{status_replicas, std::nullopt, Verdict::kWithinTolerance};
  // With no replicas the ratio is +Inf, or NaN for a value of 0: neither is within tolerance.
  if (!tolerances.holds(value / (static_cast<double>(goal_milli) * replicas))) {
    proposal.replicas = replicas_from(ratio_of(value_milli, goal_milli));
    proposal.verdict = Verdict::kScaled;
  }
  constexpr double kTooLarge = 0x1p63;  // what the largest int64s are as doubles
  if (value >= kTooLarge) {
    proposal.current_milli = kMaxMilli;
  } else if (status_replicas > 0) {
    proposal.current_milli = static_cast<std::int64_t>(std::ceil(value / replicas));
  }
  return proposal;
}

std::int64_t external_total(std::span<const std::int64_t> items, GoalType goal_type) {
  std::int64_t sum = 0;
  for (const std::int64_t item : items) {
    if (item > 0 && sum > kMaxMilli - item) return kMaxMilli;
    sum = wrapping_sum(sum, item);
    if (goal_type == GoalType::kAverageValue && sum < 0) return kMaxMilli;
  }
  return sum;
}

}  // namespace leadline
