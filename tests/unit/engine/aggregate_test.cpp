// Aggregation by example: what a workload answers when pods come, go, overload and fall silent.

#include "engine/aggregate.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/unit/engine/pods.h"

namespace leadline {
namespace {

using testing_pods::kNow;
using testing_pods::observe;
using testing_pods::Pod;
using testing_pods::seconds_ago;
using testing_pods::select;

// `40 of 1/2` or `absent kLowCoverage: …`.
std::string text_of(const AggregateResult& got) {
  if (!got) {
    static constexpr const char* kWhy[] = {"no pods", "low coverage", "not given",
                                           "nothing observed", "no common edges"};
    return fmt::format("{}: {}", kWhy[static_cast<int>(got.error().why)], got.error().reason);
  }
  return fmt::format("{:g} of {}/{}{}{}{}", got->value, got->counted, got->expected,
                     got->sparse ? fmt::format(" sparse {}", *got->sparse) : "",
                     got->clipped ? " clipped" : "", got->inexact ? " inexact" : "");
}

std::string text_of(const std::vector<Pod>& pods, const MetricSelection& selection) {
  return text_of(aggregate(observe(pods), selection, {}, kNow));
}

std::string text_of(const std::vector<Pod>& pods, std::string_view metric) {
  return text_of(pods, select(metric));
}

std::string queue_of(const std::vector<Pod>& pods) {
  return text_of(pods, "queue_depth");
}

TEST(AggregateTest, SumsAddOverPods) {
  const std::vector<Pod> pods = {Pod("a").load(3, 8), Pod("b").load(4, 8)};
  EXPECT_EQ(text_of(pods, "queue_depth"), "7 of 2/2");
  EXPECT_EQ(text_of(pods, "running_requests"), "16 of 2/2");
  EXPECT_EQ(text_of(pods, "in_flight_requests"), "23 of 2/2");
}

TEST(AggregateTest, NoPodsIsAbsentAndIdlePodsAreZero) {
  EXPECT_EQ(queue_of({}), "no pods: no pods");
  EXPECT_EQ(queue_of({Pod("a"), Pod("b")}), "0 of 2/2");
}

TEST(AggregateTest, NewPodBesideALoadedOneChangesNothingUntilItSpeaks) {
  const Pod loaded = Pod("old").load(40, 8);
  EXPECT_EQ(queue_of({loaded, Pod("new").silent().became_ready(0.1)}), "40 of 1/1");
  EXPECT_EQ(queue_of({loaded, Pod("new").silent().became_ready(9.9)}), "40 of 1/1");
  EXPECT_EQ(queue_of({loaded, Pod("new").became_ready(0.1)}), "40 of 2/2");
  EXPECT_EQ(queue_of({loaded, Pod("new").load(2, 1).became_ready(0.1)}), "42 of 2/2");
}

TEST(AggregateTest, NewPodIsMissedAfterItsFirstValueOrTenSeconds) {
  const Pod loaded = Pod("old").load(40, 8);
  EXPECT_EQ(queue_of({loaded, Pod("new").silent().became_ready(10)}), "80 of 1/2");
  const std::uint32_t queue_seen = 1U << index_of(Signal::kQueueDepth);
  EXPECT_EQ(queue_of({loaded, Pod("new").sampled(6).became_ready(7, queue_seen)}), "80 of 1/2");
  EXPECT_EQ(queue_of({loaded, Pod("new").sampled(6).became_ready(7, ~queue_seen)}), "40 of 1/1");
}

TEST(AggregateTest, AdapterThatRestartsExpectsReadyPodsAtOnce) {
  EXPECT_EQ(queue_of({Pod("a").load(40, 8), Pod("b").silent()}), "80 of 1/2");
  EXPECT_EQ(queue_of({Pod("a").load(40, 8), Pod("b").silent(), Pod("c").silent()}),
            "low coverage: coverage 1/3 below 0.5; no sidecar: b, c");
}

TEST(AggregateTest, DeadSidecarScalesTheSumAndThenMakesItAbsent) {
  const Pod alive = Pod("a").load(6, 2);
  EXPECT_EQ(queue_of({alive, Pod("b").load(6, 2).sampled(5)}), "12 of 2/2");    // at max_age
  EXPECT_EQ(queue_of({alive, Pod("b").load(6, 2).sampled(5.1)}), "12 of 1/2");  // scaled up
  EXPECT_EQ(queue_of({Pod("a").sampled(6), Pod("b").sampled(7), Pod("c").silent(true)}),
            "low coverage: coverage 0/3 below 0.5; stale: a, b; no answer: c");
}

TEST(AggregateTest, ReasonNamesFivePodsSorted) {
  std::vector<Pod> pods;
  for (int i = 12; i > 0; --i) pods.push_back(Pod(fmt::format("pod-{:02}", i)).sampled(60));
  pods.push_back(Pod("other").without_engine());
  EXPECT_EQ(queue_of(pods),
            "low coverage: coverage 0/13 below 0.5; stale: pod-01, pod-02, pod-03, pod-04, pod-05 "
            "and 7 more; no engine: other");
}

TEST(AggregateTest, MinCoverageIsConfigurable) {
  const auto pods = observe({Pod("a").load(3, 0), Pod("b").silent(), Pod("c").silent()});
  EXPECT_EQ(text_of(aggregate(pods, select("queue_depth"), {.min_coverage = 0.3}, kNow)),
            "9 of 1/3");
  const auto nobody = observe({Pod("b").silent()});
  EXPECT_EQ(text_of(aggregate(nobody, select("queue_depth"), {.min_coverage = 0}, kNow)),
            "low coverage: coverage 0/1 below 0; no sidecar: b");
}

TEST(AggregateTest, OverloadedUnreadyPodsQueueIsRealWork) {
  const Pod ready = Pod("a").load(2, 4).ttft({10, 0, 0, 0, 0}, 1);
  const Pod drowning = Pod("b").load(50, 8).ttft({0, 0, 0, 10, 0}, 30).not_ready();
  EXPECT_EQ(queue_of({ready, drowning}), "52 of 1/1");
  // On top, unscaled: 2 x 2/1 + 50.
  EXPECT_EQ(queue_of({ready, Pod("c").silent(), drowning}), "54 of 1/2");
  EXPECT_EQ(text_of({ready, drowning}, "ttft_seconds_avg"), "1.55 of 1/1");
  EXPECT_EQ(queue_of({drowning}), "50 of 0/0");
  EXPECT_EQ(queue_of({Pod("b").load(50, 8).not_ready().sampled(6)}),
            "no pods: no pod to count; not Ready: b");
}

TEST(AggregateTest, UnreadyPodIsNeverInMeans) {
  const Pod ready = Pod("a").gauge(Gauge::kKvCacheUtilization, 0.3);
  const Pod drowning = Pod("b").gauge(Gauge::kKvCacheUtilization, 0.9).load(50, 8).not_ready();
  EXPECT_EQ(text_of({ready, drowning}, "kv_cache_utilization_percent"), "30 of 1/1");
  EXPECT_EQ(text_of({drowning}, "kv_cache_utilization_percent"),
            "no pods: no pod to count; not Ready: b");
}

TEST(AggregateTest, EightLoadingPodsAreNotEightIdleOnes) {
  std::vector<Pod> pods = {Pod("old").load(40, 8).gauge(Gauge::kKvCacheUtilization, 0.9)};
  for (int i = 0; i < 4; ++i) {
    pods.push_back(
        Pod(fmt::format("empty-{}", i)).not_ready().gauge(Gauge::kKvCacheUtilization, 0));
    pods.push_back(Pod(fmt::format("silent-{}", i)).silent().not_ready());
  }
  EXPECT_EQ(queue_of(pods), "40 of 1/1");
  EXPECT_EQ(text_of(pods, "kv_cache_utilization_percent"), "90 of 1/1");
  pods.erase(pods.begin());
  EXPECT_EQ(aggregate(observe(pods), select("queue_depth"), {}, kNow).error().why,
            Absent::Why::kNoPods);
}

TEST(AggregateTest, TerminatingPodIsGone) {
  EXPECT_EQ(queue_of({Pod("a").load(1, 1), Pod("b").load(30, 8).terminating()}), "1 of 1/1");
  EXPECT_EQ(queue_of({Pod("b").load(30, 8).terminating()}), "no pods: no pods");
}

TEST(AggregateTest, IdleFleetHasZeroLatencyAndNoHitRatio) {
  const std::vector<Pod> idle = {Pod("a"), Pod("b")};
  MetricSelection misses = select("ttft_slo_miss_percent");
  misses.slo_bound = 1;
  EXPECT_EQ(text_of(idle, "ttft_seconds_p95"), "0 of 2/2");
  EXPECT_EQ(text_of(idle, "ttft_seconds_avg"), "0 of 2/2");
  EXPECT_EQ(text_of(idle, misses), "0 of 2/2");
  const Pod no_lookups =
      Pod("a").counted(Counter::kPrefixCacheHits, 0).counted(Counter::kPrefixCacheQueries, 0);
  EXPECT_EQ(text_of({no_lookups}, "prefix_cache_hit_percent"),
            "nothing observed: prefix_cache_hit_percent: nothing observed in 60s");
}

TEST(AggregateTest, NothingObservedUnderLoadIsNotZero) {
  EXPECT_EQ(text_of({Pod("a").load(9, 1)}, "ttft_seconds_p95"),
            "nothing observed: ttft_seconds_p95: nothing observed in 60s");
  // One of two is missing: it may be the busy one.
  EXPECT_EQ(text_of({Pod("a"), Pod("b").silent()}, "ttft_seconds_p95"),
            "nothing observed: ttft_seconds_p95: nothing observed in 60s");
  EXPECT_EQ(text_of({Pod("a"), Pod("b").load(3, 1).not_ready()}, "ttft_seconds_p95"),
            "nothing observed: ttft_seconds_p95: nothing observed in 60s");
}

TEST(AggregateTest, WindowYetToComeIsNotZero) {
  EXPECT_EQ(text_of({Pod("a").span(std::chrono::milliseconds(0))}, "prompt_tokens_per_second"),
            "low coverage: coverage 0/1 below 0.5; no window yet: a");
  EXPECT_EQ(text_of({Pod("a").span(std::chrono::milliseconds(0))}, "ttft_seconds_p95"),
            "low coverage: coverage 0/1 below 0.5; no window yet: a");
}

TEST(AggregateTest, RatesUseTheSpanReallyCovered) {
  Pod young = Pod("a").counted(Counter::kPromptTokens, 500);
  young.series().windows[index_of(Window::k60s)].span = std::chrono::milliseconds(2500);
  const Pod old = Pod("b").counted(Counter::kPromptTokens, 600);
  const auto got = aggregate(observe({young, old}), select("prompt_tokens_per_second"), {}, kNow);
  EXPECT_EQ(text_of(got), "210 of 2/2");
  EXPECT_EQ(got->span, std::chrono::milliseconds(60000));
  EXPECT_EQ(aggregate(observe({old}), select("queue_depth"), {}, kNow)->span, std::nullopt);
}

TEST(AggregateTest, TokensNeedBothCounters) {
  const Pod both =
      Pod("a").counted(Counter::kPromptTokens, 600).counted(Counter::kGenerationTokens, 60);
  EXPECT_EQ(text_of({both}, "tokens_per_second"), "11 of 1/1");
  EXPECT_EQ(text_of({Pod("a").counted(Counter::kPromptTokens, 600)}, "tokens_per_second"),
            "not given: tokens_per_second is not given by any pod (engine: vllm); not given: a");
}

TEST(AggregateTest, OtherWindowsAreTheirOwn) {
  Pod pod("a");
  pod.series().windows[index_of(Window::k15s)].increases[index_of(Counter::kPromptTokens)] = 30;
  MetricSelection selection = select("prompt_tokens_per_second");
  selection.window = Window::k15s;
  EXPECT_EQ(text_of({pod}, selection), "2 of 1/1");
}

TEST(AggregateTest, SignalThatNoEngineGivesIsNamed) {
  EXPECT_EQ(
      text_of({Pod("a"), Pod("b").sampled(9)}, "queue_tokens"),
      "not given: queue_tokens is not given by any pod (engine: vllm); stale: b; not given: a");
  EXPECT_EQ(text_of({Pod("a").gauge(Gauge::kQueueTokens, 700), Pod("b")}, "queue_tokens"),
            "1400 of 1/2");
  EXPECT_EQ(text_of({Pod("a").no_ttft(), Pod("b").no_ttft()}, "ttft_seconds_p95"),
            "not given: ttft_seconds_p95 is not given by any pod (engine: vllm)");
}

// Some engines create a histogram with its first observation.
TEST(AggregateTest, IdlePodWithoutTheHistogramObservedNothing) {
  const Pod used = Pod("a").load(1, 1).ttft({0, 200, 0, 0, 0}, 60);
  EXPECT_EQ(text_of({used, Pod("b").no_ttft(), Pod("c").no_ttft()}, "ttft_seconds_p50"),
            "0.289016 of 3/3");
  EXPECT_EQ(text_of({used, Pod("b").no_ttft().load(1, 0)}, "ttft_seconds_p50"), "0.289016 of 1/2");
}

TEST(AggregateTest, QuantilesComeFromMergedHistograms) {
  // 19 near-idle pods at 50 ms, one with 2,000 requests between 1 and 5 s: the mean of percentiles
  // would say 0.3 s.
  std::vector<Pod> pods = {Pod("hot").load(9, 9).ttft({0, 0, 0, 2000, 0}, 4000)};
  for (int i = 0; i < 19; ++i)
    pods.push_back(Pod(fmt::format("p{}", i)).ttft({2, 0, 0, 0, 0}, 0.1));
  EXPECT_EQ(text_of(pods, "ttft_seconds_p50"), "1.82504 of 20/20");
  EXPECT_EQ(text_of(pods, "ttft_seconds_avg"), "1.96364 of 20/20");
}

TEST(AggregateTest, SparseAndClippedQuantilesSaySo) {
  EXPECT_EQ(text_of({Pod("a").ttft({0, 99, 0, 0, 0}, 30)}, "ttft_seconds_p95"),
            "0.382727 of 1/1 sparse 99");
  EXPECT_EQ(text_of({Pod("a").ttft({0, 0, 0, 0, 500}, 9000)}, "ttft_seconds_p95"),
            "5 of 1/1 clipped");
}

TEST(AggregateTest, SloShareIsExactAtAnEdgeOnly) {
  MetricSelection selection = select("ttft_slo_miss_percent");
  const std::vector<Pod> pods = {Pod("a").ttft({60, 20, 10, 5, 5}, 90)};
  const auto f = [&](double bound, std::string_view want) {
    selection.slo_bound = bound;
    EXPECT_EQ(text_of(pods, selection), want);
  };
  f(0.5, "20 of 1/1");
  f(0.7, "20 of 1/1 inexact");
  f(1, "10 of 1/1");
}

TEST(AggregateTest, NoCommonEdgeAroundTheQuantileIsAbsent) {
  const Pod a = Pod("a").ttft({5, 0, 0, 5}, 40, {0.1, 1, 10});
  const Pod b = Pod("b").ttft({5, 0, 0, 5}, 40, {0.1, 2, 20});
  const Pod c = Pod("c").ttft({1, 1}, 40, {7});
  EXPECT_EQ(text_of({a, b}, "ttft_seconds_p50"), "0.1 of 2/2");
  EXPECT_EQ(text_of({a, b}, "ttft_seconds_p95"),
            "no common edges: ttft_seconds_p95: the pods' histograms have no common bucket edge "
            "around it");
  EXPECT_EQ(aggregate(observe({a, c}), select("ttft_seconds_p50"), {}, kNow).error().why,
            Absent::Why::kNoCommonEdges);
  EXPECT_EQ(text_of({a, b}, "ttft_seconds_avg"), "4 of 2/2");
  MetricSelection misses = select("ttft_slo_miss_percent");
  misses.slo_bound = 1;
  EXPECT_EQ(text_of({a, b}, misses), "50 of 2/2 inexact");
}

TEST(AggregateTest, KvCacheIsWeightedWhereEveryCapacityIsKnown) {
  const auto kv = [](const char* name, double ratio) {
    return Pod(name).gauge(Gauge::kKvCacheUtilization, ratio);
  };
  EXPECT_EQ(text_of({kv("a", 0.9).capacity(100), kv("b", 0.1).capacity(300)},
                    "kv_cache_utilization_percent"),
            "30 of 2/2");
  EXPECT_EQ(text_of({kv("a", 0.9).capacity(100), kv("b", 0.1)}, "kv_cache_utilization_percent"),
            "50 of 2/2");
  EXPECT_EQ(
      text_of({kv("a", 0.9).capacity(100), kv("b", 0.1).silent()}, "kv_cache_utilization_percent"),
      "90 of 1/2");
}

TEST(AggregateTest, PrefixHitsArePercentOfTheWindowsLookups) {
  const Pod counters =
      Pod("a").counted(Counter::kPrefixCacheHits, 30).counted(Counter::kPrefixCacheQueries, 120);
  const Pod printed = Pod("b").gauge(Gauge::kPrefixCacheHit, 0.75);
  const Pod no_lookups =
      Pod("c").counted(Counter::kPrefixCacheHits, 0).counted(Counter::kPrefixCacheQueries, 0);
  EXPECT_EQ(text_of({counters}, "prefix_cache_hit_percent"), "25 of 1/1");
  EXPECT_EQ(text_of({counters, printed}, "prefix_cache_hit_percent"), "50 of 2/2");
  EXPECT_EQ(text_of({counters, no_lookups}, "prefix_cache_hit_percent"), "25 of 2/2");
}

TEST(AggregateTest, SeveralModelsOfAPod) {
  const Pod two = Pod("a")
                      .load(3, 1)
                      .gauge(Gauge::kBatchSize, 2)
                      .also("n")
                      .load(5, 1)
                      .gauge(Gauge::kBatchSize, 6);
  const Pod one = Pod("b").load(10, 1).gauge(Gauge::kBatchSize, 10);
  EXPECT_EQ(text_of({two, one}, "queue_depth"), "18 of 2/2");
  EXPECT_EQ(text_of({two, one}, "batch_size"), "7 of 2/2");  // (2 + 6) / 2 and 10
  MetricSelection selection = select("queue_depth");
  selection.model = "n";
  EXPECT_EQ(text_of({two, one}, selection), "5 of 1/1");  // b serves another model
  EXPECT_EQ(text_of({two, Pod("c").silent()}, selection), "10 of 1/2");
  selection.model = "unknown";
  EXPECT_EQ(text_of({two, one}, selection), "no pods: no pods");
}

TEST(AggregateTest, ModelIsComparedAsTheAdapterSays) {
  MetricSelection selection = select("queue_depth");
  selection.model = "meta-llama.Llama";
  const AggregateOptions options = {.model_matches = [](std::string_view model, std::string_view) {
    return model == "meta-llama/Llama";
  }};
  const auto pods = observe({Pod("a").model("meta-llama/Llama").load(4, 0)});
  EXPECT_EQ(text_of(aggregate(pods, selection, options, kNow)), "4 of 1/1");
}

TEST(AggregateTest, RoleSelectsSeries) {
  MetricSelection selection = select("queue_depth");
  selection.role = "prefill";
  EXPECT_EQ(
      text_of({Pod("a").model("m", "prefill").load(4, 0), Pod("b").model("m", "decode").load(9, 0)},
              selection),
      "4 of 1/1");
}

TEST(AggregateTest, OldestSampleIsServed) {
  const auto got =
      aggregate(observe({Pod("a").sampled(1), Pod("b").sampled(3), Pod("c").sampled(7)}),
                select("queue_depth"), {}, kNow);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->oldest_sample, seconds_ago(3));
  EXPECT_DOUBLE_EQ(got->coverage, 2.0 / 3);
}

TEST(AggregateTest, UnreadyPodWithWorkAgesTheAnswerToo) {
  const auto got =
      aggregate(observe({Pod("a").sampled(1), Pod("b").load(1, 1).not_ready().sampled(4)}),
                select("queue_depth"), {}, kNow);
  EXPECT_EQ(got->oldest_sample, seconds_ago(4));
}

TEST(AggregateTest, EngineThatRestartsIsMissedUntilItAnswers) {
  const Pod other = Pod("b").load(6, 1);
  EXPECT_EQ(queue_of({Pod("a").load(6, 1), other}), "12 of 2/2");
  EXPECT_EQ(queue_of({Pod("a").without_engine(), other}), "12 of 1/2");  // Ready yet: held
  EXPECT_EQ(queue_of({Pod("a").without_engine().not_ready(), other}), "6 of 1/1");
  EXPECT_EQ(queue_of({Pod("a").became_ready(0.2), other}), "6 of 2/2");
}

TEST(PodValueTest, OnePodAlone) {
  const auto f = [](const Pod& pod, std::string_view metric, std::string_view want) {
    SCOPED_TRACE(metric);
    EXPECT_EQ(text_of(pod_value(pod.observe(), select(metric), {}, kNow)), want);
  };
  f(Pod("a").load(3, 1), "queue_depth", "3 of 1/1");
  f(Pod("a"), "queue_depth", "0 of 1/1");
  f(Pod("a"), "ttft_seconds_p95", "0 of 1/1");
  f(Pod("a").load(3, 1), "ttft_seconds_p95",
    "nothing observed: ttft_seconds_p95: nothing observed in 60s");
  f(Pod("a").load(3, 1).not_ready().gauge(Gauge::kKvCacheUtilization, 0.5),
    "kv_cache_utilization_percent", "50 of 1/1");
  f(Pod("a").not_ready(), "queue_depth", "no pods: a is not Ready and has no requests in flight");
  f(Pod("a").load(3, 1).terminating(), "queue_depth", "no pods: a is terminating");
  f(Pod("a").sampled(6), "queue_depth", "low coverage: stale: a");
  f(Pod("a").silent().became_ready(1), "queue_depth", "low coverage: no sidecar: a");
  f(Pod("a"), "queue_tokens",
    "not given: queue_tokens is not given by any pod (engine: vllm); not given: a");
}

}  // namespace
}  // namespace leadline
