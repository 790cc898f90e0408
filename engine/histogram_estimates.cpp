#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "engine/histogram.h"

namespace leadline {
namespace {

// Fewer observations than this above a quantile make it a matter of luck.
constexpr double kEnoughAbove = 5;

// quantile x total, freed of the rounding of 0.9 or 0.55: 0.55 x 100 is 55.00000000000001 in
// binary, which would read past an edge that holds exactly 55 observations; and 50 x (1 - 0.9) is
// below 5.
double rank_of(double quantile, std::uint64_t total) {
  const double rank = quantile * static_cast<double>(total);
  const double nearest = std::round(rank);
  return std::abs(rank - nearest) < 1e-9 * std::max(1.0, nearest) ? nearest : rank;
}

struct RankedBucket {
  std::size_t index = 0;
  double below = 0;  // observations in the buckets before it
};

// The first bucket with observations that reaches the rank.
RankedBucket bucket_of(const HistogramDelta& histogram, double rank) {
  RankedBucket found;
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    const auto count = static_cast<double>(histogram.counts[i]);
    if (count > 0) {
      found.index = i;
      if (found.below + count >= rank) return found;
    }
    found.below += count;
  }
  return found;  // unreachable: the rank is at most the total
}

void place(const HistogramDelta& histogram, double rank, QuantileEstimate& estimate) {
  const RankedBucket bucket = bucket_of(histogram, rank);
  if (bucket.index == histogram.edges.size()) {
    estimate.clipped = true;
    estimate.value = histogram.edges.back();
    estimate.lower = estimate.value;
    return;
  }
  const double upper = histogram.edges[bucket.index];
  estimate.upper = upper;
  if (bucket.index > 0)
    estimate.lower = histogram.edges[bucket.index - 1];
  else if (upper > 0)
    estimate.lower = 0;  // latencies begin at 0
  const double lower = estimate.lower.value_or(upper);
  const auto count = static_cast<double>(histogram.counts[bucket.index]);
  const double share = std::max(0.0, (rank - bucket.below) / count);
  estimate.value = share == 1 ? upper : lower + (upper - lower) * share;
}

struct Misses {
  std::uint64_t above = 0;
  double edge = 0;
  bool exact = false;
};

// Counts what lies above the highest edge that is not above `bound`; below the first edge that is
// 0.
Misses misses_of(const HistogramDelta& histogram, double bound) {
  const auto above = std::upper_bound(histogram.edges.begin(), histogram.edges.end(), bound);
  const auto first = static_cast<std::size_t>(above - histogram.edges.begin());
  Misses misses;
  if (first > 0) misses.edge = histogram.edges[first - 1];
  misses.exact = first > 0 && misses.edge == bound;
  for (std::size_t i = first; i < histogram.counts.size(); ++i) misses.above += histogram.counts[i];
  return misses;
}

}  // namespace

std::optional<QuantileEstimate> estimate_quantile(const HistogramDelta& histogram,
                                                  double quantile) {
  assert(quantile >= 0 && quantile <= 1);
  const std::uint64_t total = histogram.total();
  if (total == 0 || histogram.edges.empty()) return std::nullopt;
  const double rank = rank_of(quantile, total);
  QuantileEstimate estimate;
  estimate.observations = total;
  estimate.sparse = static_cast<double>(total) - rank < kEnoughAbove;
  place(histogram, rank, estimate);
  return estimate;
}

std::optional<double> mean_of(const HistogramDelta& histogram) {
  const std::uint64_t total = histogram.total();
  if (total == 0) return std::nullopt;
  return histogram.sum / static_cast<double>(total);
}

std::optional<MissShare> miss_share(const HistogramDelta& histogram, double bound) {
  const HistogramDelta* const only = &histogram;
  return miss_share(std::span(&only, 1), bound);
}

std::optional<MissShare> miss_share(std::span<const HistogramDelta* const> parts, double bound) {
  MissShare share{.edge = std::numeric_limits<double>::infinity()};
  std::uint64_t above = 0;
  for (const HistogramDelta* part : parts) {
    const std::uint64_t total = part->total();
    if (total == 0) continue;
    if (part->edges.empty()) return std::nullopt;
    const Misses misses = misses_of(*part, bound);
    above += misses.above;
    share.observations += total;
    share.exact = share.exact && misses.exact;
    share.edge = std::min(share.edge, misses.edge);
  }
  if (share.observations == 0) return std::nullopt;
  share.percent = 100.0 * static_cast<double>(above) / static_cast<double>(share.observations);
  return share;
}

}  // namespace leadline
