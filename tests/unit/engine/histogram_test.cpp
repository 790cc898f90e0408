// Quantiles, means and shares of histograms, and what merging does to their edges.

#include "engine/histogram.h"

#include <cmath>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace leadline {
namespace {

HistogramDelta histogram(std::vector<double> edges, std::vector<std::uint64_t> counts,
                         double sum = 0) {
  return {std::move(edges), std::move(counts), sum};
}

std::optional<MergedHistogram> merged(std::initializer_list<HistogramDelta> list) {
  std::vector<const HistogramDelta*> parts;
  for (const HistogramDelta& part : list) parts.push_back(&part);
  return merge(parts);
}

std::string text_of(const std::optional<MergedHistogram>& merged) {
  if (!merged) return "nothing";
  const HistogramDelta& h = merged->histogram;
  return fmt::format("edges {} counts {} sum {}{}{}", fmt::join(h.edges, " "),
                     fmt::join(h.counts, " "), h.sum, merged->common_edges ? "" : " no common",
                     merged->top_lost ? " top lost" : "");
}

double quantile_of(const HistogramDelta& histogram, double quantile) {
  const auto estimate = estimate_quantile(histogram, quantile);
  EXPECT_TRUE(estimate.has_value() && !estimate->clipped) << quantile;
  return estimate ? estimate->value : -1;
}

TEST(HistogramTest, QuantileIsExactAtAnEdge) {
  const auto f = [](double quantile, std::vector<std::uint64_t> counts, double want) {
    SCOPED_TRACE(quantile);
    EXPECT_EQ(quantile_of(histogram({1, 2, 4}, std::move(counts)), quantile), want);
  };
  f(0.5, {10, 0, 10, 0}, 1);  // though the next bucket is empty
  f(1, {10, 0, 10, 0}, 4);
  f(0, {0, 10, 0, 0}, 1);
  f(0, {10, 0, 0, 0}, 0);
  f(1, {10, 0, 0, 0}, 1);
  f(0.55, {55, 0, 45, 0}, 1);  // 0.55 x 100 is 55.00000000000001 in binary
  f(0.9, {45, 0, 5, 0}, 1);
}

// SciPy 1.14: exp(PchipInterpolator(-log(199 + 0.5 - cumulative), log(edges))).
TEST(HistogramTest, QuantileIsSciPysMonotoneCubic) {
  const HistogramDelta h = histogram({0.5, 1, 2, 5, 10}, {30, 40, 80, 35, 14, 0}, 350);
  EXPECT_NEAR(quantile_of(h, 0.5), 1.2970858272005936, 1e-12);
  EXPECT_NEAR(quantile_of(h, 0.75), 1.9783399761657117, 1e-12);
  EXPECT_NEAR(quantile_of(h, 0.8), 2.353543595033134, 1e-12);
}

// P(X > x) = 1 / x: every quantile is 1 / (1 - q), and linear would say 6.67 for 5.
TEST(HistogramTest, QuantileOfAParetoTailIsItsOwn) {
  const HistogramDelta h =
      histogram({1, 2, 4, 10, 100}, {0, 500'000, 250'000, 150'000, 90'000, 10'000}, 5e6);
  for (const double quantile : {0.6, 0.7, 0.8, 0.85}) {
    EXPECT_NEAR(quantile_of(h, quantile) * (1 - quantile), 1, 1e-4) << quantile;
  }
}

// The first bucket begins at 0, where no logarithm is: the sum decides.
TEST(HistogramTest, QuantileFromZeroFollowsTheSum) {
  const auto f = [](std::vector<std::uint64_t> counts, double sum, double want_median) {
    SCOPED_TRACE(sum);
    EXPECT_NEAR(quantile_of(histogram({1, 2}, std::move(counts), sum), 0.5), want_median, 1e-12);
  };
  f({10, 0, 0}, 5, 0.5);                      // mean in the middle: linear
  f({10, 0, 0}, 8, std::pow(0.5, 0.25));      // mean at 0.8
  f({10, 0, 0}, 2, std::pow(0.5, 4));         // mean at 0.2
  f({10, 4, 0}, 8 + 6, std::pow(0.7, 0.25));  // the other four in the middle of theirs
  f({10, 0, 2}, 8 + 4, std::pow(0.6, 0.25));  // at the last edge
  f({10, 0, 0}, 0, 0.5);                      // no such sum: linear
  f({10, 0, 0}, 11, 0.5);
  f({10, 0, 0}, 9.999, std::pow(0.5, 1 / 0.95 - 1));  // never all of them at the edge
}

// All in (1, 2]: the sum tells where, and no p95 is below the mean.
TEST(HistogramTest, QuantilesInABucketAloneFollowTheSum) {
  double last = 1;
  for (const double mean : {1.1, 1.3, 1.5, 1.7, 1.9}) {
    SCOPED_TRACE(mean);
    const HistogramDelta h = histogram({1, 2, 4}, {0, 1000, 0, 0}, 1000 * mean);
    EXPECT_NEAR(quantile_of(h, 0.5), mean, 0.05);
    EXPECT_GT(quantile_of(h, 0.95), mean);
    EXPECT_GT(quantile_of(h, 0.5), last);
    last = quantile_of(h, 0.5);
  }
}

TEST(HistogramTest, SumIsNotTrustedWhereItCannotTell) {
  const auto at = [](std::vector<std::uint64_t> counts, double sum) {
    return quantile_of(histogram({1, 2, 4}, std::move(counts), sum), 0.4);
  };
  EXPECT_EQ(at({0, 100, 60, 0}, 330), at({0, 100, 60, 0}, 340)) << "the other bucket is wider";
  EXPECT_EQ(at({0, 100, 0, 1}, 150), at({0, 100, 0, 1}, 160)) << "no end of +Inf";
  EXPECT_EQ(at({0, 100, 0, 0}, 90), at({0, 100, 0, 0}, 210)) << "no such sums";
  EXPECT_LT(at({0, 100, 1, 0}, 150), at({0, 100, 1, 0}, 160));
}

TEST(HistogramTest, QuantileInABucketAloneAndAtOddEdges) {
  // ln(10.5 / 5.5) / ln(21) of the way, with steepness 3 at both edges.
  const double t = std::log(10.5 / 5.5) / std::log(21);
  const double risen = t * (3 * (1 - t) * (1 - t) + t * (3 - 2 * t) - 3 * t * (1 - t));
  EXPECT_NEAR(quantile_of(histogram({1, 2, 4}, {0, 10, 0, 0}), 0.5), std::exp2(risen), 1e-12);
  EXPECT_EQ(quantile_of(histogram({0, 1}, {10, 10, 0}, 4), 0.5), 0);
  EXPECT_NEAR(quantile_of(histogram({0, 1}, {10, 10, 0}, 5), 0.75), 0.5, 1e-12);
  EXPECT_EQ(quantile_of(histogram({-1, 1}, {10, 10, 0}, -10), 0.25), -1);
  const double straddling = quantile_of(histogram({-1, 1, 2}, {1, 10, 5, 0}, 7), 0.5);
  EXPECT_GT(straddling, -1);
  EXPECT_LT(straddling, 1);
}

TEST(HistogramTest, QuantileNamesTheEdgesOfItsBucket) {
  const auto got = estimate_quantile(histogram({1, 2, 4}, {0, 0, 10, 0}), 0.5);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->lower, 2);
  EXPECT_EQ(got->upper, 4);
  EXPECT_EQ(got->observations, 10U);
}

TEST(HistogramTest, QuantileBeyondTheLastEdgeIsThatEdgeAndFlagged) {
  const auto got = estimate_quantile(histogram({1, 2, 4}, {1, 0, 0, 99}), 0.95);
  ASSERT_TRUE(got.has_value());
  EXPECT_DOUBLE_EQ(got->value, 4);
  EXPECT_TRUE(got->clipped);
  EXPECT_EQ(got->lower, 4);
  EXPECT_EQ(got->upper, std::nullopt);
}

TEST(HistogramTest, NothingObservedHasNoQuantileMeanOrShare) {
  const HistogramDelta empty = histogram({1, 2}, {0, 0, 0});
  EXPECT_FALSE(estimate_quantile(empty, 0.5).has_value());
  EXPECT_FALSE(mean_of(empty).has_value());
  EXPECT_FALSE(miss_share(empty, 1).has_value());
  EXPECT_FALSE(estimate_quantile(histogram({}, {7}), 0.5).has_value());
}

TEST(HistogramTest, SparseBelowFiveObservationsAboveTheQuantile) {
  const auto f = [](double quantile, std::uint64_t n, bool want) {
    SCOPED_TRACE(fmt::format("p{} of {}", quantile, n));
    EXPECT_EQ(estimate_quantile(histogram({1}, {n, 0}), quantile)->sparse, want);
  };
  f(0.5, 10, false);
  f(0.5, 9, true);
  f(0.9, 50, false);  // 50 x (1 - 0.9) is 4.999999999999999 in binary
  f(0.9, 49, true);
  f(0.95, 100, false);
  f(0.95, 99, true);
  f(0.99, 500, false);
  f(0.99, 499, true);
}

TEST(HistogramTest, MeanIsSumOverCount) {
  EXPECT_DOUBLE_EQ(*mean_of(histogram({1, 2}, {1, 2, 1}, 8)), 2);
}

TEST(HistogramTest, MissShareUsesTheLowerEdge) {
  const auto f = [](double bound, double want_percent, double want_edge, bool want_exact) {
    SCOPED_TRACE(bound);
    const auto got = miss_share(histogram({1, 2, 4}, {50, 30, 15, 5}), bound);
    ASSERT_TRUE(got.has_value());
    EXPECT_DOUBLE_EQ(got->percent, want_percent);
    EXPECT_DOUBLE_EQ(got->edge, want_edge);
    EXPECT_EQ(got->exact, want_exact);
  };
  f(1, 50, 1, true);
  f(2, 20, 2, true);
  f(3, 20, 2, false);  // never understated
  f(4, 5, 4, true);
  f(100, 5, 4, false);
  f(0.5, 100, 0, false);
}

TEST(HistogramTest, MissShareOfPartsNeedsNoCommonEdge) {
  const HistogramDelta a = histogram({1, 3}, {6, 2, 2});
  const HistogramDelta b = histogram({2, 5}, {5, 5, 0});
  const HistogramDelta* const parts[] = {&a, &b};
  const auto got = miss_share(parts, 3);
  ASSERT_TRUE(got.has_value());
  EXPECT_DOUBLE_EQ(got->percent, 35);  // 2 above 3 in a, 5 above 2 in b, of 20
  EXPECT_FALSE(got->exact);
  EXPECT_DOUBLE_EQ(got->edge, 2);
}

TEST(HistogramTest, MergeKeepsCommonEdges) {
  const auto f = [](std::initializer_list<HistogramDelta> parts, std::string_view want) {
    EXPECT_EQ(text_of(merged(parts)), want);
  };
  f({}, "nothing");
  f({histogram({1, 2}, {1, 2, 3}, 9)}, "edges 1 2 counts 1 2 3 sum 9");
  f({histogram({1, 2}, {1, 2, 3}, 9), histogram({1, 2}, {10, 20, 30}, 1)},
    "edges 1 2 counts 11 22 33 sum 10");
  // 1.5 has no counterpart: its buckets fall into (1, 2].
  f({histogram({1, 1.5, 2}, {1, 2, 4, 8}), histogram({1, 2}, {10, 20, 30})},
    "edges 1 2 counts 11 26 38 sum 0");
  // The newer version has edges above the older one's last: that edge is the last common one.
  f({histogram({1, 2}, {1, 0, 3}), histogram({1, 2, 8}, {1, 1, 1, 1})},
    "edges 1 2 counts 2 1 5 sum 0");
  // Nothing observed, nothing lost.
  f({histogram({1, 2}, {1, 2, 3}), histogram({5}, {0, 0})}, "edges 1 2 counts 1 2 3 sum 0");
  f({histogram({1, 2}, {1, 2, 3}, 4), histogram({5}, {1, 1}, 6)},
    "edges  counts 8 sum 10 no common");
  f({histogram({0.1, 1, 10}, {1, 1, 1, 1}), histogram({0.1, 2, 20}, {1, 1, 1, 1})},
    "edges 0.1 counts 2 6 sum 0 top lost");
}

}  // namespace
}  // namespace leadline
