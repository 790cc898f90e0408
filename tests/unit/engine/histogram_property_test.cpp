// Merging against an oracle that keeps every observation: whatever the parts and their order, the
// result is the histogram of the pooled sample on the edges that all of them have.

#include <algorithm>
#include <iterator>
#include <random>

#include <gtest/gtest.h>

#include "engine/histogram.h"

namespace leadline {
namespace {

const std::vector<double> kAllEdges = {0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40};

struct Part {
  std::vector<double> observations;
  HistogramDelta histogram;
};

HistogramDelta histogram_of(const std::vector<double>& observations, std::vector<double> edges) {
  HistogramDelta histogram{std::move(edges), {}, 0};
  histogram.counts.resize(histogram.edges.size() + 1);
  for (const double value : observations) {
    const auto bucket = std::lower_bound(histogram.edges.begin(), histogram.edges.end(), value);
    ++histogram.counts[static_cast<std::size_t>(bucket - histogram.edges.begin())];
    histogram.sum += value;
  }
  return histogram;
}

// Observations in 1/64 s, so that sums are exact whatever their order; some lie on an edge.
Part random_part(std::mt19937& random) {
  Part part;
  const std::size_t n = random() % 40;
  for (std::size_t i = 0; i < n; ++i) {
    const bool on_edge = random() % 8 == 0;
    part.observations.push_back(on_edge ? 0.25 : static_cast<double>(1 + random() % 4000) / 64);
  }
  std::vector<double> edges;
  std::copy_if(kAllEdges.begin(), kAllEdges.end(), std::back_inserter(edges),
               [&random](double) { return random() % 4 != 0; });
  part.histogram = histogram_of(part.observations, edges);
  return part;
}

std::vector<const HistogramDelta*> pointers(const std::vector<Part>& parts) {
  std::vector<const HistogramDelta*> all;
  for (const Part& part : parts) all.push_back(&part.histogram);
  return all;
}

HistogramDelta pooled(const std::vector<Part>& parts) {
  std::vector<double> edges = kAllEdges;
  std::vector<double> observations;
  for (const Part& part : parts) {
    observations.insert(observations.end(), part.observations.begin(), part.observations.end());
    if (part.observations.empty()) continue;
    std::erase_if(edges, [&part](double edge) {
      return !std::binary_search(part.histogram.edges.begin(), part.histogram.edges.end(), edge);
    });
  }
  return histogram_of(observations, edges);
}

class HistogramPropertyTest : public testing::TestWithParam<unsigned> {
 protected:
  std::mt19937 random{GetParam()};

  std::vector<Part> random_parts(std::size_t count) {
    std::vector<Part> parts;
    for (std::size_t i = 0; i < count; ++i) parts.push_back(random_part(random));
    return parts;
  }
};

TEST_P(HistogramPropertyTest, MergeIsTheHistogramOfThePooledSample) {
  for (int round = 0; round < 200; ++round) {
    std::vector<Part> parts = random_parts(1 + random() % 6);
    parts.front().observations.push_back(1);  // somebody observed something
    parts.front().histogram =
        histogram_of(parts.front().observations, parts.front().histogram.edges);
    EXPECT_EQ(merge(pointers(parts))->histogram, pooled(parts));
  }
}

TEST_P(HistogramPropertyTest, MergeIsCommutative) {
  for (int round = 0; round < 200; ++round) {
    const std::vector<Part> parts = random_parts(2 + random() % 5);
    std::vector<const HistogramDelta*> order = pointers(parts);
    const auto first = merge(order);
    std::shuffle(order.begin(), order.end(), random);
    const auto second = merge(order);
    EXPECT_EQ(first->histogram, second->histogram);
    EXPECT_EQ(first->common_edges, second->common_edges);
    EXPECT_EQ(first->top_lost, second->top_lost);
  }
}

TEST_P(HistogramPropertyTest, MergeIsAssociative) {
  for (int round = 0; round < 200; ++round) {
    const std::vector<Part> parts = random_parts(3);
    const HistogramDelta& a = parts[0].histogram;
    const HistogramDelta& b = parts[1].histogram;
    const HistogramDelta& c = parts[2].histogram;
    const auto pair = [](const HistogramDelta& x, const HistogramDelta& y) {
      const HistogramDelta* const both[] = {&x, &y};
      return merge(both)->histogram;
    };
    EXPECT_EQ(pair(pair(a, b), c), pair(a, pair(b, c)));
  }
}

TEST_P(HistogramPropertyTest, QuantileLiesInTheBucketOfTheTrueOne) {
  for (int round = 0; round < 200; ++round) {
    const Part part = random_part(random);
    if (part.observations.empty() || part.histogram.edges.empty()) continue;
    std::vector<double> sorted = part.observations;
    std::sort(sorted.begin(), sorted.end());
    for (const double quantile : {0.5, 0.9, 0.95, 0.99, 1.0}) {
      const auto n = static_cast<double>(sorted.size());
      const auto rank = static_cast<std::size_t>(std::ceil(quantile * n - 1e-9));
      const double truth = sorted[std::max<std::size_t>(rank, 1) - 1];
      const auto got = estimate_quantile(part.histogram, quantile);
      ASSERT_TRUE(got.has_value());
      EXPECT_LE(got->lower.value_or(0), truth);
      if (got->upper) EXPECT_GE(*got->upper, truth);
      EXPECT_EQ(got->clipped, truth > part.histogram.edges.back());
    }
  }
}

TEST_P(HistogramPropertyTest, QuantilesNeverFallNorLeaveTheirBucket) {
  for (int round = 0; round < 100; ++round) {
    const Part part = random_part(random);
    if (part.observations.empty() || part.histogram.edges.empty()) continue;
    double last = 0;
    for (int i = 0; i <= 400; ++i) {
      const auto got = estimate_quantile(part.histogram, i / 400.0);
      ASSERT_TRUE(got.has_value());
      EXPECT_GE(got->value, last * (1 - 1e-14));
      EXPECT_GE(got->value, got->lower.value_or(0));
      if (got->upper) EXPECT_LE(got->value, *got->upper);
      last = got->value;
    }
  }
}

TEST_P(HistogramPropertyTest, QuantilesAreExactAtEveryEdge) {
  for (int round = 0; round < 100; ++round) {
    const Part part = random_part(random);
    const HistogramDelta& histogram = part.histogram;
    double below = 0;
    for (std::size_t i = 0; i < histogram.edges.size(); ++i) {
      if (histogram.counts[i] == 0) continue;
      below += static_cast<double>(histogram.counts[i]);
      const auto got =
          estimate_quantile(histogram, below / static_cast<double>(part.observations.size()));
      EXPECT_EQ(got->value, histogram.edges[i]);
    }
  }
}

// Milliseconds or seconds, the answer is the same time.
TEST_P(HistogramPropertyTest, QuantilesScaleWithTheEdges) {
  for (int round = 0; round < 100; ++round) {
    const Part part = random_part(random);
    if (part.observations.empty() || part.histogram.edges.empty()) continue;
    HistogramDelta scaled = part.histogram;
    for (double& edge : scaled.edges) edge *= 1000;
    scaled.sum *= 1000;
    for (const double quantile : {0.0, 0.3, 0.5, 0.9, 0.99, 1.0}) {
      const double want = 1000 * estimate_quantile(part.histogram, quantile)->value;
      EXPECT_NEAR(estimate_quantile(scaled, quantile)->value, want, 1e-9 * want);
    }
  }
}

// Merged on the edges that all have, it is the estimate of the pooled histogram.
TEST_P(HistogramPropertyTest, QuantilesOfMergedPartsAreThoseOfThePooledSample) {
  for (int round = 0; round < 100; ++round) {
    const std::vector<Part> parts = random_parts(4);
    const auto together = merge(pointers(parts));
    const auto got = estimate_quantile(together->histogram, 0.9);
    const auto want = estimate_quantile(pooled(parts), 0.9);
    ASSERT_EQ(got.has_value(), want.has_value());
    if (got) EXPECT_DOUBLE_EQ(got->value, want->value);
  }
}

TEST_P(HistogramPropertyTest, MissesAreNeverUnderstated) {
  for (int round = 0; round < 200; ++round) {
    const std::vector<Part> parts = random_parts(3);
    for (const double bound : {0.1, 0.3, 1.0, 7.0}) {
      const auto got = miss_share(pointers(parts), bound);
      if (!got) continue;
      double above = 0;
      for (const Part& part : parts) {
        above +=
            static_cast<double>(std::count_if(part.observations.begin(), part.observations.end(),
                                              [bound](double value) { return value > bound; }));
      }
      const double truth = 100 * above / static_cast<double>(got->observations);
      EXPECT_GE(got->percent, truth - 1e-9);
      if (got->exact) EXPECT_NEAR(got->percent, truth, 1e-9);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, HistogramPropertyTest, testing::Values(1U, 2U, 3U));

}  // namespace
}  // namespace leadline
