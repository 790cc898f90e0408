// Our reading of every recorded page of an engine that we speak is that of an independent reader
// (independent_reader.py), number by number. Counts must be equal; sums of fractions may differ in
// the last bits, since ranks are added in another order.

#include <array>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/detection.h"
#include "engine/dialect.h"
#include "tests/unit/engine/dialects/pages.h"

namespace leadline {
namespace {

constexpr std::array<std::pair<const char*, Gauge>, kGaugeCount> kGauges = {{
    {"queue_depth", Gauge::kQueueDepth},
    {"running_requests", Gauge::kRunningRequests},
    {"queue_tokens", Gauge::kQueueTokens},
    {"batch_size", Gauge::kBatchSize},
    {"kv_cache_utilization", Gauge::kKvCacheUtilization},
    {"prefix_cache_hit", Gauge::kPrefixCacheHit},
}};
constexpr std::array<std::pair<const char*, Counter>, kCounterCount> kCounters = {{
    {"finished_requests", Counter::kFinishedRequests},
    {"request_errors", Counter::kRequestErrors},
    {"prompt_tokens", Counter::kPromptTokens},
    {"generation_tokens", Counter::kGenerationTokens},
    {"prefix_cache_hits", Counter::kPrefixCacheHits},
    {"prefix_cache_queries", Counter::kPrefixCacheQueries},
}};
constexpr std::array<std::pair<const char*, Latency>, kLatencyCount> kLatencies = {{
    {"ttft_seconds", Latency::kTtft},
    {"inter_token_latency_seconds", Latency::kInterTokenLatency},
    {"e2e_latency_seconds", Latency::kE2eLatency},
    {"queue_time_seconds", Latency::kQueueTime},
}};

std::filesystem::path golden_folder() {
  return std::filesystem::path(LEADLINE_SOURCE_DIR) / "tests" / "contract" / "golden";
}

// Of an engine that we speak; the torture page holds everybody's families and is read as vLLM's.
bool is_spoken(const std::string& name) {
  constexpr std::array<std::string_view, 6> kPrefixes = {"vllm-",   "live-vllm-", "nasty-vllm-",
                                                         "sglang-", "llamacpp-",  "live-llamacpp-"};
  return name == "nasty-huge-label.prom" || name == "nasty-text-escapes.prom" ||
         std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

std::vector<std::string> spoken_pages() {
  std::vector<std::string> names;
  for (const char* extension : {".prom", ".om"}) {
    for (const std::string& name : recorded_names(extension)) {
      if (is_spoken(name)) names.push_back(name);
    }
  }
  return names;
}

std::optional<double> number_or_none(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return std::nullopt;
  return found->get<double>();
}

void expect_same(const char* what, std::optional<double> ours, std::optional<double> golden) {
  EXPECT_EQ(ours.has_value(), golden.has_value()) << what;
  if (ours && golden) EXPECT_DOUBLE_EQ(*ours, *golden) << what;
}

std::optional<double> total(const std::vector<CounterPart>& parts) {
  std::optional<double> sum;
  for (const CounterPart& part : parts) sum = sum.value_or(0) + part.value;
  return sum;
}

void expect_same_histogram(const char* what, const std::vector<HistogramPart>& parts,
                           const nlohmann::json& golden) {
  EXPECT_EQ(!parts.empty(), golden.contains(what)) << what;
  if (parts.empty() || !golden.contains(what)) return;
  HistogramPart all = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    ASSERT_EQ(parts[i].edges, all.edges) << what;
    for (std::size_t j = 0; j < all.cumulative.size(); ++j)
      all.cumulative[j] += parts[i].cumulative[j];
    all.sum += parts[i].sum;
  }
  EXPECT_EQ(all.edges, golden[what]["edges"].get<std::vector<double>>()) << what;
  EXPECT_EQ(all.cumulative, golden[what]["cumulative"].get<std::vector<double>>()) << what;
  EXPECT_DOUBLE_EQ(all.sum, golden[what]["sum"].get<double>()) << what;
}

void expect_same_series(const SeriesReading& ours, const nlohmann::json& golden) {
  for (const auto& [name, which] : kGauges) {
    expect_same(name, gauge(ours, which), number_or_none(golden["gauges"], name));
  }
  for (const auto& [name, which] : kCounters) {
    expect_same(name, total(ours.counters[index_of(which)]),
                number_or_none(golden["counters"], name));
  }
  for (const auto& [name, which] : kLatencies) {
    expect_same_histogram(name, ours.histograms[index_of(which)], golden["histograms"]);
  }
  expect_same("kv_capacity_tokens", ours.kv_capacity_tokens,
              number_or_none(golden, "kv_capacity_tokens"));
}

class GoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(GoldenTest, WeReadWhatTheIndependentReaderRead) {
  std::ifstream stream(golden_folder() / (GetParam() + ".json"));
  const auto golden = nlohmann::json::parse(stream, nullptr, /*allow_exceptions=*/false);
  ASSERT_TRUE(golden.is_object()) << "no golden file: run independent_reader.py";
  const std::string body = recorded(GetParam());
  const Dialect* dialect = find_dialect(golden["engine"].get<std::string>());
  ASSERT_NE(dialect, nullptr);
  const auto reading = dialect->read({body, content_type_of(GetParam())});
  ASSERT_TRUE(reading) << reading.error().message;

  EXPECT_EQ(reading->engine, golden["engine"].get<std::string>());
  EXPECT_EQ(reading->variant, golden["variant"].get<std::string>());
  EXPECT_EQ(reading->asleep, golden["asleep"].get<bool>());
  EXPECT_EQ(reading->process_start, number_or_none(golden, "process_start"));
  EXPECT_EQ(reading->series.size(), golden["series"].size());
  for (const SeriesReading& series : reading->series) {
    SCOPED_TRACE(series.model);
    ASSERT_TRUE(golden["series"].contains(series.model));
    EXPECT_EQ(series.role, golden["series"][series.model].value("role", "both"));
    expect_same_series(series, golden["series"][series.model]);
  }
}

INSTANTIATE_TEST_SUITE_P(Pages, GoldenTest, testing::ValuesIn(spoken_pages()),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase_if(name, [](char c) {
                             return !std::isalnum(static_cast<unsigned char>(c));
                           });
                           return name;
                         });

TEST(GoldenFilesTest, EveryGoldenFileHasItsPage) {
  std::set<std::string> pages;
  for (const std::string& name : spoken_pages()) pages.insert(name + ".json");
  EXPECT_GE(pages.size(), 21U);
  for (const auto& entry : std::filesystem::directory_iterator(golden_folder())) {
    if (entry.path().extension() == ".json")
      EXPECT_TRUE(pages.contains(entry.path().filename())) << entry.path();
  }
}

}  // namespace
}  // namespace leadline
