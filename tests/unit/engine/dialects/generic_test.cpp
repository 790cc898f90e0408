#include "engine/dialects/generic.h"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include "engine/totals.h"

namespace leadline {
namespace {

std::unique_ptr<Dialect> dialect_of(std::string_view json) {
  auto mapping = generic_mapping_from(nlohmann::json::parse(json));
  EXPECT_TRUE(mapping) << mapping.error().message;
  auto dialect = make_generic_dialect(std::move(*mapping));
  EXPECT_TRUE(dialect) << dialect.error().message;
  return std::move(*dialect);
}

constexpr std::string_view kMapping = R"({
  "model_label": "model", "rank_label": "replica", "process_start": "started",
  "rows": [
    {"signal": "queue_depth", "family": "my_queue", "labels": {"state": "waiting"}},
    {"signal": "running_requests", "family": "my_busy"},
    {"signal": "running_requests", "family": "my_old_busy"},
    {"signal": "kv_cache_utilization", "family": "my_memory_percent",
     "scale": 0.01, "kind": "gauge"},
    {"signal": "inference_requests", "family": "my_done_total"},
    {"signal": "request_errors", "family": "my_done_total", "labels": {"ok": "no"}},
    {"signal": "e2e_latency_seconds", "family": "my_request_ms", "scale": 0.001}
  ]})";

TEST(GenericTest, ReadsWhatTheMappingNames) {
  const auto dialect = dialect_of(kMapping);
  EXPECT_EQ(dialect->id(), "generic");
  const auto reading =
      dialect->read({"my_queue{model=\"m\",state=\"waiting\"} 3\n"
                     "my_queue{model=\"m\",state=\"swapped\"} 9\n"
                     "my_busy{model=\"m\"} 2\n"
                     "my_old_busy{model=\"m\"} 7\n"
                     "my_memory_percent{model=\"m\",replica=\"0\"} 50\n"
                     "my_memory_percent{model=\"m\",replica=\"1\"} 100\n"
                     "my_done_total{model=\"m\",ok=\"yes\"} 40\n"
                     "my_request_ms_bucket{model=\"m\",le=\"250\"} 4\n"
                     "my_request_ms_bucket{model=\"m\",le=\"+Inf\"} 5\n"
                     "my_request_ms_sum{model=\"m\"} 1500\n"
                     "started 17\n",
                     "text/plain"});
  ASSERT_TRUE(reading) << reading.error().message;
  ASSERT_EQ(reading->series.size(), 1U);
  const SeriesReading& series = reading->series[0];
  EXPECT_EQ(reading->engine, "generic");
  EXPECT_EQ(reading->process_start, 17);
  EXPECT_EQ(series.model, "m");
  EXPECT_EQ(gauge(series, Gauge::kQueueDepth), 3);
  EXPECT_EQ(gauge(series, Gauge::kRunningRequests), 2);
  EXPECT_EQ(gauge(series, Gauge::kKvCacheUtilization), 0.75);
  EXPECT_TRUE(tells(*reading, Signal::kRequestErrors));
  const auto& parts = series.histograms[index_of(Latency::kE2eLatency)];
  ASSERT_EQ(parts.size(), 1U);
  EXPECT_EQ(parts[0].edges, (std::vector<double>{0.25}));
  EXPECT_EQ(parts[0].cumulative, (std::vector<double>{4, 5}));
  EXPECT_EQ(parts[0].sum, 1.5);
  EXPECT_TRUE(reading->missing.empty());
}

TEST(GenericTest, AnEngineWithoutModelsHasOneSeries) {
  const auto dialect = dialect_of(R"({"rows": [{"signal": "queue_depth", "family": "q"}]})");
  const auto reading = dialect->read({"q{slot=\"0\"} 1\nq{slot=\"1\"} 2\n", "text/plain"});
  ASSERT_EQ(reading->series.size(), 1U);
  EXPECT_EQ(reading->series[0].model, "");
  EXPECT_EQ(gauge(reading->series[0], Gauge::kQueueDepth), 3);
}

TEST(GenericTest, FamiliesOfOtherEnginesMayBeMapped) {
  const auto dialect =
      dialect_of(R"({"rows": [{"signal": "queue_depth", "family": "tgi_queue_size"}]})");
  EXPECT_EQ(dialect->read({"tgi_queue_size 4\n", "text/plain"})->series.size(), 1U);
  EXPECT_TRUE(dialect->read({"tgi_request_count 4\n", "text/plain"})->series.empty());
}

TEST(GenericTest, AMappedFamilyThatIsNotThereIsDrift) {
  const auto dialect = dialect_of(R"({"rows": [{"signal": "queue_depth", "family": "q"},
                                               {"signal": "running_requests", "family": "r"}]})");
  const auto reading = dialect->read({"q 4\n", "text/plain"});
  EXPECT_EQ(reading->missing,
            (std::vector<Signal>{Signal::kRunningRequests, Signal::kInFlightRequests}));
}

TEST(GenericTest, WhatIsNotMappedIsAbsentAndSaysSo) {
  const auto dialect = dialect_of(kMapping);
  const auto absent = dialect->absent();
  ASSERT_FALSE(absent.empty());
  EXPECT_EQ(absent[0].reason, "the mapping has no row for prompt_tokens");
  EXPECT_EQ(absent.size() + dialect->promised().size(), kSignalCount);
}

TEST(GenericTest, EveryFaultIsListed) {
  const auto f = [](std::string_view json, std::string_view want) {
    SCOPED_TRACE(json);
    const auto mapping = generic_mapping_from(nlohmann::json::parse(json));
    ASSERT_FALSE(mapping);
    EXPECT_EQ(mapping.error().code, Errc::kBadConfig);
    EXPECT_EQ(mapping.error().message, want);
  };
  f("[]", "mapping: must be an object with `rows`");
  f("{}", "rows: must have at least one row");
  f(R"({"rows": 3})", "rows: must be a list\nrows: must have at least one row");
  f(R"({"colour": 1, "model_label": 2, "rows": [{"signal": "queue_depth", "family": "q"}]})",
    "colour: unknown key\nmodel_label: must be a string, is number");
  f(R"({"rows": [{"signal": "queue_depth"},
                 {"family": "x", "signal": "ttft_seconds", "kind": "gauge"},
                 {"family": "x", "signal": "queue_depth", "scale": -1,
                  "labels": {"a": 1}, "le": 2}]})",
    "rows[2].labels.a: must be a string, is number\nrows[2].le: unknown key\n"
    "rows[0].family: must name a family\n"
    "rows[1].kind: \"gauge\", but ttft_seconds is a histogram\nrows[2].scale: -1 is not above 0");
  f(R"({"rows": ["x"]})",
    "rows[0]: must be an object\n"
    "rows[0].signal: \"\" is none of queue_depth, running_requests, queue_tokens, batch_size, "
    "kv_cache_utilization, prefix_cache_hit, inference_requests, request_errors, prompt_tokens, "
    "generation_tokens, prefix_cache_hits, prefix_cache_queries, ttft_seconds, "
    "inter_token_latency_seconds, e2e_latency_seconds, queue_time_seconds\n"
    "rows[0].family: must name a family");
}

TEST(GenericTest, MappingsAreBounded) {
  GenericMapping mapping;
  mapping.rows.assign(
      4, {.signal = "queue_depth", .family = "q", .labels = {}, .kind = "", .scale = 1});
  EXPECT_EQ(make_generic_dialect(mapping).error().message,
            "rows[3].signal: more than 3 rows for queue_depth");
  mapping.rows.resize(kMaxMappingRows + 1);
  EXPECT_TRUE(
      make_generic_dialect(mapping).error().message.starts_with("rows: 65 rows, at most 64\n"));
}

}  // namespace
}  // namespace leadline
