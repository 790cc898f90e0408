// What the notes beside the recorded pages call worth asserting about the engines that we speak and
// their look-alikes (tests/data/expositions/README.md), each as a sentence that can be false.

#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "engine/detection.h"
#include "engine/dialect.h"
#include "engine/exposition.h"
#include "tests/unit/engine/dialects/pages.h"
#include "tests/unit/engine/dialects/reading_text.h"

namespace leadline {
namespace {

EngineReading read(const std::string& name) {
  const std::string body = recorded(name);
  const Page page = {body, content_type_of(name)};
  const Dialect* dialect = detect_engine(page).dialect;
  EXPECT_NE(dialect, nullptr) << name;
  const auto reading = (dialect != nullptr ? *dialect : *find_dialect("vllm")).read(page);
  EXPECT_TRUE(reading) << reading.error().message;
  return reading.value_or(EngineReading{});
}

// 4,235 gaps under both names: adding them would double the count.
TEST(ExpectedResultsTest, TokenGapsUnderTwoNamesCountOnce) {
  EXPECT_EQ(total(read("vllm-0.10.2-v1.prom"), "inter_token_latency_seconds_count"), 4235);
}

// Four processes, two ranks: (0.8245710366911095 + 0.9658128246345311) / 2, the sum would be 5.38.
TEST(ExpectedResultsTest, KvUseOfFourProcessesIsNoSum) {
  const EngineReading reading = read("vllm-0.10.2-v1-multiproc-4api.prom");
  EXPECT_DOUBLE_EQ(*gauge(reading.series.at(0), Gauge::kKvCacheUtilization), 0.8951919306628203);
  EXPECT_EQ(reading.process_start, std::nullopt);  // multiprocess mode prints none
}

// Eight ranks; 2,663 series of lora_requests_info that name neither rank nor model.
TEST(ExpectedResultsTest, AdaptersOfEightRanksMakeNoSeries) {
  const EngineReading reading = read("nasty-vllm-dp8-lora.prom");
  ASSERT_EQ(reading.series.size(), 1U);
  EXPECT_EQ(gauge(reading.series[0], Gauge::kRunningRequests), 147);
  EXPECT_EQ(gauge(reading.series[0], Gauge::kBatchSize), 147 / 8.0);
  EXPECT_EQ(reading.series[0].counters[index_of(Counter::kGenerationTokens)].size(), 8U);
  EXPECT_EQ(reading.series[0].histograms[index_of(Latency::kTtft)].size(), 8U);
}

TEST(ExpectedResultsTest, TheLabelOfAMegabyteCostsItsLineOnly) {
  const EngineReading reading = read("nasty-huge-label.prom");
  EXPECT_EQ(reading.bad_lines, 1U);
  EXPECT_EQ(gauge(reading.series.at(0), Gauge::kRunningRequests), 3);
  EXPECT_EQ(reading.series[0].kv_capacity_tokens, std::nullopt);
}

TEST(ExpectedResultsTest, VersionOneOfTheTextFormatIsNoOpenMetrics) {
  for (const char* name : {"live-vllm-0.32.0-idle.prom", "live-vllm-0.32.0-after.prom"}) {
    const EngineReading reading = read(name);
    EXPECT_EQ(reading.variant, "V1");
    EXPECT_EQ(reading.bad_lines, 0U);
    EXPECT_TRUE(reading.missing.empty());
    EXPECT_EQ(reading.series.at(0).kv_capacity_tokens, 65536);
  }
  EXPECT_EQ(total(read("live-vllm-0.32.0-after.prom"), "ttft_seconds_count"), 48);
}

// An idle engine answers zeros, not nothing: every V1 series is there from the start.
TEST(ExpectedResultsTest, AnIdleEngineIsZeroAndKnown) {
  const EngineReading reading = read("live-vllm-0.32.0-idle.prom");
  EXPECT_EQ(gauge(reading.series.at(0), Gauge::kQueueDepth), 0);
  EXPECT_EQ(total(reading, "finished_requests"), 0);
  EXPECT_EQ(total(reading, "ttft_seconds_count"), 0);
}

TEST(ExpectedResultsTest, TheRustFrontendCountsIntegersUnderTheirTotals) {
  const EngineReading reading = read("vllm-main-2026-08-rust-frontend.om");
  EXPECT_EQ(reading.variant, "Rust frontend");
  EXPECT_EQ(total(reading, "prompt_tokens"), 161606);
  EXPECT_EQ(reading.series.at(0).kv_capacity_tokens, std::nullopt);  // prints no cache_config_info
  EXPECT_TRUE(reading.missing.empty());
}

TEST(ExpectedResultsTest, NoRecordedVersionDrifts) {
  for (const char* extension : {".prom", ".om"}) {
    for (const std::string& name : recorded_names(extension)) {
      const std::string body = recorded(name);
      if (name.starts_with("nasty-")) continue;
      if (detect_engine({body, content_type_of(name)}).dialect != nullptr)
        EXPECT_TRUE(read(name).missing.empty()) << name;
    }
  }
}

// Data-parallel rank 1 has tp_rank 1: only by tp_rank 0 the queue would be 4, running 21.
TEST(ExpectedResultsTest, RanksOfSglangAreSummedWhateverTheirTensorRank) {
  const EngineReading reading = read("sglang-0.5.18-dp2.prom");
  EXPECT_EQ(gauge(reading.series.at(0), Gauge::kQueueDepth), 9);
  EXPECT_EQ(gauge(reading.series[0], Gauge::kRunningRequests), 45);
  EXPECT_EQ(gauge(reading.series[0], Gauge::kKvCacheUtilization), (0.4395 + 0.4419) / 2);
  EXPECT_EQ(reading.series[0].kv_capacity_tokens, 824690);
  EXPECT_EQ(reading.series[0].histograms[index_of(Latency::kQueueTime)].size(), 2U);
}

// 1,103 requests streamed in 323 s of TTFT; 297 others would bring 1,270 s that are no TTFT.
TEST(ExpectedResultsTest, TtftOfSglangIsThatOfStreamingRequests) {
  const EngineReading reading = read("sglang-0.5.18-dp2.prom");
  EXPECT_EQ(total(reading, "ttft_seconds_count"), 1103);
  EXPECT_DOUBLE_EQ(total(reading, "ttft_seconds_sum"), 323.26225934089223);
  EXPECT_EQ(total(reading, "e2e_latency_seconds_count"), 1400);
}

// The page holds NaN gauges and 44 gauges with `gt` and `le`: none is a number or a histogram.
TEST(ExpectedResultsTest, GaugesOfSglangThatMisleadAreNotRead) {
  const EngineReading reading = read("sglang-0.5.18-dp2.prom");
  ASSERT_EQ(reading.series.size(), 1U);
  EXPECT_EQ(reading.bad_lines, 0U);
  for (const auto& parts : reading.series[0].histograms) {
    for (const HistogramPart& part : parts) EXPECT_GT(part.cumulative.back(), 0);
  }
}

TEST(ExpectedResultsTest, SglangBeforeItsRenamesIsReadWhole) {
  const EngineReading reading = read("sglang-0.4.0-docs-captured.prom");
  EXPECT_EQ(total(reading, "inter_token_latency_seconds_count"), 7400757);  // per output token
  EXPECT_EQ(total(reading, "ttft_seconds_count"), 11008);                   // without is_streaming
  EXPECT_EQ(gauge(reading.series.at(0), Gauge::kQueueDepth), 2826);
  EXPECT_EQ(total(reading, "finished_requests"), -1);  // no such counter yet
}

TEST(ExpectedResultsTest, TheGatewayOfSglangIsNoEngine) {
  const std::string body = recorded("live-sglang-router-0.3.2-idle.prom");
  const Detection found = detect_engine({body, "text/plain"});
  EXPECT_EQ(found.engine, "sglang-gateway");
  EXPECT_EQ(found.dialect, nullptr);
}

TEST(ExpectedResultsTest, LlamaCppUnderLoadTellsItsQueue) {
  const EngineReading reading = read("live-llamacpp-b11434-loaded.prom");
  EXPECT_EQ(gauge(reading.series.at(0), Gauge::kRunningRequests), 4);
  EXPECT_EQ(gauge(reading.series[0], Gauge::kQueueDepth), 16);
  EXPECT_EQ(total(reading, "generation_tokens"), 4800);
  EXPECT_EQ(total(reading, "finished_requests"), -1);
  EXPECT_EQ(total(reading, "ttft_seconds_count"), -1);
}

// `-nan` stands at a family that is never read, beside zeros that are.
TEST(ExpectedResultsTest, NanOfLlamaCppIsNoZero) {
  const EngineReading reading = read("llamacpp-b4700-nan.prom");
  EXPECT_EQ(gauge(reading.series.at(0), Gauge::kBatchSize), 0);
  std::string body = recorded("llamacpp-b4700-nan.prom");
  const std::string zero = "\nllamacpp:requests_processing 0";
  body.replace(body.find(zero), zero.size(), "\nllamacpp:requests_processing -nan");
  const auto nan = find_dialect("llamacpp")->read({body, "text/plain"});
  ASSERT_TRUE(nan);
  EXPECT_EQ(gauge(nan->series.at(0), Gauge::kBatchSize), std::nullopt);
  EXPECT_EQ(gauge(nan->series[0], Gauge::kQueueDepth), 0);
}

TEST(ExpectedResultsTest, ATritonPageWithVllmFamiliesIsNoBareVllm) {
  const std::string body = recorded("triton-25.x-vllm-backend.prom");
  const Detection found = detect_engine({body, "text/plain"});
  EXPECT_EQ(found.engine, "triton");
  EXPECT_EQ(found.dialect, nullptr);
}

// Ray prints each counter as gauge `x` and as counter `x_total`: exact names never meet both.
TEST(ExpectedResultsTest, RaysTwinsAreTwoNames) {
  const std::string body = recorded("ray-serve-llm-2.48.prom");
  const auto text = text_of({body, "text/plain"});
  const auto count = [&](std::string_view name) {
    return parse_exposition(*text, SampleFilter({name}))->samples.size();
  };
  EXPECT_GT(count("ray_vllm_generation_tokens_total"), 0U);
  EXPECT_EQ(count("ray_vllm_generation_tokens_total"), count("ray_vllm_generation_tokens"));
}

}  // namespace
}  // namespace leadline
