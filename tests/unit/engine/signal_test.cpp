// The signal table and the catalogue made from it: names that scalers and dashboards rely on.

#include "engine/signal.h"

#include <algorithm>
#include <regex>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "engine/metric.h"

namespace leadline {
namespace {

TEST(SignalTest, TableHasEverySignalInItsPlace) {
  ASSERT_EQ(signal_table().size(), kSignalCount);
  for (std::size_t i = 0; i < kSignalCount; ++i) {
    EXPECT_EQ(index_of(signal_table()[i].signal), i);
    EXPECT_EQ(&row_of(signal_table()[i].signal), &signal_table()[i]);
  }
}

TEST(SignalTest, NamesAndFamiliesAreUnique) {
  std::set<std::string_view> names;
  std::set<std::string_view> families;
  for (const SignalRow& row : signal_table()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    if (!row.family.empty()) {
      EXPECT_TRUE(families.insert(row.family).second) << row.family;
    }
  }
}

TEST(SignalTest, FamiliesKeepPrometheusConventions) {
  for (const SignalRow& row : signal_table()) {
    SCOPED_TRACE(row.name);
    EXPECT_FALSE(row.help.empty());
    EXPECT_EQ(row.help.back(), '.');
    if (row.family.empty()) continue;
    EXPECT_TRUE(row.family.starts_with("leadline_"));
    EXPECT_EQ(row.family.ends_with("_total"), row.kind == SignalKind::kRate);
    EXPECT_EQ(row.family.ends_with("_seconds"), row.kind == SignalKind::kHistogram);
    EXPECT_EQ(row.family.ends_with("_ratio"), row.unit == "percent");
  }
}

TEST(SignalTest, OnlyHistogramsMergeAndHaveNoMetricOfTheirOwn) {
  for (const SignalRow& row : signal_table()) {
    SCOPED_TRACE(row.name);
    const bool histogram = row.kind == SignalKind::kHistogram;
    EXPECT_EQ(row.metric.empty(), histogram);
    EXPECT_EQ(row.aggregation == Aggregation::kMergedHistogram, histogram);
  }
}

TEST(SignalTest, EveryGaugeCounterAndLatencyHasARow) {
  std::multiset<SignalKind> kinds;
  for (const SignalRow& row : signal_table()) kinds.insert(row.kind);
  // In-flight is a gauge made of two; the prefix ratio is one gauge and two counters; tokens is the
  // sum of two counters.
  EXPECT_EQ(kinds.count(SignalKind::kGauge), kGaugeCount - 1 + 1);
  EXPECT_EQ(kinds.count(SignalKind::kRate), kCounterCount - 2 + 1);
  EXPECT_EQ(kinds.count(SignalKind::kRatio), 1U);
  EXPECT_EQ(kinds.count(SignalKind::kHistogram), kLatencyCount);
}

TEST(MetricTest, CatalogueIsTheDesignPagesTable) {
  const std::vector<std::string> latencies = {"ttft", "inter_token_latency", "e2e_latency",
                                              "queue_time"};
  std::vector<std::string> want = {"queue_depth",
                                   "running_requests",
                                   "in_flight_requests",
                                   "inference_requests_per_second",
                                   "request_errors_per_second",
                                   "prompt_tokens_per_second",
                                   "generation_tokens_per_second",
                                   "tokens_per_second",
                                   "queue_tokens"};
  for (const std::string& stem : latencies) {
    for (const char* statistic : {"p50", "p90", "p95", "p99", "avg"}) {
      want.push_back(stem + "_seconds_" + statistic);
    }
    want.push_back(stem + "_slo_miss_percent");
  }
  want.insert(want.end(),
              {"kv_cache_utilization_percent", "prefix_cache_hit_percent", "batch_size"});
  std::vector<std::string> got;
  for (const Metric& metric : metric_catalogue()) got.push_back(metric.name);
  EXPECT_EQ(got, want);
}

// A metric's name is a path segment and a resource name in Kubernetes.
TEST(MetricTest, NamesAreUniqueAndFitAResourcePath) {
  const std::regex resource("[a-z][a-z0-9_]{0,61}[a-z0-9]");
  std::set<std::string> names;
  for (const Metric& metric : metric_catalogue()) {
    EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
    EXPECT_TRUE(std::regex_match(metric.name, resource)) << metric.name;
    EXPECT_EQ(find_metric(metric.name), &metric);
    EXPECT_FALSE(metric.help.empty());
    EXPECT_FALSE(metric.unit.empty());
  }
}

TEST(MetricTest, FindKnowsExactSpellingsOnly) {
  const auto f = [](std::string_view name, bool want) {
    SCOPED_TRACE(name);
    EXPECT_EQ(find_metric(name) != nullptr, want);
  };
  f("ttft_seconds_p95", true);
  f("ttft_slo_miss_percent", true);
  f("ttft_seconds", false);
  f("TTFT_seconds_p95", false);
  f("queue_depth ", false);
  f("", false);
}

TEST(MetricTest, QuantileMeanAndShareAreToldApart) {
  const Metric* p95 = find_metric("ttft_seconds_p95");
  ASSERT_NE(p95, nullptr);
  EXPECT_EQ(p95->statistic, Statistic::kQuantile);
  EXPECT_DOUBLE_EQ(p95->quantile, 0.95);
  EXPECT_EQ(p95->unit, "s");
  EXPECT_EQ(find_metric("queue_time_seconds_avg")->statistic, Statistic::kMean);
  EXPECT_EQ(find_metric("ttft_slo_miss_percent")->statistic, Statistic::kSloMissPercent);
  EXPECT_EQ(find_metric("ttft_slo_miss_percent")->unit, "percent");
}

TEST(MetricTest, OnlyGaugesHaveNoWindow) {
  const auto f = [](std::string_view name, bool want) {
    SCOPED_TRACE(name);
    EXPECT_EQ(is_windowed(*find_metric(name)), want);
  };
  f("queue_depth", false);
  f("in_flight_requests", false);
  f("kv_cache_utilization_percent", false);
  f("tokens_per_second", true);
  f("prefix_cache_hit_percent", true);
  f("ttft_seconds_avg", true);
}

TEST(MetricTest, WindowNamesAreReadBack) {
  for (const Window window : {Window::k15s, Window::k60s, Window::k300s}) {
    EXPECT_EQ(window_from(window_name(window)), window);
  }
  for (const char* text : {"", "60", "1m", "60S", "120s", " 60s"}) {
    EXPECT_EQ(window_from(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace leadline
