#include "engine/scaling/hpa_limits.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>
#include <vector>

namespace leadline {
namespace {

using std::int32_t;
using std::chrono::seconds;

constexpr const char* kHighestRecent =
    "recent recommendations were higher than current one, applying the highest recent "
    "recommendation";
constexpr const char* kLowestRecent =
    "recent recommendations were lower than current one, applying the lowest recent recommendation";

enum class Direction { kUp, kDown };

struct CurrentAndDesired {
  int32_t current;
  int32_t desired;
};

struct BehaviorOf {
  const HpaSpec& spec;
  const Behavior& behavior;  // spec's own
};

int32_t clamp_to_int32(double count) {
  using Limits = std::numeric_limits<int32_t>;
  return static_cast<int32_t>(
      std::clamp(count, static_cast<double>(Limits::min()), static_cast<double>(Limits::max())));
}

// The controller writes over the last outdated entry, or appends when none is outdated. Doing the
// same keeps the lists as short as their windows, and keeps our memory equal to its.
template <typename Entry>
void remember(std::vector<Entry>& entries, const Entry& entry, SteadyTime outdated_before,
              std::size_t bound) {
  const auto last = std::find_if(entries.rbegin(), entries.rend(),
                                 [&](const Entry& old) { return old.at < outdated_before; });
  if (last != entries.rend()) {
    *last = entry;
    return;
  }
  if (entries.size() >= bound) entries.erase(entries.begin());
  entries.push_back(entry);
}

// Without behavior: the highest recommendation of the last window, its oldest moment included.
int32_t highest_recent(const HpaSpec& spec, int32_t desired, HpaMemory& memory, SteadyTime now) {
  const SteadyTime cutoff = now - spec.downscale_stabilization;
  int32_t highest = desired;
  for (const auto& old : memory.recommendations) {
    if (old.at >= cutoff) highest = std::max(highest, old.replicas);
  }
  remember(memory.recommendations, {desired, now}, cutoff, HpaMemory::kMaxRecommendations);
  return highest;
}

// With behavior: the current count moved only as far as every recommendation of the up window
// (the lowest of them) or of the down window (the highest) agrees to. Here a recommendation exactly
// one window old no longer counts.
int32_t stabilize(const BehaviorOf& of, CurrentAndDesired counts, HpaMemory& memory,
                  SteadyTime now) {
  const auto [current, desired] = counts;
  const auto& [spec, behavior] = of;
  const SteadyTime up_cutoff = now - behavior.scale_up.stabilization_window.value_or(seconds{0});
  const SteadyTime down_cutoff =
      now - behavior.scale_down.stabilization_window.value_or(spec.downscale_stabilization);
  int32_t up = desired;
  int32_t down = desired;
  for (const auto& old : memory.recommendations) {
    if (old.at > up_cutoff) up = std::min(up, old.replicas);
    if (old.at > down_cutoff) down = std::max(down, old.replicas);
  }
  remember(memory.recommendations, {desired, now}, std::min(up_cutoff, down_cutoff),
           HpaMemory::kMaxRecommendations);
  return std::clamp(current, up, down);  // up <= desired <= down
}

int32_t changed_within(seconds period, const std::vector<HpaMemory::ScaleEvent>& events,
                       SteadyTime now) {
  int32_t sum = 0;
  for (const auto& event : events) {
    if (event.at > now - period) sum += event.change;
  }
  return sum;
}

// How many replicas there were when the policy's period began.
double period_start(int32_t current, seconds period, const HpaMemory& memory, SteadyTime now) {
  return static_cast<double>(current) - changed_within(period, memory.scale_ups, now) +
         changed_within(period, memory.scale_downs, now);
}

// Percent upwards is rounded up, so that 10 % of 3 replicas still adds one; percent downwards is
// cut off: 10 % of 3 replicas may go from 3 to 2 (2.7).
double allowed(const ScalingPolicy& policy, double start, Direction direction) {
  const double change = direction == Direction::kUp ? policy.value : -policy.value;
  if (policy.type == PolicyType::kPods) return start + change;
  const double count = start * (1 + change / 100);
  return direction == Direction::kUp ? std::ceil(count) : std::trunc(count);
}

// selectPolicy Max is the policy of the largest change, Min that of the smallest, Disabled none.
int32_t rate_limit(const ScalingRules& rules, Direction direction, int32_t current,
                   const HpaMemory& memory, SteadyTime now) {
  if (rules.select_policy == SelectPolicy::kDisabled || rules.policies.empty()) return current;
  std::vector<double> counts;
  counts.reserve(rules.policies.size());
  for (const auto& policy : rules.policies) {
    const double start = period_start(current, policy.period, memory, now);
    counts.push_back(allowed(policy, start, direction));
  }
  const auto [least, most] = std::ranges::minmax(counts);
  const bool smallest_change = rules.select_policy == SelectPolicy::kMin;
  if (direction == Direction::kUp) {
    return std::max(current, clamp_to_int32(smallest_change ? least : most));
  }
  return std::min(current, clamp_to_int32(smallest_change ? most : least));
}

Condition too_fast(Direction direction) {
  return direction == Direction::kUp
             ? Condition{true, "ScaleUpLimit",
                         "the desired replica count is increasing faster than the maximum scale "
                         "rate"}
             : Condition{
                   true, "ScaleDownLimit",
                   "the desired replica count is decreasing faster than the maximum scale rate"};
}
Condition too_many() {
  return {true, "TooManyReplicas",
          "the desired replica count is more than the maximum replica count"};
}
Condition too_few() {
  return {true, "TooFewReplicas",
          "the desired replica count is less than the minimum replica count"};
}
Condition in_range() {
  return {false, "DesiredWithinRange", "the desired count is within the acceptable range"};
}

struct Bound {
  int32_t replicas;
  Condition condition;
};

// With behavior, for the one direction that `desired` goes. Only the bound of that direction is
// applied: on the way up minReplicas plays no part (decide() has dealt with a count outside).
Bound bound_with_behavior(const BehaviorOf& of, CurrentAndDesired counts, const HpaMemory& memory,
                          SteadyTime now) {
  const auto [current, desired] = counts;
  const auto& [spec, behavior] = of;
  if (desired > current) {
    const int32_t rate = rate_limit(behavior.scale_up, Direction::kUp, current, memory, now);
    const bool by_rate = spec.max_replicas > rate;
    const int32_t most = std::min(spec.max_replicas, rate);
    if (desired > most) return {most, by_rate ? too_fast(Direction::kUp) : too_many()};
  } else if (desired < current) {
    const int32_t rate = rate_limit(behavior.scale_down, Direction::kDown, current, memory, now);
    const bool by_rate = spec.min_replicas < rate;
    const int32_t least = std::max(spec.min_replicas, rate);
    if (desired < least) return {least, by_rate ? too_fast(Direction::kDown) : too_few()};
  }
  return {desired, in_range()};
}

// Without behavior: at most max(2 × current, 4) per sync.
Bound bound_without_behavior(const HpaSpec& spec, int32_t current, int32_t desired) {
  const int32_t rate = clamp_to_int32(std::max(2.0 * current, 4.0));
  const bool by_rate = spec.max_replicas > rate;
  const int32_t most = std::min(spec.max_replicas, rate);
  if (desired < spec.min_replicas) return {spec.min_replicas, too_few()};
  if (desired > most) return {most, by_rate ? too_fast(Direction::kUp) : too_many()};
  return {desired, in_range()};
}

Condition able(int32_t desired, int32_t stabilized, bool upwards) {
  if (desired == stabilized) {
    return {true, "ReadyForNewScale", "recommended size matches current size"};
  }
  return upwards ? Condition{true, "ScaleUpStabilized", kLowestRecent}
                 : Condition{true, "ScaleDownStabilized", kHighestRecent};
}

}  // namespace

void note_first_replicas(HpaMemory& memory, int32_t replicas, SteadyTime now) {
  if (memory.started) return;
  memory.started = true;
  memory.recommendations.push_back({replicas, now});
}

Limited limit_replicas(const HpaSpec& spec, int32_t current, int32_t desired, HpaMemory& memory,
                       SteadyTime now) {
  if (!spec.behavior) {
    const int32_t stabilized = highest_recent(spec, desired, memory, now);
    Bound bound = bound_without_behavior(spec, current, stabilized);
    return {bound.replicas, able(desired, stabilized, false), std::move(bound.condition)};
  }
  const BehaviorOf of{spec, *spec.behavior};
  const int32_t stabilized = stabilize(of, {current, desired}, memory, now);
  Bound bound = bound_with_behavior(of, {current, stabilized}, memory, now);
  return {bound.replicas, able(desired, stabilized, desired >= current),
          std::move(bound.condition)};
}

void note_scale_event(const HpaSpec& spec, int32_t change, HpaMemory& memory, SteadyTime now) {
  if (!spec.behavior || change == 0) return;
  const auto& rules = change > 0 ? spec.behavior->scale_up : spec.behavior->scale_down;
  seconds longest{0};
  for (const auto& policy : rules.policies) longest = std::max(longest, policy.period);
  auto& events = change > 0 ? memory.scale_ups : memory.scale_downs;
  remember(events, {std::abs(change), now}, now - longest, HpaMemory::kMaxScaleEvents);
}

}  // namespace leadline
