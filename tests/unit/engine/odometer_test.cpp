// What a page adds, when counters restart, vanish, come back and change.

#include "engine/odometer.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace leadline {
namespace {

constexpr std::size_t kPrompt = index_of(Counter::kPromptTokens);
constexpr std::size_t kFinished = index_of(Counter::kFinishedRequests);
constexpr std::size_t kTtft = index_of(Latency::kTtft);

// A page of one series, built up by hand.
struct Page {
  EngineReading reading;

  Page() { reading.series.resize(1); }
  Page& prompt(std::uint64_t part, double value) {
    reading.series[0].counters[kPrompt].push_back({part, value});
    return *this;
  }
  Page& finished(std::uint64_t part, double value) {
    reading.series[0].counters[kFinished].push_back({part, value});
    return *this;
  }
  Page& ttft(std::uint64_t part, std::vector<double> edges, std::vector<double> cumulative,
             double sum) {
    reading.series[0].histograms[kTtft].push_back(
        {part, std::move(edges), std::move(cumulative), sum});
    return *this;
  }
  Page& started(double when) {
    reading.process_start = when;
    return *this;
  }
};

std::optional<double> prompt_increase(Odometer& odometer, const Page& page) {
  return odometer.advance(page.reading).increases[0].counters[kPrompt];
}

TEST(OdometerTest, FirstPageIsTheBase) {
  Odometer odometer;
  EXPECT_EQ(prompt_increase(odometer, Page().prompt(1, 1000)), 0);
  EXPECT_EQ(prompt_increase(odometer, Page().prompt(1, 1007)), 7);
  EXPECT_EQ(prompt_increase(odometer, Page().prompt(1, 1007)), 0);
}

TEST(OdometerTest, ValueAfterARestartIsWhatHappenedSince) {
  Odometer odometer;
  EXPECT_EQ(prompt_increase(odometer, Page().prompt(1, 1000)), 0);
  const Odometer::Advance& advance = odometer.advance(Page().prompt(1, 30).reading);
  EXPECT_TRUE(advance.restarted);
  EXPECT_EQ(advance.increases[0].counters[kPrompt], 30);
}

TEST(OdometerTest, ProcessStartTellsARestartThatNoCounterShows) {
  Odometer odometer;
  EXPECT_EQ(prompt_increase(odometer, Page().prompt(1, 10).started(1)), 0);
  EXPECT_EQ(prompt_increase(odometer, Page().prompt(1, 50).started(2)), 50);
  EXPECT_EQ(prompt_increase(odometer, Page().prompt(1, 60)), 10);  // not told this time
  EXPECT_EQ(prompt_increase(odometer, Page().prompt(1, 70).started(2)), 10);
}

TEST(OdometerTest, EngineRestartsAsOneUnit) {
  Odometer odometer;
  (void)odometer.advance(Page().prompt(1, 1000).prompt(2, 1000).finished(1, 3).reading);
  const auto& advance = odometer.advance(Page().prompt(1, 10).prompt(2, 20).finished(1, 4).reading);
  EXPECT_TRUE(advance.restarted);
  EXPECT_EQ(advance.increases[0].counters[kPrompt], 30);
  EXPECT_EQ(advance.increases[0].counters[kFinished], 4);  // passed its old value since
}

// The other rank's lifetime total must not become one second's.
TEST(OdometerTest, OneRankThatRestartsLeavesTheOthersAlone) {
  Odometer odometer;
  (void)odometer.advance(Page().prompt(1, 1e6).prompt(2, 1e6).reading);
  const auto& advance = odometer.advance(Page().prompt(1, 1e6 + 5).prompt(2, 40).reading);
  EXPECT_FALSE(advance.restarted);
  EXPECT_EQ(advance.increases[0].counters[kPrompt], 45);
}

TEST(OdometerTest, SeriesOfFirstUseCountsFromZero) {
  Odometer odometer;
  EXPECT_EQ(prompt_increase(odometer, Page()), std::nullopt);
  EXPECT_EQ(prompt_increase(odometer, Page().prompt(1, 1)), 1);
  EXPECT_EQ(prompt_increase(odometer, Page().prompt(1, 1).prompt(2, 3)), 3);
}

TEST(OdometerTest, PartThatWasAwayCountsItsDifferenceOnce) {
  Odometer odometer;
  (void)odometer.advance(Page().prompt(1, 100).prompt(2, 200).reading);
  EXPECT_EQ(prompt_increase(odometer, Page().prompt(1, 101)), 1);
  EXPECT_EQ(prompt_increase(odometer, Page()), std::nullopt);  // truncated: absent, not 0
  EXPECT_EQ(prompt_increase(odometer, Page().prompt(1, 102).prompt(2, 250)), 51);
  EXPECT_EQ(prompt_increase(odometer, Page().prompt(1, 102).prompt(2, 250)), 0);
}

TEST(OdometerTest, PartThatWasAwayDuringARestartCountsFromZero) {
  Odometer odometer;
  (void)odometer.advance(Page().prompt(1, 100).prompt(2, 200).reading);
  (void)odometer.advance(Page().prompt(1, 7).reading);
  EXPECT_EQ(prompt_increase(odometer, Page().prompt(1, 7).prompt(2, 300)), 300);
}

TEST(OdometerTest, UnreadableNumbersAreAbsent) {
  Odometer odometer;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  (void)odometer.advance(Page().prompt(1, 100).reading);
  EXPECT_EQ(prompt_increase(odometer, Page().prompt(1, nan)), std::nullopt);
  EXPECT_EQ(prompt_increase(odometer, Page().prompt(1, -5)), std::nullopt);
  EXPECT_EQ(prompt_increase(odometer, Page().prompt(1, 105)), 5);
}

TEST(OdometerTest, HistogramCountsPerBucket) {
  Odometer odometer;
  (void)odometer.advance(Page().ttft(1, {1, 2}, {5, 6, 6}, 4).reading);
  const auto& advance = odometer.advance(Page().ttft(1, {1, 2}, {6, 9, 10}, 14).reading);
  EXPECT_EQ(advance.increases[0].latencies[kTtft], (HistogramDelta{{1, 2}, {1, 2, 1}, 10}));
}

TEST(OdometerTest, HistogramCountAndSumNeverMixEpochs) {
  const auto f = [](std::vector<double> cumulative, double sum) {
    Odometer odometer;
    // A rank that stays: the page as a whole did not restart.
    (void)odometer.advance(
        Page().prompt(1, 9).prompt(2, 9).ttft(1, {1, 2}, {5, 8, 10}, 12).reading);
    const auto& advance =
        odometer.advance(Page().prompt(1, 9).prompt(2, 9).ttft(1, {1, 2}, cumulative, sum).reading);
    EXPECT_FALSE(advance.restarted);
    const HistogramDelta& got = *advance.increases[0].latencies[kTtft];
    EXPECT_EQ(static_cast<double>(got.total()), cumulative.back());
    EXPECT_DOUBLE_EQ(got.sum, sum);
  };
  f({1, 2, 3}, 4);
  f({6, 9, 11}, 3);   // only the sum went down
  f({4, 9, 11}, 20);  // only one bucket went down
}

TEST(OdometerTest, HistogramWithOtherEdgesBeginsAnew) {
  Odometer odometer;
  (void)odometer.advance(Page().ttft(1, {1, 2}, {5, 8, 10}, 12).reading);
  const auto& advance = odometer.advance(Page().ttft(1, {1, 4}, {1, 2, 12}, 40).reading);
  EXPECT_EQ(advance.increases[0].latencies[kTtft], (HistogramDelta{{1, 4}, {1, 1, 10}, 40}));
}

TEST(OdometerTest, RanksWithOtherEdgesNeverFallBelowThem) {
  Odometer odometer;
  (void)odometer.advance(
      Page().ttft(1, {1, 4}, {0, 0, 0}, 0).ttft(2, {2, 4}, {0, 0, 0}, 0).reading);
  const auto& advance =
      odometer.advance(Page().ttft(1, {1, 4}, {1, 1, 1}, 1).ttft(2, {2, 4}, {1, 2, 3}, 9).reading);
  EXPECT_EQ(advance.increases[0].latencies[kTtft], (HistogramDelta{{1, 4}, {1, 2, 1}, 10}));
}

TEST(OdometerTest, EdgesAreThinnedToTheBound) {
  Odometer odometer;
  std::vector<double> edges(200);
  std::vector<double> none(201, 0);
  std::vector<double> some(201);
  for (std::size_t i = 0; i < 200; ++i) edges[i] = static_cast<double>(i + 1);
  for (std::size_t i = 0; i <= 200; ++i) some[i] = static_cast<double>(i + 1);
  (void)odometer.advance(Page().ttft(1, edges, none, 0).reading);
  const auto& got =
      *odometer.advance(Page().ttft(1, edges, some, 9).reading).increases[0].latencies[kTtft];
  EXPECT_EQ(got.edges.size(), kMaxEdges);
  EXPECT_EQ(got.edges.back(), 200);
  EXPECT_EQ(got.total(), 201U);
  EXPECT_EQ(got.counts.back(), 1U);
}

TEST(OdometerTest, SamePartTwiceOnAPageCountsOnce) {
  Odometer odometer;
  (void)odometer.advance(Page().prompt(1, 10).prompt(1, 90).reading);
  EXPECT_EQ(prompt_increase(odometer, Page().prompt(1, 12).prompt(1, 95)), 2);
}

TEST(OdometerTest, RowsOfUnknownPartsNeverBecomeASpike) {
  Odometer odometer;
  Page first;
  for (std::uint64_t part = 0; part < 6000; ++part) first.prompt(part, 1000);
  EXPECT_EQ(prompt_increase(odometer, first), 0);
  EXPECT_EQ(prompt_increase(odometer, first), 0);  // 1904 parts found no room, and add nothing
  Page others;
  for (std::uint64_t part = 6000; part < 12000; ++part) others.prompt(part, 1000);
  EXPECT_EQ(prompt_increase(odometer, others), 0);
  EXPECT_EQ(prompt_increase(odometer, others), 0);  // room was made: bases, not 4096 x 1000
}

}  // namespace
}  // namespace leadline
