// Holds the figures of sim/data/README.md, in virtual time: what the demo promises of its load does
// not depend on the machine.

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sim/load_plan.h"
#include "tests/unit/sim/virtual_fleet.h"

namespace leadline {
namespace {

using std::chrono::seconds;

constexpr double kGoal = 36;

LoadPlan demo_plan() {
  const auto trace = parse_trace(demo_trace());
  const auto plan = plan_load(*trace, demo_load_options());
  return *plan;
}

PerfModel default_model() {
  return *parse_perf_model(embedded_perf_table(), {});
}

double rate(const LoadPlan& plan, seconds from, seconds to) {
  const auto inside = [=](const Arrival& a) { return a.at >= from && a.at < to; };
  return static_cast<double>(std::count_if(plan.arrivals.begin(), plan.arrivals.end(), inside)) /
         static_cast<double>((to - from).count());
}

double mean_in_flight(const std::vector<FleetSecond>& run, std::size_t from, std::size_t to) {
  double sum = 0;
  for (std::size_t i = from; i < to; ++i) sum += run[i].in_flight;
  return sum / static_cast<double>(to - from);
}

double share_within(const VirtualFleet& fleet, const LoadPlan& plan, double bound) {
  const auto within = std::count_if(fleet.ttfts().begin(), fleet.ttfts().end(),
                                    [bound](double ttft) { return ttft <= bound; });
  return static_cast<double>(within) / static_cast<double>(plan.arrivals.size());
}

TEST(DemoExcerptTest, EmbeddedTraceIsTheNamedExcerpt) {
  const auto trace = parse_trace(demo_trace());
  ASSERT_TRUE(trace.has_value());
  EXPECT_EQ(trace->rows.size(), 2458U);
  EXPECT_NEAR(static_cast<double>(trace->span.count()) / 1e9, 450, 1);
}

TEST(DemoExcerptTest, PlanIsALullABurstAndALull) {
  const LoadPlan plan = demo_plan();
  EXPECT_EQ(plan.duration, seconds(150));
  EXPECT_EQ(plan.arrivals.size(), 662U);
  EXPECT_LT(rate(plan, seconds(0), seconds(35)), 2);
  EXPECT_GT(rate(plan, seconds(43), seconds(80)), 10);
  EXPECT_LT(rate(plan, seconds(80), seconds(150)), 2);
  for (const Arrival& arrival : plan.arrivals) {
    EXPECT_LE(arrival.prompt_tokens + arrival.generation_tokens, BatchingConfig{}.max_model_len);
  }
}

TEST(DemoExcerptTest, OneReplicaCarriesTheLullAndFourTheBurst) {
  const LoadPlan plan = demo_plan();
  VirtualFleet one({}, default_model(), 1);
  const auto lull = one.run(plan);
  EXPECT_LT(mean_in_flight(lull, 10, 35), kGoal) << "1 replica in the lull";
  VirtualFleet four({}, default_model(), 4);
  const auto burst = four.run(plan);
  EXPECT_GT(mean_in_flight(burst, 65, 80), 3 * kGoal) << "more than 3 replicas in the burst";
  EXPECT_LT(mean_in_flight(burst, 125, 150), kGoal) << "1 replica after it";
  EXPECT_GT(share_within(four, plan, 2), .99);
  VirtualFleet two({}, default_model(), 2);
  two.run(plan);
  EXPECT_LT(share_within(two, plan, 2), .6) << "two replicas are plainly not enough";
}

TEST(DemoExcerptTest, HpaFormulaFollowsTheBurstAndComesBack) {
  const LoadPlan plan = demo_plan();
  FleetScaling scaling;
  scaling.goal = kGoal;
  scaling.startup = seconds(6);
  VirtualFleet fleet({}, default_model(), 1, scaling);
  const auto run = fleet.run(plan);
  int most = 0;
  for (const FleetSecond& second : run) most = std::max(most, second.desired);
  EXPECT_EQ(run[34].desired, 1);
  EXPECT_GE(run[60].ready, 3) << "within 25 s of the burst";
  EXPECT_GE(most, 4);
  EXPECT_LE(most, 6);
  EXPECT_EQ(run[115].desired, 1);
  EXPECT_EQ(run[149].desired, 1) << "and it stays there";
  EXPECT_GT(share_within(fleet, plan, 2), .85);
}

// The rate at which a replica still keeps TTFT p99 below 2 s, and what it then holds: 52 to 55
// requests. 0.65 of that is the goal of the demo's manifest.
TEST(DemoExcerptTest, OneReplicaHoldsAboutFiftyFiveRequestsAtItsCapacity) {
  const auto trace = parse_trace(demo_trace());
  const auto run_at = [&](int copies) {
    const auto plan =
        plan_load(*trace, {.duration = seconds(300), .copies = copies, .keep_every = 10});
    VirtualFleet fleet({}, default_model(), 1);
    const auto run = fleet.run(*plan);
    return std::pair(mean_in_flight(run, 100, 300), share_within(fleet, *plan, 2));
  };
  const auto [held, kept] = run_at(6);
  EXPECT_GT(kept, .98);
  EXPECT_GT(held, 40);
  EXPECT_LT(held, 64);
  const auto [flooded, missed] = run_at(8);
  EXPECT_LT(missed, .8);
  EXPECT_GT(flooded, 64) << "more than its slots: a queue";
}

}  // namespace
}  // namespace leadline
