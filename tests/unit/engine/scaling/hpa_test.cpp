// Whole syncs of the controller: several metrics, invalid ones, bounds, and what is said of them.

#include "engine/scaling/hpa.h"

#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace leadline {
namespace {

using std::chrono::seconds;
using Items = std::vector<std::int64_t>;
using Pods = std::vector<PodValue>;

SteadyTime at(int second) {
  return SteadyTime{} + seconds{10'000 + second};
}

MetricSpec metric_of(MetricType type, std::string name, std::int64_t goal_milli) {
  MetricSpec metric;
  metric.type = type;
  metric.name = std::move(name);
  metric.goal_milli = goal_milli;
  return metric;
}
MetricSpec external(std::string name, std::int64_t goal_milli) {
  return metric_of(MetricType::kExternal, std::move(name), goal_milli);
}

HpaSpec spec_of(std::vector<MetricSpec> metrics) {
  HpaSpec spec;
  spec.min_replicas = 1;
  spec.max_replicas = 10;
  spec.metrics = std::move(metrics);
  return spec;
}

// `replicas` of them, all running and ready.
Observation observe(std::int32_t replicas, std::vector<MetricReading> readings) {
  Observation observation;
  observation.spec_replicas = observation.status_replicas = replicas;
  observation.pods.resize(static_cast<std::size_t>(replicas));
  for (int i = 0; auto& pod : observation.pods) pod.name = fmt::format("p{}", i++);
  observation.readings = std::move(readings);
  return observation;
}

// A memory that has seen its first sync long ago: stabilisation does not interfere.
HpaMemory settled() {
  HpaMemory memory;
  memory.started = true;
  return memory;
}

std::string render(const Decision& decision) {
  return fmt::format("{}{} | {} | {}", decision.desired, decision.rescale ? " rescale" : " hold",
                     decision.reason, decision.scaling_active.reason);
}

TEST(HpaTest, OneExternalMetricDecides) {
  const auto f = [](std::int32_t replicas, Items items, std::string_view want) {
    SCOPED_TRACE(std::string(want));
    HpaMemory memory = settled();
    const auto spec = spec_of({external("queue_depth", 10'000)});
    EXPECT_EQ(render(decide(spec, observe(replicas, {std::move(items)}), memory, at(0))), want);
  };
  f(1, {30'000}, "3 rescale | external metric queue_depth(nil) above target | ValidMetricFound");
  f(1, {42'000}, "4 rescale | external metric queue_depth(nil) above target | ValidMetricFound");
  f(3, {42'000}, "5 rescale | external metric queue_depth(nil) above target | ValidMetricFound");
  f(3, {21'000, 21'000},
    "5 rescale | external metric queue_depth(nil) above target | "
    "ValidMetricFound");
  f(3, {33'000}, "3 hold |  | ValidMetricFound");
  f(3, {10'000}, "1 rescale | All metrics below target | ValidMetricFound");
  f(3, {0}, "1 rescale | All metrics below target | ValidMetricFound");
  f(3, {}, "3 hold |  | FailedGetExternalMetric");
  f(9, {900'000}, "10 rescale | external metric queue_depth(nil) above target | ValidMetricFound");
}

TEST(HpaTest, LargestProposalOfSeveralMetricsWins) {
  const auto spec = spec_of({external("a", 10'000), external("b", 1'000), external("c", 5'000)});
  HpaMemory memory = settled();
  const Decision decision =
      decide(spec, observe(4, {Items{20'000}, Items{7'000}, Items{30'000}}), memory, at(0));
  EXPECT_EQ(render(decision), "7 rescale | external metric b(nil) above target | ValidMetricFound");
  ASSERT_EQ(decision.metrics.size(), 3U);
  EXPECT_EQ(decision.metrics[0].proposal->replicas, 2);
  EXPECT_EQ(decision.metrics[1].proposal->replicas, 7);
  EXPECT_EQ(decision.metrics[2].proposal->replicas, 6);
}

TEST(HpaTest, OfEqualProposalsTheFirstIsNamedButOfZerosTheLast) {
  const auto f = [](std::int64_t a, std::int64_t b, std::string_view want) {
    SCOPED_TRACE(std::string(want));
    HpaMemory memory = settled();
    auto spec = spec_of({external("a", 10'000), external("b", 10'000)});
    for (auto& metric : spec.metrics) metric.goal_type = GoalType::kValue;
    const auto decision = decide(spec, observe(4, {Items{a}, Items{b}}), memory, at(0));
    EXPECT_EQ(decision.scaling_active.message,
              "the HPA was able to successfully calculate a replica count from external metric " +
                  std::string(want));
  };
  f(20'000, 20'000, "a(nil)");
  f(0, 0, "b(nil)");
  f(0, -30'000, "b(nil)");  // even a negative one
  f(-30'000, 0, "b(nil)");
}

TEST(HpaTest, InvalidMetricForbidsScaleDownButNotScaleUp) {
  const auto f = [](std::vector<MetricReading> readings, std::string_view want) {
    SCOPED_TRACE(std::string(want));
    HpaMemory memory = settled();
    const auto spec = spec_of({external("a", 10'000), external("b", 10'000)});
    EXPECT_EQ(render(decide(spec, observe(4, std::move(readings)), memory, at(0))), want);
  };
  f({NoReading{"x"}, Items{80'000}},
    "8 rescale | external metric b(nil) above target | ValidMetricFound");
  f({NoReading{"x"}, Items{20'000}}, "4 hold |  | FailedGetExternalMetric");
  f({Items{20'000}, NoReading{"x"}}, "4 hold |  | FailedGetExternalMetric");
  f({NoReading{"x"}, Items{40'000}}, "4 hold |  | ValidMetricFound");
  f({NoReading{"x"}, NoReading{"y"}}, "4 hold |  | FailedGetExternalMetric");
  f({Items{20'000}, Items{20'000}}, "2 rescale | All metrics below target | ValidMetricFound");
}

TEST(HpaTest, OnlyWhatTheMetricsApiWithheldIsAMetricThatWeWereUnableToGet) {
  const auto f = [](MetricSpec metric, MetricReading reading, std::vector<ObservedPod> pods,
                    std::string_view want) {
    SCOPED_TRACE(std::string(want));
    HpaMemory memory = settled();
    const auto spec = spec_of({std::move(metric)});
    auto observation = observe(2, {std::move(reading)});
    observation.pods = std::move(pods);
    EXPECT_EQ(decide(spec, observation, memory, at(0)).scaling_active.message,
              "the HPA was unable to compute the replica count: " + std::string(want));
  };
  const auto pods = metric_of(MetricType::kPods, "m", 1'000);
  auto total = external("m", 1'000);
  total.goal_type = GoalType::kValue;
  f(pods, Pods{{"p0", 1}}, {}, "no pods returned by selector while calculating replica count");
  f(pods, Pods{{"p0", 1}}, {{"p0", PodPhase::kPending}},
    "did not receive metrics for targeted pods (pods might be unready)");
  f(total, Items{5'000}, {},
    "unable to calculate ready pods: no pods returned by selector while calculating replica "
    "count");
}

TEST(HpaTest, MessagesAreTheControllersOwn) {
  const auto f = [](MetricSpec metric, MetricReading reading, std::string_view want) {
    SCOPED_TRACE(std::string(want));
    HpaMemory memory = settled();
    const auto spec = spec_of({std::move(metric)});
    const auto decision = decide(spec, observe(2, {std::move(reading)}), memory, at(0));
    EXPECT_EQ(decision.scaling_active.reason + ": " + decision.scaling_active.message, want);
    EXPECT_FALSE(decision.scaling_active.status);
    EXPECT_EQ(decision.desired, 2);
  };
  const MetricSpec pods = metric_of(MetricType::kPods, "m", 1'000);
  MetricSpec object = metric_of(MetricType::kObject, "m", 1'000);
  object.object_kind = "Deployment";
  object.object_name = "vllm";
  f(pods, NoReading{"the server could not find the metric m for pods"},
    "FailedGetPodsMetric: the HPA was unable to compute the replica count: unable to get metric m: "
    "unable to fetch metrics from custom metrics API: the server could not find the metric m for "
    "pods");
  f(pods, Pods{},
    "FailedGetPodsMetric: the HPA was unable to compute the replica count: unable to get metric m: "
    "no metrics returned from custom metrics API");
  f(object, NoReading{"coverage 1/3 below 0.5"},
    "FailedGetObjectMetric: the HPA was unable to compute the replica count: unable to get metric "
    "m: Deployment on default vllm/unable to fetch metrics from custom metrics API: coverage 1/3 "
    "below 0.5");
  f(object, Items{1, 2},
    "FailedGetObjectMetric: the HPA was unable to compute the replica count: unable to get metric "
    "m: Deployment on default vllm/unable to fetch metrics from custom metrics API: the custom "
    "metrics API server returned 2 results when we asked for exactly one");
  f(external("m", 1'000), NoReading{"no"},
    "FailedGetExternalMetric: the HPA was unable to compute the replica count: unable to get "
    "external metric default/m/nil: unable to fetch metrics from external metrics API: no");
  f(external("m", 1'000), Items{},
    "FailedGetExternalMetric: the HPA was unable to compute the replica count: unable to get "
    "external metric default/m/nil: no metrics returned from external metrics API");
}

TEST(HpaTest, EveryMetricTypeAndGoalTypeReachesItsArithmetic) {
  const auto f = [](MetricSpec metric, MetricReading reading, std::int32_t want) {
    SCOPED_TRACE(want);
    HpaMemory memory = settled();
    const auto spec = spec_of({std::move(metric)});
    auto observation = observe(3, {std::move(reading)});
    observation.pods[2].ready = false;
    EXPECT_EQ(decide(spec, observation, memory, at(0)).desired, want);
  };
  const auto metric = [](MetricType type, GoalType goal_type) {
    MetricSpec spec = metric_of(type, "m", 10'000);
    spec.goal_type = goal_type;
    return spec;
  };
  using enum MetricType;
  using enum GoalType;
  f(metric(kPods, kAverageValue), Pods{{"p0", 15'000}, {"p1", 15'000}, {"p2", 15'000}}, 5);
  f(metric(kObject, kValue), Items{20'000}, 4);         // × 2 ready
  f(metric(kObject, kAverageValue), Items{60'000}, 6);  // ÷ the goal
  f(metric(kExternal, kValue), Items{10'000, 10'000}, 4);
  f(metric(kExternal, kAverageValue), Items{30'000, 30'000}, 6);
}

TEST(HpaTest, CountOutsideTheBoundsMovesIntoThemWithoutAskingMetrics) {
  const auto f = [](std::int32_t replicas, std::string_view want) {
    SCOPED_TRACE(std::string(want));
    HpaSpec spec = spec_of({external("a", 10'000)});
    spec.min_replicas = 2;
    HpaMemory memory = settled();
    const auto decision = decide(spec, observe(replicas, {NoReading{"x"}}), memory, at(0));
    EXPECT_EQ(render(decision), want);
    EXPECT_TRUE(decision.metrics.empty());
  };
  f(1, "2 rescale | Current number of replicas below Spec.MinReplicas | ");
  f(12, "10 rescale | Current number of replicas above Spec.MaxReplicas | ");
  f(0, "0 hold |  | ScalingDisabled");
}

TEST(HpaTest, ScalesToZeroAndBackWhereMinReplicasIsZero) {
  const auto f = [](GoalType goal_type, std::int32_t replicas, std::int64_t value,
                    std::int32_t want) {
    SCOPED_TRACE(value);
    HpaSpec spec = spec_of({external("a", 10'000)});
    spec.metrics[0].goal_type = goal_type;
    spec.min_replicas = 0;
    HpaMemory memory = settled();
    memory.scaled_to_zero = replicas == 0;
    EXPECT_EQ(decide(spec, observe(replicas, {Items{value}}), memory, at(0)).desired, want);
  };
  f(GoalType::kAverageValue, 0, 1, 1);
  f(GoalType::kAverageValue, 0, 0, 0);
  f(GoalType::kAverageValue, 0, 99'000, 4);  // max(2 × 0, 4)
  f(GoalType::kValue, 0, 500, 1);
  f(GoalType::kValue, 0, 0, 0);
  f(GoalType::kAverageValue, 3, 0, 0);
}

TEST(HpaTest, WhatSomebodyElseScaledToZeroStaysThere) {
  HpaSpec spec = spec_of({external("a", 10'000)});
  spec.min_replicas = 0;
  HpaMemory memory = settled();
  const auto sync = [&](std::int32_t replicas, std::int64_t value, int second) {
    return decide(spec, observe(replicas, {Items{value}}), memory, at(second));
  };
  EXPECT_EQ(render(sync(0, 50'000, 0)), "0 hold |  | ScalingDisabled");
  EXPECT_EQ(sync(2, 0, 400).desired, 0);
  EXPECT_EQ(sync(0, 20'000, 800).desired, 2);    // it was us
  EXPECT_EQ(sync(0, 20'000, 1'200).desired, 0);  // it was not
}

TEST(HpaTest, MinReplicasRaisedWhileAtZeroIsReached) {
  HpaSpec spec = spec_of({external("a", 10'000)});
  spec.behavior.emplace();
  spec.min_replicas = 2;
  HpaMemory memory = settled();
  memory.scaled_to_zero = true;
  EXPECT_EQ(render(decide(spec, observe(0, {Items{0}}), memory, at(0))),
            "2 rescale | Current number of replicas below Spec.MinReplicas | ValidMetricFound");
  EXPECT_EQ(decide(spec, observe(0, {Items{0}}), memory, at(15)).desired, 0);
}

TEST(HpaTest, FirstSyncRemembersTheCountItFound) {
  const auto spec = spec_of({external("a", 10'000)});
  HpaMemory memory;
  EXPECT_EQ(decide(spec, observe(6, {Items{10'000}}), memory, at(0)).desired, 6);
  EXPECT_EQ(decide(spec, observe(6, {Items{10'000}}), memory, at(300)).desired, 6);
  const auto decision = decide(spec, observe(6, {Items{10'000}}), memory, at(301));
  EXPECT_EQ(decision.desired, 1);
  EXPECT_EQ(decision.able_to_scale.reason, "SucceededRescale");
  EXPECT_EQ(decision.able_to_scale.message,
            "the HPA controller was able to update the target scale to 1");
}

TEST(HpaTest, FailedSyncLeavesNoRecommendation) {
  const auto spec = spec_of({external("a", 10'000)});
  HpaMemory memory = settled();
  decide(spec, observe(6, {NoReading{"x"}}), memory, at(0));
  EXPECT_TRUE(memory.recommendations.empty());
  EXPECT_EQ(decide(spec, observe(6, {Items{10'000}}), memory, at(15)).desired, 1);
}

TEST(HpaTest, BehaviorPoliciesCountTheDecisionsThatWereMade) {
  HpaSpec spec = spec_of({external("a", 10'000)});
  spec.max_replicas = 100;
  spec.behavior.emplace();
  spec.behavior->scale_up.policies = {{PolicyType::kPods, 2, seconds{60}}};
  HpaMemory memory = settled();
  EXPECT_EQ(decide(spec, observe(2, {Items{500'000}}), memory, at(0)).desired, 4);
  const auto limited = decide(spec, observe(4, {Items{500'000}}), memory, at(15));
  EXPECT_EQ(limited.desired, 4);
  EXPECT_EQ(limited.scaling_limited.reason, "ScaleUpLimit");
  EXPECT_TRUE(limited.scaling_limited.status);
  EXPECT_EQ(decide(spec, observe(4, {Items{500'000}}), memory, at(60)).desired, 6);
}

TEST(HpaTest, TolerancePerDirectionOverridesTheFlag) {
  HpaSpec spec = spec_of({external("a", 10'000)});
  spec.behavior.emplace();
  spec.behavior->scale_up.tolerance = 0.0;
  HpaMemory memory = settled();
  EXPECT_EQ(decide(spec, observe(3, {Items{31'000}}), memory, at(0)).desired, 4);
  EXPECT_EQ(decide(spec, observe(3, {Items{28'000}}), memory, at(1)).desired, 3);
}

TEST(HpaTest, EarlierHigherWishRescalesWithoutAReason) {
  const auto spec = spec_of({external("a", 10'000)});
  HpaMemory memory = settled();
  EXPECT_EQ(decide(spec, observe(2, {Items{90'000}}), memory, at(0)).desired, 4);
  EXPECT_EQ(render(decide(spec, observe(4, {Items{40'000}}), memory, at(15))),
            "8 rescale |  | ValidMetricFound");
}

TEST(HpaTest, SameArgumentsDecideTheSame) {
  const auto spec = spec_of({external("a", 10'000)});
  HpaMemory memory = settled();
  HpaMemory replayed = settled();
  for (int second = 0; second < 600; second += 15) {
    const auto observation = observe(1 + second % 7, {Items{second * 317 % 90'000}});
    EXPECT_EQ(render(decide(spec, observation, memory, at(second))),
              render(decide(spec, observation, replayed, at(second))));
  }
}

}  // namespace
}  // namespace leadline
