// Quantiles, means and shares of histograms, and what merging does to their edges.

#include "engine/histogram.h"

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

TEST(HistogramTest, QuantileIsLinearInsideItsBucket) {
  const auto f = [](double quantile, std::vector<std::uint64_t> counts, double want) {
    SCOPED_TRACE(quantile);
    const auto got = estimate_quantile(histogram({1, 2, 4}, std::move(counts)), quantile);
    ASSERT_TRUE(got.has_value());
    EXPECT_DOUBLE_EQ(got->value, want);
    EXPECT_FALSE(got->clipped);
  };
  f(0.5, {0, 10, 0, 0}, 1.5);
  f(0.25, {10, 0, 0, 0}, 0.25);  // the first bucket begins at 0
  f(0.5, {10, 0, 10, 0}, 1);     // exact at an edge, though the next bucket is empty
  f(0.75, {10, 0, 10, 0}, 3);
  f(1, {10, 0, 10, 0}, 4);
  f(0, {0, 10, 0, 0}, 1);
  f(0.55, {55, 0, 45, 0}, 1);  // 0.55 x 100 is 55.00000000000001 in binary
  f(0.9, {45, 0, 5, 0}, 1);
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
