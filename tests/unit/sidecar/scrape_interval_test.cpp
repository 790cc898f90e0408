#include "sidecar/scrape_interval.h"

#include <vector>

#include <gtest/gtest.h>

namespace leadline {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(ScrapeIntervalTest, IsAHundredMediansWithinItsBounds) {
  const auto f = [](std::vector<int> durations_us, int want_ms) {
    ScrapeInterval interval(std::nullopt);
    for (const int us : durations_us) interval.record(microseconds(us));
    EXPECT_EQ(interval.interval(), milliseconds(want_ms)) << durations_us.size() << " durations";
  };
  f({}, 250);
  f({2'400}, 250);  // 240 would be too eager
  f({2'500}, 250);
  f({12'000}, 1'200);
  f({50'000}, 5'000);
  f({74'000}, 5'000);                     // 7.4 s would be too old: the cap wins
  f({4'000'000}, 5'000);                  // a timeout
  f({10'000, 4'000'000, 10'000}, 1'000);  // one slow page is not the median
  f({10'000, 4'000'000, 4'000'000}, 5'000);
  f({90'000, 1, 1, 1, 1, 1, 1, 1, 1}, 250);
  f({20'000, 20'000, 20'000, 20'000, 20'000, 1, 1, 1, 1, 1}, 250);  // only the last nine count
}

TEST(ScrapeIntervalTest, FixedStaysFixed) {
  ScrapeInterval interval(milliseconds(700));
  interval.record(milliseconds(90));
  EXPECT_EQ(interval.interval(), milliseconds(700));
}

TEST(ScrapeIntervalTest, LoadRatioSaysWhereTheCapWins) {
  ScrapeInterval interval(std::nullopt);
  EXPECT_FALSE(interval.load_ratio());
  interval.record(milliseconds(20));
  EXPECT_DOUBLE_EQ(interval.load_ratio().value(), 0.01);
  ScrapeInterval slow(std::nullopt);
  slow.record(milliseconds(100));
  EXPECT_DOUBLE_EQ(slow.load_ratio().value(), 0.02);
}

TEST(ScrapeIntervalTest, MaxAgeIsFourIntervalsAndAtLeastFiveSeconds) {
  EXPECT_EQ(max_age_for(milliseconds(250)), milliseconds(5'000));
  EXPECT_EQ(max_age_for(milliseconds(1'250)), milliseconds(5'000));
  EXPECT_EQ(max_age_for(milliseconds(5'000)), milliseconds(20'000));
}

TEST(ScrapeIntervalTest, PhaseIsOnTheGridAndNearlyOneIntervalAway) {
  const milliseconds interval(1'000);
  for (const std::size_t identity : {std::size_t{0}, std::size_t{1}, std::size_t{999'999'937}}) {
    for (const int start_ms : {0, 1, 499, 500, 501, 999, 123'456}) {
      const SteadyTime start{milliseconds(start_ms)};
      const SteadyTime first = first_on_phase(start, interval, identity);
      EXPECT_GE(first - start, interval / 2);
      EXPECT_LT(first - start, interval * 3 / 2);
      const auto on_grid = (first.time_since_epoch() - milliseconds(identity % 1'000)) % interval;
      EXPECT_EQ(on_grid, SteadyTime::duration::zero()) << identity << " from " << start_ms;
    }
  }
}

}  // namespace
}  // namespace leadline
