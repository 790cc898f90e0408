// kubernetes-metrics-api.md §4.4: stabilisation, policies and bounds. `wish` is what the metrics
// say.

#include "engine/scaling/hpa_limits.h"

#include <limits>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace leadline {
namespace {

using std::chrono::seconds;

constexpr std::int32_t kManyReplicas = std::numeric_limits<std::int32_t>::max();

SteadyTime at(int second) {
  return SteadyTime{} + seconds{10'000 + second};
}

std::string render(const Limited& limited) {
  return fmt::format("{} {} {}", limited.replicas, limited.able_to_scale.reason,
                     limited.scaling_limited.reason);
}

HpaSpec spec_between(std::int32_t least, std::int32_t most) {
  HpaSpec spec;
  spec.min_replicas = least;
  spec.max_replicas = most;
  return spec;
}

// No stabilisation in either direction, one policy upwards and one downwards.
HpaSpec spec_with(ScalingPolicy up, ScalingPolicy down) {
  HpaSpec spec = spec_between(1, 1000);
  spec.behavior = Behavior{.scale_up = {.stabilization_window = seconds{0}, .policies = {up}},
                           .scale_down = {.stabilization_window = seconds{0}, .policies = {down}}};
  return spec;
}

// One sync at `second`; like the caller of decide(), it remembers the change.
std::int32_t sync(const HpaSpec& spec, std::int32_t current, std::int32_t wish, HpaMemory& memory,
                  int second) {
  const Limited limited = limit_replicas(spec, current, wish, memory, at(second));
  note_scale_event(spec, limited.replicas - current, memory, at(second));
  return limited.replicas;
}

TEST(HpaLimitsTest, WithoutBehaviorOneSyncAtMostDoublesOrReachesFour) {
  const auto f = [](std::int32_t current, std::int32_t wish, std::string_view want) {
    SCOPED_TRACE(std::string(want));
    HpaMemory memory;
    EXPECT_EQ(render(limit_replicas(spec_between(1, 100), current, wish, memory, at(0))), want);
  };
  f(1, 3, "3 ReadyForNewScale DesiredWithinRange");
  f(1, 4, "4 ReadyForNewScale DesiredWithinRange");
  f(1, 5, "4 ReadyForNewScale ScaleUpLimit");
  f(2, 50, "4 ReadyForNewScale ScaleUpLimit");
  f(3, 50, "6 ReadyForNewScale ScaleUpLimit");
  f(10, 20, "20 ReadyForNewScale DesiredWithinRange");
  f(10, 21, "20 ReadyForNewScale ScaleUpLimit");
  f(60, 120, "100 ReadyForNewScale TooManyReplicas");
  f(0, 9, "4 ReadyForNewScale ScaleUpLimit");
  f(5, 0, "1 ReadyForNewScale TooFewReplicas");
  f(5, 2, "2 ReadyForNewScale DesiredWithinRange");  // nothing remembered yet: straight down
}

TEST(HpaLimitsTest, WithoutBehaviorTheHighestWishOfFiveMinutesHolds) {
  const HpaSpec spec = spec_between(1, 100);
  HpaMemory memory;
  EXPECT_EQ(sync(spec, 8, 8, memory, 0), 8);
  EXPECT_EQ(render(limit_replicas(spec, 8, 2, memory, at(15))),
            "8 ScaleDownStabilized DesiredWithinRange");
  EXPECT_EQ(sync(spec, 8, 3, memory, 299), 8);
  EXPECT_EQ(sync(spec, 8, 2, memory, 300), 8);  // a wish exactly one window old still counts
  EXPECT_EQ(sync(spec, 8, 2, memory, 301), 3);
  EXPECT_EQ(sync(spec, 3, 6, memory, 302), 6);  // upwards at once
}

TEST(HpaLimitsTest, AnOlderHigherWishScalesUpWithoutBehavior) {
  const HpaSpec spec = spec_between(1, 100);
  HpaMemory memory;
  EXPECT_EQ(sync(spec, 2, 50, memory, 0), 4);
  EXPECT_EQ(sync(spec, 4, 4, memory, 15), 8);  // the 50 of 15 s ago stands
}

TEST(HpaLimitsTest, BehaviorDefaultsAllowFourOrDoubleEachFifteenSeconds) {
  HpaSpec spec = spec_between(1, 1000);
  spec.behavior.emplace();
  const auto f = [&](std::int32_t current, std::int32_t wish, std::string_view want) {
    SCOPED_TRACE(std::string(want));
    HpaMemory memory;
    EXPECT_EQ(render(limit_replicas(spec, current, wish, memory, at(0))), want);
  };
  f(1, 100, "5 ReadyForNewScale ScaleUpLimit");  // 1 + 4, one more than without behavior
  f(4, 100, "8 ReadyForNewScale ScaleUpLimit");
  f(10, 100, "20 ReadyForNewScale ScaleUpLimit");
  f(10, 15, "15 ReadyForNewScale DesiredWithinRange");
  f(10, 1, "1 ReadyForNewScale DesiredWithinRange");  // 100 % down
  f(10, 0, "1 ReadyForNewScale TooFewReplicas");
  f(900, 5000, "1000 ReadyForNewScale TooManyReplicas");
  f(10, 10, "10 ReadyForNewScale DesiredWithinRange");
}

TEST(HpaLimitsTest, BehaviorTakesTheDownscaleFlagWhereItSetsNoWindow) {
  HpaSpec spec = spec_between(1, 100);
  spec.behavior.emplace();
  HpaMemory memory;
  EXPECT_EQ(sync(spec, 8, 8, memory, 0), 8);
  EXPECT_EQ(render(limit_replicas(spec, 8, 2, memory, at(15))),
            "8 ScaleDownStabilized DesiredWithinRange");
  EXPECT_EQ(sync(spec, 8, 2, memory, 299), 8);
  EXPECT_EQ(sync(spec, 8, 2, memory, 300), 2);  // here one window old is too old
}

TEST(HpaLimitsTest, ScaleDownWindowOfFifteenSecondsHoldsFifteenSeconds) {
  HpaSpec spec = spec_between(1, 100);
  spec.behavior.emplace();
  spec.behavior->scale_down.stabilization_window = seconds{15};
  HpaMemory memory;
  EXPECT_EQ(sync(spec, 6, 6, memory, 0), 6);
  EXPECT_EQ(sync(spec, 6, 2, memory, 1), 6);
  EXPECT_EQ(sync(spec, 6, 3, memory, 14), 6);
  EXPECT_EQ(sync(spec, 6, 2, memory, 15), 3);
  EXPECT_EQ(sync(spec, 3, 1, memory, 29), 2);
}

TEST(HpaLimitsTest, ScaleUpWindowTakesTheLowestWish) {
  HpaSpec spec = spec_between(1, 100);
  spec.behavior.emplace();
  spec.behavior->scale_up.stabilization_window = seconds{30};
  HpaMemory memory;
  EXPECT_EQ(sync(spec, 4, 4, memory, 0), 4);
  EXPECT_EQ(render(limit_replicas(spec, 4, 8, memory, at(10))),
            "4 ScaleUpStabilized DesiredWithinRange");
  EXPECT_EQ(sync(spec, 4, 6, memory, 20), 4);
  EXPECT_EQ(sync(spec, 4, 8, memory, 30), 6);
  EXPECT_EQ(sync(spec, 6, 9, memory, 40), 6);
  EXPECT_EQ(sync(spec, 6, 9, memory, 51), 8);
}

TEST(HpaLimitsTest, BothWindowsTogetherKeepTheCountStill) {
  HpaSpec spec = spec_between(1, 100);
  spec.behavior.emplace();
  spec.behavior->scale_up.stabilization_window = seconds{60};
  spec.behavior->scale_down.stabilization_window = seconds{60};
  HpaMemory memory;
  EXPECT_EQ(sync(spec, 5, 8, memory, 0), 8);
  for (int second = 10; second < 60; second += 10) {
    EXPECT_EQ(sync(spec, 5, second % 20 == 0 ? 8 : 2, memory, second), 5) << second;
  }
}

TEST(HpaLimitsTest, PoliciesLimitTheChangeOfTheirPeriod) {
  const auto f = [](ScalingPolicy policy, std::int32_t current, std::int32_t wish,
                    std::int32_t want) {
    SCOPED_TRACE(fmt::format("{} of {} towards {}", policy.value, current, wish));
    HpaMemory memory;
    EXPECT_EQ(sync(spec_with(policy, policy), current, wish, memory, 0), want);
  };
  const auto pods = [](std::int32_t value) { return ScalingPolicy{PolicyType::kPods, value}; };
  const auto percent = [](std::int32_t value) {
    return ScalingPolicy{PolicyType::kPercent, value};
  };
  f(pods(2), 10, 20, 12);
  f(pods(2), 10, 11, 11);
  f(pods(2), 10, 1, 8);
  f(pods(50), 10, 1, 1);
  f(percent(10), 3, 20, 4);  // 3.3 rounded up
  f(percent(10), 3, 1, 2);   // 2.7 cut off
  f(percent(50), 10, 100, 15);
  f(percent(50), 10, 1, 5);
  f(percent(50), 1, 1, 1);
  f(percent(300), 2, 100, 8);
  f(percent(100), 10, 1, 1);
  f(percent(1), 10, 100, 11);
  f(percent(100), kManyReplicas / 2 + 1, kManyReplicas, 1000);  // no overflow, maxReplicas holds
}

TEST(HpaLimitsTest, PolicyCountsWhatItsPeriodAlreadyChanged) {
  const HpaSpec spec =
      spec_with({PolicyType::kPods, 2, seconds{60}}, {PolicyType::kPods, 1, seconds{30}});
  HpaMemory memory;
  EXPECT_EQ(sync(spec, 10, 20, memory, 0), 12);
  EXPECT_EQ(sync(spec, 12, 20, memory, 15), 12);
  EXPECT_EQ(sync(spec, 12, 20, memory, 59), 12);
  EXPECT_EQ(sync(spec, 12, 20, memory, 60), 14);  // the event is exactly one period old: out
  EXPECT_EQ(sync(spec, 14, 5, memory, 61), 11);   // the last 30 s began with 12
}

TEST(HpaLimitsTest, ChangesInTheOtherDirectionShiftThePeriodsStart) {
  const HpaSpec spec =
      spec_with({PolicyType::kPods, 2, seconds{60}}, {PolicyType::kPods, 4, seconds{60}});
  HpaMemory memory;
  EXPECT_EQ(sync(spec, 10, 1, memory, 0), 6);
  // The minute began with 10: 12 are allowed, four of them only bring back what went.
  EXPECT_EQ(sync(spec, 6, 50, memory, 10), 12);
  EXPECT_EQ(sync(spec, 12, 50, memory, 20), 12);
}

TEST(HpaLimitsTest, SelectPolicyPicksTheLargestSmallestOrNoChange) {
  const auto f = [](SelectPolicy select, std::int32_t wish, std::string_view want) {
    SCOPED_TRACE(std::string(want));
    HpaSpec spec = spec_with({PolicyType::kPods, 3}, {PolicyType::kPods, 3});
    for (auto* rules : {&spec.behavior->scale_up, &spec.behavior->scale_down}) {
      rules->policies.push_back({PolicyType::kPercent, 50});
      rules->select_policy = select;
    }
    HpaMemory memory;
    EXPECT_EQ(render(limit_replicas(spec, 10, wish, memory, at(0))), want);
  };
  f(SelectPolicy::kMax, 99, "15 ReadyForNewScale ScaleUpLimit");
  f(SelectPolicy::kMin, 99, "13 ReadyForNewScale ScaleUpLimit");
  f(SelectPolicy::kDisabled, 99, "10 ReadyForNewScale ScaleUpLimit");
  f(SelectPolicy::kMax, 1, "5 ReadyForNewScale ScaleDownLimit");
  f(SelectPolicy::kMin, 1, "7 ReadyForNewScale ScaleDownLimit");
  f(SelectPolicy::kDisabled, 1, "10 ReadyForNewScale ScaleDownLimit");
}

TEST(HpaLimitsTest, MemoryIsBounded) {
  HpaSpec spec = spec_between(1, 100);
  spec.behavior.emplace();
  HpaMemory memory;
  for (int second = 0; second < 700; ++second) {
    sync(spec, 10, 10 + second % 2, memory, second);
  }
  // A 300 s window at one sync a second, and 15 s of events.
  EXPECT_LE(memory.recommendations.size(), 302U);
  EXPECT_LE(memory.scale_ups.size(), 17U);

  spec.behavior->scale_down.stabilization_window = seconds{1'000'000};
  memory.recommendations.assign(HpaMemory::kMaxRecommendations, {10, at(700)});
  for (int second = 701; second < 704; ++second) sync(spec, 10, 10, memory, second);
  EXPECT_EQ(memory.recommendations.size(), HpaMemory::kMaxRecommendations);
  EXPECT_EQ(memory.recommendations.back().at, at(703));
}

TEST(HpaLimitsTest, NothingIsKeptOfChangesWithoutBehavior) {
  HpaMemory memory;
  sync(spec_between(1, 100), 1, 4, memory, 0);
  EXPECT_TRUE(memory.scale_ups.empty());
}

}  // namespace
}  // namespace leadline
