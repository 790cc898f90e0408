// Windows by example: young, sparse, restarted, gone, crowded.

#include "engine/windows.h"

#include <chrono>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace leadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

SteadyTime at(double second) {
  return SteadyTime(milliseconds(static_cast<int>(second * 1000)));
}

SeriesReading series_of(std::string model, double tokens, double waiting = 0, double running = 0) {
  SeriesReading series;
  series.model = std::move(model);
  series.counters[index_of(Counter::kPromptTokens)] = {{7, tokens}};
  gauge(series, Gauge::kQueueDepth) = waiting;
  gauge(series, Gauge::kRunningRequests) = running;
  return series;
}

EngineReading page(double tokens, double waiting = 0, double running = 0) {
  EngineReading reading;
  reading.series = {series_of("m", tokens, waiting, running)};
  return reading;
}

const WindowValues& window(const SeriesSnapshot& series, Window which) {
  return series.windows[index_of(which)];
}

std::optional<double> tokens(const WindowValues& values) {
  return values.increases[index_of(Counter::kPromptTokens)];
}

TEST(WindowsTest, OneScrapeAnswersGaugesAndNoRate) {
  Windows windows;
  const auto series = windows.record(page(100, 3, 4), at(0));
  ASSERT_EQ(series.size(), 1U);
  EXPECT_EQ(series[0].model, "m");
  EXPECT_EQ(in_flight(series[0].gauges), 7);
  for (const WindowValues& values : series[0].windows) {
    EXPECT_EQ(values.span, milliseconds(0));
    EXPECT_EQ(tokens(values), std::nullopt);
    EXPECT_EQ(values.in_flight_max, std::nullopt);
  }
}

TEST(WindowsTest, RateNeedsASecond) {
  Windows windows;
  (void)windows.record(page(100), at(10.9));
  EXPECT_EQ(window(windows.record(page(150), at(11.1))[0], Window::k60s).span, milliseconds(0));
  EXPECT_EQ(window(windows.record(page(150), at(11.8))[0], Window::k60s).span, milliseconds(0));
  const auto series = windows.record(page(160), at(12.0));
  EXPECT_EQ(window(series[0], Window::k60s).span, milliseconds(1100));  // 11.8 replaced 11.1
  EXPECT_EQ(tokens(window(series[0], Window::k60s)), 60);
}

TEST(WindowsTest, EachWindowCoversItsOwnSpan) {
  Windows windows;
  std::vector<SeriesSnapshot> series;
  for (int second = 0; second <= 400; ++second)
    series = windows.record(page(10.0 * second), at(second));
  const auto f = [&series](Window which, int want_span, double want_tokens) {
    EXPECT_EQ(window(series[0], which).span, seconds(want_span));
    EXPECT_EQ(tokens(window(series[0], which)), want_tokens);
  };
  f(Window::k15s, 15, 150);
  f(Window::k60s, 60, 600);
  f(Window::k300s, 300, 3000);
}

TEST(WindowsTest, YoungWindowCoversWhatThereIs) {
  Windows windows;
  for (int second = 0; second < 20; ++second) (void)windows.record(page(second), at(second));
  const auto series = windows.record(page(20), at(20));
  EXPECT_EQ(window(series[0], Window::k15s).span, seconds(15));
  EXPECT_EQ(window(series[0], Window::k300s).span, seconds(20));
}

TEST(WindowsTest, InFlightMaximumSeesABurstBetweenNewestSamples) {
  Windows windows;
  (void)windows.record(page(0), at(0));
  (void)windows.record(page(0, 9, 8), at(1.2));
  (void)windows.record(page(0, 0, 1), at(1.7));  // the newest of its second
  auto series = windows.record(page(0), at(3));
  EXPECT_EQ(window(series[0], Window::k15s).in_flight_max, 17);
  for (int second = 4; second <= 30; ++second) series = windows.record(page(0), at(second));
  EXPECT_EQ(window(series[0], Window::k15s).in_flight_max, 0);
  EXPECT_EQ(window(series[0], Window::k60s).in_flight_max, 17);
}

TEST(WindowsTest, InFlightMaximumIsUnknownWhereTheEngineDoesNotTell) {
  Windows windows;
  EngineReading reading = page(0);
  gauge(reading.series[0], Gauge::kQueueDepth).reset();
  (void)windows.record(reading, at(0));
  EXPECT_EQ(window(windows.record(reading, at(5))[0], Window::k15s).in_flight_max, std::nullopt);
}

TEST(WindowsTest, GapEndsAWindow) {
  Windows windows;
  for (int second = 0; second <= 10; ++second) (void)windows.record(page(second), at(second));
  auto series = windows.record(page(100000), at(700));
  EXPECT_EQ(window(series[0], Window::k300s).span, milliseconds(0));
  series = windows.record(page(100007), at(701));
  EXPECT_EQ(window(series[0], Window::k300s).span, seconds(1));
  EXPECT_EQ(tokens(window(series[0], Window::k300s)), 7);
}

TEST(WindowsTest, RestartInsideAWindowIsCounted) {
  Windows windows;
  (void)windows.record(page(1000), at(0));
  (void)windows.record(page(1010), at(1));
  (void)windows.record(page(4), at(2));
  const auto series = windows.record(page(9), at(3));
  EXPECT_EQ(tokens(window(series[0], Window::k15s)), 19);
  EXPECT_EQ(windows.restarts(), 1U);
}

TEST(WindowsTest, CounterThatThePageLacksIsAbsentNotZero) {
  Windows windows;
  (void)windows.record(page(1000), at(0));
  EngineReading truncated = page(0);
  truncated.series[0].counters = {};
  EXPECT_EQ(tokens(window(windows.record(truncated, at(1))[0], Window::k15s)), std::nullopt);
  EXPECT_EQ(tokens(window(windows.record(page(1012), at(2))[0], Window::k15s)), 12);
}

TEST(WindowsTest, SeriesThatIsGoneIsNotPublished) {
  Windows windows;
  EngineReading two = page(5);
  two.series.push_back(series_of("n", 50));
  (void)windows.record(two, at(0));
  EXPECT_EQ(windows.record(page(6), at(1)).size(), 1U);
  two.series[1] = series_of("n", 80);
  const auto series = windows.record(two, at(2));
  ASSERT_EQ(series.size(), 2U);
  EXPECT_EQ(tokens(window(series[1], Window::k15s)), 30);
}

TEST(WindowsTest, NewModelOfARunningEngineCountsItsFirstTokens) {
  Windows windows;
  for (int second = 0; second < 60; ++second) (void)windows.record(page(5), at(second));
  EngineReading two = page(5);
  two.series.push_back(series_of("n", 50));
  const auto series = windows.record(two, at(60));
  EXPECT_EQ(tokens(window(series[1], Window::k60s)), 50);
}

TEST(WindowsTest, ClearForgetsTheEngine) {
  Windows windows;
  (void)windows.record(page(1000), at(0));
  (void)windows.record(page(5), at(1));
  windows.clear();
  EXPECT_EQ(window(windows.record(page(900), at(2))[0], Window::k15s).span, milliseconds(0));
  EXPECT_EQ(tokens(window(windows.record(page(905), at(3))[0], Window::k15s)), 5);
  EXPECT_EQ(windows.restarts(), 1U);
}

HistogramPart ttft_part(std::vector<double> edges, std::vector<double> cumulative, double sum) {
  return {1, std::move(edges), std::move(cumulative), sum};
}

const std::optional<HistogramDelta>& ttft(const SeriesSnapshot& series) {
  return window(series, Window::k60s).latencies[index_of(Latency::kTtft)];
}

TEST(WindowsTest, HistogramsSubtractAndBeginAnewWithOtherEdges) {
  Windows windows;
  EngineReading reading = page(0);
  auto& parts = reading.series[0].histograms[index_of(Latency::kTtft)];
  parts = {ttft_part({1, 2}, {1, 2, 3}, 7)};
  (void)windows.record(reading, at(0));
  parts = {ttft_part({1, 2}, {3, 5, 7}, 20)};
  EXPECT_EQ(ttft(windows.record(reading, at(1))[0]), (HistogramDelta{{1, 2}, {2, 1, 1}, 13}));
  EXPECT_EQ(ttft(windows.record(reading, at(2))[0])->total(), 4U);
  parts = {ttft_part({1, 4}, {1, 1, 2}, 8)};
  EXPECT_EQ(ttft(windows.record(reading, at(3))[0]), (HistogramDelta{{1, 4}, {1, 0, 1}, 8}));
}

TEST(WindowsTest, HistogramThatThePageLacksIsAbsentAndAnEmptyOneIsNot) {
  Windows windows;
  EngineReading reading = page(0);
  auto& parts = reading.series[0].histograms[index_of(Latency::kTtft)];
  parts = {ttft_part({1, 2}, {1, 2, 3}, 7)};
  (void)windows.record(reading, at(0));
  EXPECT_EQ(ttft(windows.record(reading, at(1))[0]), (HistogramDelta{{1, 2}, {0, 0, 0}, 0}));
  parts.clear();
  EXPECT_EQ(ttft(windows.record(reading, at(2))[0]), std::nullopt);
}

EngineReading crowd(int models, int roles, double tokens) {
  EngineReading reading;
  for (int m = 0; m < models; ++m) {
    for (int r = 0; r < roles; ++r) {
      SeriesReading series = series_of(fmt::format("model-{}", m), tokens, 1, 2);
      series.role = fmt::format("role-{}", r);
      gauge(series, Gauge::kKvCacheUtilization) = r == 0 ? 0.2 : 0.4;
      series.kv_capacity_tokens = 100;
      reading.series.push_back(std::move(series));
    }
  }
  return reading;
}

TEST(WindowsTest, SixteenSeriesKeepTheirNames) {
  Windows windows;
  EXPECT_EQ(windows.record(crowd(8, 2, 0), at(0)).size(), 16U);
  EXPECT_EQ(windows.merged_series(), 0U);
}

TEST(WindowsTest, MoreThanSixteenSeriesMergeByModel) {
  Windows windows;
  (void)windows.record(crowd(10, 2, 100), at(0));
  const auto series = windows.record(crowd(10, 2, 105), at(1));
  ASSERT_EQ(series.size(), 10U);
  EXPECT_EQ(windows.merged_series(), 10U);
  EXPECT_EQ(series[3].model, "model-3");
  EXPECT_EQ(series[3].role, "both");
  EXPECT_EQ(in_flight(series[3].gauges), 6);
  EXPECT_NEAR(*series[3].gauges[index_of(Gauge::kKvCacheUtilization)], 0.3, 1e-12);
  EXPECT_EQ(series[3].kv_capacity_tokens, 200);
  EXPECT_EQ(tokens(window(series[3], Window::k60s)), 10);
}

TEST(WindowsTest, MoreThanSixteenModelsMergeIntoOne) {
  Windows windows;
  (void)windows.record(crowd(40, 1, 100), at(0));
  const auto series = windows.record(crowd(40, 1, 105), at(1));
  ASSERT_EQ(series.size(), 1U);
  EXPECT_EQ(series[0].model, "");
  EXPECT_EQ(tokens(window(series[0], Window::k60s)), 200);
  EXPECT_EQ(windows.merged_series(), 39U);
}

// Names must not come and go with the seventeenth series, and its coming is no burst of tokens.
TEST(WindowsTest, MergingStaysOnceItBegan) {
  Windows windows;
  (void)windows.record(crowd(16, 1, 100), at(0));
  auto series = windows.record(crowd(17, 1, 100), at(1));
  ASSERT_EQ(series.size(), 1U);
  EXPECT_EQ(tokens(window(series[0], Window::k60s)), 100);  // the new model's first 100
  series = windows.record(crowd(16, 1, 101), at(2));
  ASSERT_EQ(series.size(), 1U);
  EXPECT_EQ(tokens(window(series[0], Window::k60s)), 116);
}

TEST(WindowsTest, ModelsThatComeAndGoNeverFillTheTable) {
  Windows windows;
  for (int round = 0; round < 100; ++round) {
    EngineReading reading = page(round);
    reading.series.push_back(series_of(fmt::format("passing-{}", round), 1));
    EXPECT_EQ(windows.record(reading, at(round)).size(), 2U);
  }
  EXPECT_EQ(tokens(window(windows.record(page(100), at(100))[0], Window::k60s)), 60);
}

}  // namespace
}  // namespace leadline
