// Every number of kubernetes-metrics-api.md §4.2–4.3, and the corners of the controller's
// arithmetic.

#include "engine/scaling/replica_math.h"

#include <limits>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace leadline {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
const Tolerances kDefault;

using Values = std::vector<PodValue>;

// One letter per pod, named a, b, c …: R running, U running but not Ready, P pending, F failed,
// S succeeded, D being deleted.
Observation observe(std::string_view pods, int spec_replicas) {
  Observation observation;
  observation.spec_replicas = observation.status_replicas = spec_replicas;
  char name = 'a';
  for (const char letter : pods) {
    ObservedPod pod;
    pod.name = std::string(1, name++);
    if (letter == 'U') pod.ready = false;
    if (letter == 'P') pod.phase = PodPhase::kPending;
    if (letter == 'F') pod.phase = PodPhase::kFailed;
    if (letter == 'S') pod.phase = PodPhase::kSucceeded;
    if (letter == 'D') pod.deleting = true;
    observation.pods.push_back(pod);
  }
  return observation;
}

std::string render(const Result<Proposal>& proposal) {
  if (!proposal) return "error: " + proposal.error().message;
  const char* verdict = "";
  if (proposal->verdict == Verdict::kWithinTolerance) verdict = " within tolerance";
  if (proposal->verdict == Verdict::kDirectionFlipped) verdict = " direction flipped";
  const auto current = proposal->current_milli ? fmt::format("{}", *proposal->current_milli) : "-";
  return fmt::format("{} at {}{}", proposal->replicas, current, verdict);
}

TEST(ReplicaMathTest, PodsMetricMultipliesTheAverageByTheReadyPods) {
  const auto f = [](std::string_view pods, const Values& values, std::string_view want) {
    SCOPED_TRACE(std::string(pods) + " -> " + std::string(want));
    const auto observation = observe(pods, static_cast<int>(pods.size()));
    EXPECT_EQ(render(propose_for_pods(values, 10'000, observation, kDefault)), want);
  };
  f("RRR", {{"a", 20'000}, {"b", 20'000}, {"c", 20'000}}, "6 at 20000");
  f("RRR", {{"a", 11'000}, {"b", 11'000}, {"c", 11'000}}, "3 at 11000 within tolerance");
  f("RRR", {{"a", 11'001}, {"b", 11'001}, {"c", 11'001}}, "4 at 11001");
  f("RRR", {{"a", 9'000}, {"b", 9'000}, {"c", 9'000}}, "3 at 9000 within tolerance");
  f("RRR", {{"a", 8'999}, {"b", 8'999}, {"c", 8'999}}, "3 at 8999");
  f("RRR", {{"a", 6'000}, {"b", 6'000}, {"c", 6'000}}, "2 at 6000");
  f("RRR", {{"a", 0}, {"b", 0}, {"c", 0}}, "0 at 0");
  f("R", {{"a", 1}}, "1 at 1");
  // (1 + 1 + 2) / 3 is 1 in integers.
  f("RRR", {{"a", 1}, {"b", 1}, {"c", 2}}, "1 at 1");
  // Integer division keeps 11.0003 within tolerance.
  f("RRR", {{"a", 11'000}, {"b", 11'000}, {"c", 11'001}}, "3 at 11000 within tolerance");
  // Negative averages are cut towards zero: -1 / 2 is 0.
  f("RR", {{"a", -1}, {"b", 0}}, "0 at 0");
  f("RR", {{"a", -30'000}, {"b", -30'000}}, "-6 at -30000");
}

TEST(ReplicaMathTest, ReadinessOfARunningPodIsNotLookedAt) {
  const Values values{{"a", 20'000}, {"b", 20'000}};
  EXPECT_EQ(render(propose_for_pods(values, 10'000, observe("RU", 2), kDefault)), "4 at 20000");
}

TEST(ReplicaMathTest, ExtraNamesStayInTheAverageButNotInTheCount) {
  const auto f = [](const Values& values, std::string_view want) {
    SCOPED_TRACE(std::string(want));
    EXPECT_EQ(render(propose_for_pods(values, 10'000, observe("RR", 2), kDefault)), want);
  };
  f({{"a", 10'000}, {"b", 10'000}, {"old", 40'000}}, "4 at 20000");  // ceil(2 × 2 ready)
  f({{"a", 20'000}, {"b", 20'000}, {"old", 0}}, "3 at 13333");       // ceil(1.3333 × 2)
  f({{"a", 90'000}, {"a", 20'000}, {"b", 20'000}}, "4 at 20000");    // the last of one name wins
}

TEST(ReplicaMathTest, MissingPodsArgueAgainstTheChange) {
  const auto f = [](std::string_view pods, const Values& values, std::string_view want) {
    SCOPED_TRACE(std::string(pods) + " -> " + std::string(want));
    const auto observation = observe(pods, static_cast<int>(pods.size()));
    EXPECT_EQ(render(propose_for_pods(values, 10'000, observation, kDefault)), want);
  };
  // Check71: four pods, three values. Upwards the fourth counts 0: 60/4 = 15 -> 1.5 × 4.
  f("RRRR", {{"a", 20'000}, {"b", 20'000}, {"c", 20'000}}, "6 at 20000");
  // Downwards it counts as its goal: (6 + 10)/4 = 4 -> 0.4 × 4 = 1.6.
  f("RRRR", {{"a", 2'000}, {"b", 2'000}, {"c", 2'000}}, "2 at 2000");
  // 13 × 3 / 4 = 9.75: now within tolerance.
  f("RRRR", {{"a", 13'000}, {"b", 13'000}, {"c", 13'000}}, "4 at 13000 within tolerance");
  // 11.5 × 3 / 4 = 8.625: the direction would flip.
  f("RRRR", {{"a", 11'500}, {"b", 11'500}, {"c", 11'500}}, "4 at 11500 direction flipped");
  // 8 × 3 and one goal: 34/4 = 8.5 -> ceil(3.4) = 4: nothing changes.
  f("RRRR", {{"a", 8'000}, {"b", 8'000}, {"c", 8'000}}, "4 at 8000");
  // Exactly at the goal: the missing pod is left out, nothing to do.
  f("RRRR", {{"a", 10'000}, {"b", 10'000}, {"c", 10'000}}, "4 at 10000 within tolerance");
  // Within tolerance at first (10.5), but a missing pod is filled in: 7.875 < 1 flips.
  f("RRRR", {{"a", 10'500}, {"b", 10'500}, {"c", 10'500}}, "4 at 10500 direction flipped");
  // 9.5 with a missing one at its goal: 9.625.
  f("RRRR", {{"a", 9'500}, {"b", 9'500}, {"c", 9'500}}, "4 at 9500 within tolerance");
  // A Succeeded pod without a value is missing too.
  f("RRRS", {{"a", 20'000}, {"b", 20'000}, {"c", 20'000}}, "6 at 20000");
  // One value for a hundred: 30 / 3 pods = 10.
  f("RRR", {{"a", 30'000}}, "3 at 30000 within tolerance");
}

TEST(ReplicaMathTest, PendingPodsCountAsIdleOnlyOnTheWayUp) {
  const auto f = [](std::string_view pods, const Values& values, std::string_view want) {
    SCOPED_TRACE(std::string(pods) + " -> " + std::string(want));
    const auto observation = observe(pods, static_cast<int>(pods.size()));
    EXPECT_EQ(render(propose_for_pods(values, 10'000, observation, kDefault)), want);
  };
  f("RRRP", {{"a", 40'000}, {"b", 40'000}, {"c", 40'000}}, "12 at 40000");   // 30 × 4 / 10
  f("RRP", {{"a", 20'000}, {"b", 20'000}}, "4 at 20000");                    // 13.333 × 3 -> 4
  f("RRP", {{"a", 12'000}, {"b", 12'000}}, "3 at 12000 direction flipped");  // 8.0
  f("RRP", {{"a", 15'000}, {"b", 15'000}}, "3 at 15000 within tolerance");   // 10.0
  f("RRP", {{"a", 5'000}, {"b", 5'000}}, "1 at 5000");                       // ceil(0.5 × 2 ready)
  // A value of a pending pod is thrown away.
  f("RRP", {{"a", 20'000}, {"b", 20'000}, {"c", 90'000}}, "4 at 20000");
  // Missing and pending together, upwards: 60 / 4 = 15.
  f("RRMP", {{"a", 30'000}, {"b", 30'000}}, "6 at 30000");
  // And downwards: only the missing one is filled: (2 + 2 + 10)/3 = 4.666.
  f("RRMP", {{"a", 2'000}, {"b", 2'000}}, "2 at 2000");
}

TEST(ReplicaMathTest, FailedAndTerminatingPodsAreIgnored) {
  const auto f = [](std::string_view pods, const Values& values, std::string_view want) {
    SCOPED_TRACE(std::string(pods) + " -> " + std::string(want));
    const auto observation = observe(pods, static_cast<int>(pods.size()));
    EXPECT_EQ(render(propose_for_pods(values, 10'000, observation, kDefault)), want);
  };
  f("RRDF", {{"a", 20'000}, {"b", 20'000}, {"c", 90'000}, {"d", 90'000}}, "4 at 20000");
  f("RRDF", {{"a", 20'000}, {"b", 20'000}}, "4 at 20000");
  f("RRD", {{"a", 10'000}, {"b", 10'000}}, "3 at 10000 within tolerance");
}

TEST(ReplicaMathTest, NoUsableValueIsAnErrorNotZero) {
  const auto f = [](std::string_view pods, const Values& values, std::string_view want) {
    SCOPED_TRACE(std::string(want));
    EXPECT_EQ(render(propose_for_pods(values, 10'000, observe(pods, 2), kDefault)), want);
  };
  f("RR", {}, "error: did not receive metrics for targeted pods (pods might be unready)");
  f("", {{"a", 1}}, "error: no pods returned by selector while calculating replica count");
  f("PD", {{"a", 1}, {"b", 1}},
    "error: did not receive metrics for targeted pods (pods might be unready)");
}

TEST(ReplicaMathTest, ProposalThatContradictsItsDirectionIsRefused) {
  // Six foreign values keep |M| at 8 while the spec says 3: 0.5 × 8 = 4 > 3.
  Observation observation = observe("RR", 3);
  const Values values{{"a", 0},      {"f1", 5'000}, {"f2", 5'000}, {"f3", 5'000},
                      {"f4", 5'000}, {"f5", 5'000}, {"f6", 5'000}};
  EXPECT_EQ(render(propose_for_pods(values, 10'000, observation, kDefault)),
            "3 at 4285 direction flipped");
  // And upwards: 2 pods known of a workload that was told to be 9.
  observation = observe("RR", 9);
  EXPECT_EQ(render(propose_for_pods(Values{{"a", 60'000}}, 10'000, observation, kDefault)),
            "9 at 60000 direction flipped");
}

// The controller's own sum does; a server must not answer with such values.
TEST(ReplicaMathTest, SumsBeyondInt64WrapAround) {
  const auto f = [](const Values& values, std::string_view want) {
    SCOPED_TRACE(std::string(want));
    EXPECT_EQ(render(propose_for_pods(values, kMax, observe("RR", 2), kDefault)), want);
  };
  f({{"a", kMax}, {"b", kMax}}, "0 at -1");
  f({{"a", kMax}, {"b", 1}}, fmt::format("-1 at {}", kMin / 2));
  f({{"a", kMax - 1}, {"b", 1}}, fmt::format("1 at {}", kMax / 2));
}

TEST(ReplicaMathTest, ProposalsBeyondInt32Saturate) {
  const Values values{{"a", kMax / 2}, {"b", kMax / 2}};
  EXPECT_EQ(render(propose_for_pods(values, 1, observe("RR", 2), kDefault)),
            fmt::format("{} at {}", std::numeric_limits<std::int32_t>::max(), kMax / 2));
}

TEST(ReplicaMathTest, ValueGoalMultipliesByReadyRunningPods) {
  const auto f = [](std::string_view pods, int replicas, std::int64_t value,
                    std::string_view want) {
    SCOPED_TRACE(std::string(pods) + " -> " + std::string(want));
    EXPECT_EQ(render(propose_for_value(value, 10'000, observe(pods, replicas), kDefault)), want);
  };
  f("RRR", 3, 20'000, "6 at 20000");
  f("RRU", 3, 20'000, "4 at 20000");
  f("RRPFS", 5, 20'000, "4 at 20000");
  f("RRD", 3, 20'000, "6 at 20000");  // a terminating pod that is still Ready counts here
  f("RRR", 3, 11'000, "3 at 11000 within tolerance");
  f("RRR", 3, 9'000, "3 at 9000 within tolerance");
  f("RRR", 3, 11'001, "4 at 11001");
  f("RRR", 3, 1'000, "1 at 1000");
  f("RRR", 3, 0, "0 at 0");
  f("UUU", 3, 20'000, "0 at 20000");  // none ready: the controller then wants 0
  f("", 3, 20'000,
    "error: unable to calculate ready pods: no pods returned by selector while calculating "
    "replica count");
  f("", 3, 10'000, "3 at 10000 within tolerance");  // tolerance comes before the pods
  f("RRR", 3, kMax, fmt::format("{} at {}", std::numeric_limits<std::int32_t>::max(), kMax));
}

TEST(ReplicaMathTest, ValueGoalFromZeroReplicasKnowsNoTolerance) {
  const auto f = [](std::int64_t value, std::string_view want) {
    SCOPED_TRACE(std::string(want));
    EXPECT_EQ(render(propose_for_value(value, 10'000, observe("", 0), kDefault)), want);
  };
  f(0, "0 at 0");
  f(1, "1 at 1");
  f(10'000, "1 at 10000");
  f(10'001, "2 at 10001");
  f(35'000, "4 at 35000");
}

TEST(ReplicaMathTest, AverageValueGoalDividesTheTotalByTheGoal) {
  const auto f = [](std::int64_t value, int status_replicas, std::string_view want) {
    SCOPED_TRACE(std::string(want));
    EXPECT_EQ(render(propose_for_average(value, 10'000, status_replicas, kDefault)), want);
  };
  f(42'000, 1, "5 at 42000");  // Check69: 42 with a goal of 10 wants 5
  f(42'000, 5, "5 at 8400");   // 0.84 is out of tolerance, and 4.2 is still 5
  f(30'000, 1, "3 at 30000");
  f(33'000, 3, "3 at 11000 within tolerance");
  f(33'001, 3, "4 at 11001");
  f(27'000, 3, "3 at 9000 within tolerance");
  f(26'999, 3, "3 at 9000");
  f(20'000, 3, "2 at 6667");  // the average shown is rounded up
  f(0, 3, "0 at 0");
  f(5, 0, "1 at -");  // ratio +Inf: from zero
  f(0, 0, "0 at -");  // 0 ÷ 0
  f(kMax, 3, fmt::format("{} at {}", std::numeric_limits<std::int32_t>::max(), kMax));
  f(kMax - 1, 2, fmt::format("{} at {}", std::numeric_limits<std::int32_t>::max(), kMax));
}

TEST(ReplicaMathTest, ExternalItemsAreSummedAndSaturateUpwards) {
  const auto f = [](const std::vector<std::int64_t>& items, GoalType type, std::int64_t want) {
    SCOPED_TRACE(want);
    EXPECT_EQ(external_total(items, type), want);
  };
  f({}, GoalType::kValue, 0);
  f({1, 2, 3}, GoalType::kValue, 6);
  f({kMax, 1, -5}, GoalType::kValue, kMax);
  f({kMin, -1}, GoalType::kValue, kMax);  // it wraps around downwards
  f({-5, 3}, GoalType::kValue, -2);
  f({kMax, 1}, GoalType::kAverageValue, kMax);
  f({-5, 10}, GoalType::kAverageValue, kMax);  // the controller's guess: below 0 means overflow
  f({10, -5}, GoalType::kAverageValue, 5);
}

TEST(ReplicaMathTest, ToleranceMayDifferByDirectionAndBeZero) {
  const Tolerances tolerances{.down = 0.5, .up = 0.0};
  EXPECT_TRUE(tolerances.holds(0.5));
  EXPECT_FALSE(tolerances.holds(0.499));
  EXPECT_TRUE(tolerances.holds(1.0));
  EXPECT_FALSE(tolerances.holds(1.0001));
  EXPECT_TRUE(kDefault.holds(1.1));
  EXPECT_TRUE(kDefault.holds(0.9));
}

}  // namespace
}  // namespace leadline
