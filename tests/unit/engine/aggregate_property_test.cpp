// Aggregation of random fleets against an oracle written from the rules, one signal of each kind.

#include <algorithm>
#include <numeric>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/histogram.h"
#include "tests/unit/engine/pods.h"

namespace leadline {
namespace {

using testing_pods::kNow;
using testing_pods::observe;
using testing_pods::Pod;
using testing_pods::select;

// What the fleet's maker knows about a pod.
struct Truth {
  bool ready, terminating, answered, fresh, starting;
  double waiting, running, kv;
  std::vector<std::uint64_t> counts;

  [[nodiscard]] bool tells() const { return answered && fresh; }
  [[nodiscard]] bool expected() const { return ready && !terminating && (tells() || !starting); }
  [[nodiscard]] bool counted() const { return expected() && tells(); }
  [[nodiscard]] bool extra() const {
    return !ready && !terminating && tells() && waiting + running > 0;
  }

  // Seconds: every observation somewhere inside its bucket.
  [[nodiscard]] double ttft_sum() const {
    constexpr double kLatencies[] = {0.05, 0.3, 0.7, 2, 8};
    return std::inner_product(counts.begin(), counts.end(), kLatencies, 0.0);
  }
};

struct Fleet {
  std::vector<Truth> truths;
  std::vector<Pod> pods;
};

class AggregatePropertyTest : public testing::TestWithParam<unsigned> {
 protected:
  std::mt19937 random{GetParam()};

  bool chance(unsigned one_in) { return random() % one_in == 0; }
  double number(unsigned below) { return static_cast<double>(random() % below) / 7; }

  Truth random_truth() {
    Truth truth{!chance(4), chance(8), !chance(6), !chance(6), chance(4), 0, 0, number(7), {}};
    if (!chance(3)) truth.waiting = number(100);
    if (!chance(3)) truth.running = number(100);
    for (int i = 0; i < 5; ++i) truth.counts.push_back(chance(2) ? random() % 50 : 0);
    return truth;
  }

  static Pod pod_of(const Truth& truth, const std::string& name) {
    Pod pod(name);
    pod.load(truth.waiting, truth.running).gauge(Gauge::kKvCacheUtilization, truth.kv);
    pod.ttft(truth.counts, truth.ttft_sum());
    if (!truth.ready) pod.not_ready();
    if (truth.terminating) pod.terminating();
    if (!truth.answered) pod.silent();
    if (!truth.fresh) pod.sampled(9);
    if (truth.starting) pod.became_ready(3);
    return pod;
  }

  Fleet random_fleet() {
    Fleet fleet;
    const std::size_t size = 1 + random() % 9;
    for (std::size_t i = 0; i < size; ++i) {
      fleet.truths.push_back(random_truth());
      fleet.pods.push_back(pod_of(fleet.truths.back(), fmt::format("pod-{}", i)));
    }
    return fleet;
  }
};

struct Tally {
  double expected = 0, counted = 0, sum = 0, extra_sum = 0, kv = 0;
  std::size_t extras = 0;
  HistogramDelta ttft{testing_pods::kEdges, std::vector<std::uint64_t>(5), 0};
};

void add_histogram(const Truth& truth, Tally& tally) {
  for (std::size_t i = 0; i < 5; ++i) tally.ttft.counts[i] += truth.counts[i];
  tally.ttft.sum += truth.ttft_sum();
}

Tally tally_of(const std::vector<Truth>& truths) {
  Tally tally;
  for (const Truth& truth : truths) {
    if (truth.expected()) ++tally.expected;
    if (truth.counted()) {
      ++tally.counted;
      tally.sum += truth.waiting;
      tally.kv += truth.kv * 100;
      add_histogram(truth, tally);
    }
    if (truth.extra()) {
      ++tally.extras;
      tally.extra_sum += truth.waiting;
      add_histogram(truth, tally);
    }
  }
  return tally;
}

// Whether anything may be served at all, by the letter of rule 4.
bool may_serve(const Tally& tally, bool with_extras) {
  if (tally.expected == 0) return with_extras && tally.extras > 0;
  return tally.counted > 0 && tally.counted / tally.expected >= 0.5;
}

TEST_P(AggregatePropertyTest, AnswersAreTheOracles) {
  for (int round = 0; round < 300; ++round) {
    const Fleet fleet = random_fleet();
    const Tally tally = tally_of(fleet.truths);
    const auto pods = observe(fleet.pods);
    const auto queue = aggregate(pods, select("queue_depth"), {}, kNow);
    ASSERT_EQ(queue.has_value(), may_serve(tally, true));
    if (queue) {
      const double scale = tally.expected == 0 ? 1 : tally.expected / tally.counted;
      EXPECT_NEAR(queue->value, tally.sum * scale + tally.extra_sum, 1e-9);
      EXPECT_DOUBLE_EQ(queue->coverage, 1 / scale);
    }
    const auto kv = aggregate(pods, select("kv_cache_utilization_percent"), {}, kNow);
    ASSERT_EQ(kv.has_value(), may_serve(tally, false));
    if (kv) EXPECT_NEAR(kv->value, tally.kv / tally.counted, 1e-9);
    const auto p90 = aggregate(pods, select("ttft_seconds_p90"), {}, kNow);
    const auto want = estimate_quantile(tally.ttft, 0.9);
    if (!may_serve(tally, true)) {
      EXPECT_FALSE(p90.has_value());
    } else if (want) {
      ASSERT_TRUE(p90.has_value());
      EXPECT_NEAR(p90->value, want->value, 1e-9);
    }
  }
}

TEST_P(AggregatePropertyTest, OrderOfPodsNeverMatters) {
  const std::vector<std::string> metrics = {"queue_depth", "kv_cache_utilization_percent",
                                            "ttft_seconds_p95", "ttft_seconds_avg", "batch_size"};
  for (int round = 0; round < 200; ++round) {
    std::vector<Pod> pods = random_fleet().pods;
    const auto before = observe(pods);
    std::shuffle(pods.begin(), pods.end(), random);
    const auto after = observe(pods);
    for (const std::string& name : metrics) {
      const auto a = aggregate(before, select(name), {}, kNow);
      const auto b = aggregate(after, select(name), {}, kNow);
      ASSERT_EQ(a.has_value(), b.has_value());
      if (!a) EXPECT_EQ(a.error().reason, b.error().reason);
      if (!a) continue;
      EXPECT_EQ(a->value, b->value);  // to the last bit: two replicas list pods as they like
      EXPECT_EQ(a->oldest_sample, b->oldest_sample);
      EXPECT_EQ(a->coverage, b->coverage);
    }
  }
}

// With full coverage; below it a new pod that is idle rightly lowers the estimate for those
// missing.
TEST_P(AggregatePropertyTest, FreshPodNeverLowersASum) {
  for (int round = 0; round < 200; ++round) {
    Fleet fleet = random_fleet();
    std::erase_if(fleet.pods, [](const Pod& pod) {
      return !aggregate(observe({pod}), select("queue_depth"), {}, kNow);
    });
    if (fleet.pods.empty()) continue;
    const auto before = aggregate(observe(fleet.pods), select("queue_depth"), {}, kNow);
    fleet.pods.push_back(Pod("fresh").load(number(100), 1));
    const auto after = aggregate(observe(fleet.pods), select("queue_depth"), {}, kNow);
    ASSERT_TRUE(before.has_value() && after.has_value());
    EXPECT_GE(after->value, before->value);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, AggregatePropertyTest, testing::Range(1U, 5U));

}  // namespace
}  // namespace leadline
