#include "sidecar/once_report.h"

#include <cmath>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/sidecar/fakes.h"

namespace leadline {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// A vLLM that finished 12 requests in 1.2 s, with a queue of 3; TTFT: 10 below 0.1 s, 2 below 0.5
// s.
OnceReport busy_report() {
  const auto page = [](double queue, double finished, std::vector<double> cumulative, double sum) {
    EngineReading reading = test::reading_of("vllm", queue, finished);
    reading.variant = "V1";
    reading.series[0].histograms[index_of(Latency::kTtft)].push_back(
        {1, {0.1, 0.5}, std::move(cumulative), sum});
    gauge(reading.series[0], Gauge::kKvCacheUtilization) = 0.25;
    return reading;
  };
  test::FakeTime time;
  EngineTracker tracker;
  const std::string endpoint = "http://127.0.0.1:8000/metrics";
  static_cast<void>(tracker.take(test::good_scrape(page(1, 100, {5, 5, 5}, 1), time.now()),
                                 endpoint, milliseconds(1200)));
  time.advance(milliseconds(1200));
  static_cast<void>(tracker.take(test::good_scrape(page(3, 112, {15, 17, 17}, 2), time.now()),
                                 endpoint, milliseconds(1200)));
  return report_of(*tracker.view(), "it says so", time.now().steady);
}

OnceReport refused_report() {
  FindOutcome found;
  found.telling = *parse_url("http://127.0.0.1:8000/metrics");
  found.outcome.result = ScrapeResult::kRefused;
  found.outcome.why = "http://127.0.0.1:8000: connection refused";
  found.tried.push_back({*found.telling, ScrapeResult::kRefused, found.outcome.why});
  return failure_report(found);
}

TEST(OnceReportTest, JsonIsKeyedByTheMetricsOfTheApis) {
  const json seen = json::parse(once_json(busy_report()));
  EXPECT_EQ(seen["engine"], "vllm");
  EXPECT_EQ(seen["dialect"], "vllm");
  EXPECT_EQ(seen["signals"]["queue_depth"], 3);
  EXPECT_TRUE(seen["signals"]["queue_depth"].is_number_integer()) << "3, not 3.0";
  EXPECT_EQ(seen["signals"]["in_flight_requests"], 4);
  EXPECT_DOUBLE_EQ(seen["signals"]["inference_requests_per_second"], 10);
  EXPECT_DOUBLE_EQ(seen["signals"]["kv_cache_utilization_percent"], 25);
  // Rank 6 of the 10 in (0, 0.1], whose mean is 0.04 with the other two at 0.3.
  EXPECT_NEAR(seen["signals"]["ttft_seconds_p50"], 0.1 * std::pow(0.6, 1.5), 1e-12);
  EXPECT_NEAR(seen["signals"]["ttft_seconds_avg"], 1.0 / 12, 1e-9);
  EXPECT_EQ(seen["totals"]["finished_requests"], 112);
  EXPECT_EQ(seen["totals"]["ttft_seconds_count"], 17);
  EXPECT_EQ(seen["totals"]["ttft_seconds_sum"], 2);
}

TEST(OnceReportTest, AbsentSignalsAreNamedWithAReasonAndNeverZero) {
  const json seen = json::parse(once_json(busy_report()));
  for (const char* name :
       {"queue_tokens", "e2e_latency_seconds_p95", "generation_tokens_per_second"}) {
    EXPECT_FALSE(seen["signals"].contains(name)) << name;
    EXPECT_NE(std::find(seen["absent"].begin(), seen["absent"].end(), name), seen["absent"].end())
        << name;
    EXPECT_NE(seen["absent_reasons"][name], "") << name;
  }
  EXPECT_FALSE(seen["totals"].contains("generation_tokens"));
  EXPECT_EQ(seen["signals"].size() + seen["absent"].size(),
            static_cast<std::size_t>(std::count_if(
                metric_catalogue().begin(), metric_catalogue().end(),
                [](const Metric& one) { return one.statistic != Statistic::kSloMissPercent; })));
}

TEST(OnceReportTest, TableHasAValueAndAUnitPerLine) {
  const std::string table = once_table(busy_report());
  for (const char* line : {"engine    vllm (V1) at http://127.0.0.1:8000/metrics\n",
                           "because   it says so\n", "model     m\n", "measured  over 1.20 s\n",
                           "queue_depth                                      3  requests\n",
                           "inference_requests_per_second                   10  req/s\n",
                           "finished_requests                              112\n"}) {
    EXPECT_NE(table.find(line), std::string::npos) << line << "is missing in:\n" << table;
  }
  EXPECT_NE(table.find("e2e_latency_seconds_*"), std::string::npos) << "five absences, one line";
  EXPECT_EQ(table.find("e2e_latency_seconds_p95"), std::string::npos);
}

TEST(OnceReportTest, ARefusalSaysWhatWasTried) {
  const OnceReport report = refused_report();
  const std::string table = once_table(report);
  EXPECT_NE(table.find("no engine answers"), std::string::npos) << table;
  EXPECT_NE(table.find("  http://127.0.0.1:8000/metrics"), std::string::npos) << table;
  const json seen = json::parse(once_json(report));
  EXPECT_EQ(seen["tried"][0]["result"], "refused");
  EXPECT_FALSE(seen.contains("signals"));
}

TEST(OnceReportTest, EachKindOfFailureHasItsOwnWords) {
  const auto f = [](ScrapeResult result, const char* want) {
    FindOutcome found;
    found.telling = *parse_url("http://h:1/metrics");
    found.outcome.result = result;
    found.outcome.engine = "ollama";
    found.outcome.why = "the reason";
    const std::string error = failure_report(found).error;
    EXPECT_NE(error.find(want), std::string::npos) << error;
    EXPECT_NE(error.find(result == ScrapeResult::kNoDialect ? "ollama" : "the reason"),
              std::string::npos);
  };
  f(ScrapeResult::kRefused, "no engine answers");
  f(ScrapeResult::kNoDialect, "cannot read yet");
  f(ScrapeResult::kNoSeries, "tells nothing yet");
  f(ScrapeResult::kBadPage, "no engine found");
  f(ScrapeResult::kUnauthorized, "no engine found");
}

TEST(OnceReportTest, PeersBytesThatAreNoTextDoNotBreakJson) {
  FindOutcome found;
  found.telling = *parse_url("http://h:1/metrics");
  found.outcome.result = ScrapeResult::kBadPage;
  found.outcome.why = "\xff\xfe";
  EXPECT_TRUE(json::accept(once_json(failure_report(found))));
}

}  // namespace
}  // namespace leadline
