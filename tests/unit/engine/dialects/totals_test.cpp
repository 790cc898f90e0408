#include "engine/totals.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

EngineReading two_models() {
  EngineReading reading;
  reading.series.resize(2);
  for (SeriesReading& series : reading.series) {
    series.counters[index_of(Counter::kPromptTokens)] = {{1, 10}, {2, 20}};
    series.counters[index_of(Counter::kFinishedRequests)] = {{1, 3}};
    series.histograms[index_of(Latency::kTtft)] = {{1, {0.1}, {1, 4}, 0.5},
                                                   {2, {0.1}, {0, 2}, 0.25}};
  }
  return reading;
}

TEST(TotalsTest, SumsOverSeriesAndParts) {
  const std::vector<std::pair<std::string, double>> want = {{"prompt_tokens", 60},
                                                            {"finished_requests", 6},
                                                            {"ttft_seconds_count", 12},
                                                            {"ttft_seconds_sum", 1.5}};
  EXPECT_EQ(engine_totals(two_models()), want);
}

TEST(TotalsTest, WhatIsNotToldIsLeftOut) {
  EXPECT_TRUE(engine_totals(EngineReading{}).empty());
}

TEST(TotalsTest, SumsOfSignalsNeedBothOfThem) {
  EngineReading reading = two_models();
  EXPECT_TRUE(tells(reading, Signal::kPromptTokens));
  EXPECT_FALSE(tells(reading, Signal::kTokens));
  reading.series[1].counters[index_of(Counter::kGenerationTokens)] = {{1, 0}};
  EXPECT_TRUE(tells(reading, Signal::kTokens));
  gauge(reading.series[0], Gauge::kQueueDepth) = 0;
  EXPECT_TRUE(tells(reading, Signal::kQueueDepth));
  EXPECT_FALSE(tells(reading, Signal::kInFlightRequests));
}

TEST(TotalsTest, AHitRatioNeedsBothCountersOrTheGauge) {
  EngineReading reading = two_models();
  reading.series[0].counters[index_of(Counter::kPrefixCacheHits)] = {{1, 0}};
  EXPECT_FALSE(tells(reading, Signal::kPrefixCacheHit));
  reading.series[0].counters[index_of(Counter::kPrefixCacheQueries)] = {{1, 0}};
  EXPECT_TRUE(tells(reading, Signal::kPrefixCacheHit));
}

}  // namespace
}  // namespace leadline
