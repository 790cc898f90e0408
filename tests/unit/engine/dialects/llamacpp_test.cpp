#include "engine/dialects/llamacpp.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/histogram.h"
#include "engine/odometer.h"
#include "tests/unit/engine/dialects/pages.h"
#include "tests/unit/engine/dialects/reading_text.h"

namespace leadline {
namespace {

PageReading read(std::string_view page) {
  return PageReading(llamacpp_dialect(), page);
}

constexpr std::string_view kMinimum =
    "llamacpp:requests_processing 4\n"
    "llamacpp:requests_deferred 16\n"
    "llamacpp:prompt_tokens_total 724\n"
    "llamacpp:tokens_predicted_total 4800\n";

TEST(LlamacppTest, RunningIsProcessingAndQueueIsDeferred) {
  const PageReading page = read(kMinimum);
  EXPECT_EQ(page.text(Gauge::kRunningRequests), "4");
  EXPECT_EQ(page.text(Gauge::kQueueDepth), "16");
  EXPECT_EQ(page.text(Gauge::kBatchSize), "4");
  EXPECT_EQ(page.text(Counter::kPromptTokens), "724");
  EXPECT_EQ(page.text(Counter::kGenerationTokens), "4800");
  EXPECT_EQ(page.whole().series.at(0).model, "");
  EXPECT_EQ(page.missing(), "");
}

TEST(LlamacppTest, SixDigitsAreWhatTheySay) {
  EXPECT_EQ(read("llamacpp:tokens_predicted_total 1.23457e+08\n").text(Counter::kGenerationTokens),
            "123457000");
}

TEST(LlamacppTest, NotANumberIsAbsentWhereverItStands) {
  for (const char* number : {"-nan", "nan", "inf"}) {
    const PageReading page =
        read(fmt::format("llamacpp:requests_processing {0}\nllamacpp:requests_deferred 1\n"
                         "llamacpp:tokens_predicted_total {0}\nllamacpp:kv_cache_usage_ratio {0}\n",
                         number));
    EXPECT_EQ(page.text(Gauge::kRunningRequests), "-");
    EXPECT_EQ(page.text(Gauge::kQueueDepth), "1");
    EXPECT_EQ(page.text(Gauge::kKvCacheUtilization), "-");
    EXPECT_EQ(page.text(Counter::kGenerationTokens), "-");
  }
}

// They are averages since somebody's last scrape, or since the start.
TEST(LlamacppTest, AveragesOfItsOwnAreNeverRead) {
  const PageReading page = read(
      "llamacpp:requests_processing 2\n"
      "llamacpp:prompt_tokens_seconds 1172.08\n"
      "llamacpp:predicted_tokens_seconds 79.2655\n"
      "llamacpp:n_busy_slots_per_decode 3.5\n"
      "llamacpp:n_tokens_max 226\n");
  EXPECT_EQ(page.text(Gauge::kBatchSize), "2");
  EXPECT_EQ(page.text(Counter::kPromptTokens), "-");
  EXPECT_EQ(page.text(Counter::kGenerationTokens), "-");
}

TEST(LlamacppTest, KvUseIsToldByOldBuildsOnly) {
  EXPECT_EQ(read("llamacpp:kv_cache_usage_ratio 0.4375\n").text(Gauge::kKvCacheUtilization),
            "0.4375");
  EXPECT_EQ(read(kMinimum).text(Gauge::kKvCacheUtilization), "-");
  EXPECT_EQ(read(kMinimum).capacity(), "-");
}

TEST(LlamacppTest, CachedPromptTokensAreHitsAmongAllPromptTokens) {
  const PageReading page =
      read("llamacpp:prompt_tokens_total 724\nllamacpp:prompt_tokens_cached_total 1520\n");
  EXPECT_EQ(page.text(Counter::kPromptTokens), "724");
  EXPECT_EQ(page.text(Counter::kPrefixCacheHits), "1520");
  EXPECT_EQ(page.text(Counter::kPrefixCacheQueries), "2244");
  EXPECT_EQ(read(kMinimum).text(Counter::kPrefixCacheHits), "-");
}

TEST(LlamacppTest, RequestsAndLatenciesAreAbsentWithReasons) {
  const PageReading page = read(recorded("live-llamacpp-b11434-loaded.prom"));
  EXPECT_EQ(page.text(Counter::kFinishedRequests), "-");
  EXPECT_EQ(page.text(Counter::kRequestErrors), "-");
  EXPECT_EQ(page.text(Latency::kTtft), "-");
  EXPECT_EQ(page.text(Latency::kE2eLatency), "-");
  EXPECT_EQ(page.text(Latency::kQueueTime), "-");
  std::vector<Signal> reasons;
  for (const AbsentSignal& absent : llamacpp_dialect().absent()) {
    EXPECT_TRUE(absent.reason.starts_with("llama.cpp exposes no ")) << absent.reason;
    reasons.push_back(absent.signal);
  }
  for (const Signal signal : {Signal::kInferenceRequests, Signal::kRequestErrors, Signal::kTtft,
                              Signal::kE2eLatency, Signal::kQueueTime, Signal::kQueueTokens})
    EXPECT_EQ(std::count(reasons.begin(), reasons.end(), signal), 1);
}

// 150 tokens in 3 s between two pages: a mean, and no quantile of anything.
TEST(LlamacppTest, TimePerTokenIsAMeanWithoutQuantiles) {
  Odometer odometer;
  const auto page = [](double seconds, double tokens) {
    return read(
        fmt::format("llamacpp:tokens_predicted_seconds_total {}\n"
                    "llamacpp:tokens_predicted_total {}\n",
                    seconds, tokens));
  };
  EXPECT_EQ(page(2, 100).text(Latency::kInterTokenLatency), "100 in 2");
  (void)odometer.advance(page(2, 100).whole());
  const auto& advance = odometer.advance(page(5, 250).whole());
  const auto& increase = advance.increases.at(0).latencies[index_of(Latency::kInterTokenLatency)];
  ASSERT_TRUE(increase);
  EXPECT_DOUBLE_EQ(mean_of(*increase).value_or(0), 0.02);
  EXPECT_EQ(estimate_quantile(*increase, 0.95), std::nullopt);
  EXPECT_EQ(read("llamacpp:tokens_predicted_total 5\n").text(Latency::kInterTokenLatency), "-");
}

TEST(LlamacppTest, APageInOneJsonStringIsRead) {
  const std::string json = nlohmann::json(std::string(kMinimum)).dump();  // b7090 to b7190
  const PageReading page(llamacpp_dialect(), json, "application/json; charset=utf-8");
  EXPECT_EQ(page.text(Gauge::kQueueDepth), "16");
}

TEST(LlamacppTest, TheHeadersStartMarksRestarts) {
  const auto start = [](std::optional<double> header) {
    return llamacpp_dialect()
        .read({.body = kMinimum, .content_type = "text/plain", .process_start = header})
        ->process_start;
  };
  EXPECT_EQ(start(14843112345), 14843112345);
  EXPECT_EQ(start(std::nullopt), std::nullopt);
}

TEST(LlamacppTest, ARefusalIsNoPage) {
  const auto reading =
      llamacpp_dialect().read({R"({"error":{"message":"Loading model"}})", "application/json"});
  ASSERT_FALSE(reading);
  EXPECT_EQ(reading.error().message, "page is a JSON object, no exposition");
}

}  // namespace
}  // namespace leadline
