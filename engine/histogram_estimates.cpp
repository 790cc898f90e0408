#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "engine/histogram.h"

namespace leadline {
namespace {

// Fewer observations than this above a quantile make it a matter of luck.
constexpr double kEnoughAbove = 5;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

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

double lower_edge(const HistogramDelta& histogram, std::size_t bucket) {
  // Latencies begin at 0; a first edge that does not lie above it holds all of its bucket.
  return bucket > 0 ? histogram.edges[bucket - 1] : std::min(0.0, histogram.edges.front());
}

double middle_of(const HistogramDelta& histogram, std::size_t bucket) {
  if (bucket == histogram.edges.size()) return histogram.edges.back();
  return (lower_edge(histogram, bucket) + histogram.edges[bucket]) / 2;
}

// What the histogram's sum tells of one bucket when the observations of the others lie in the
// middle of theirs.
struct SumEvidence {
  double mean = 0;  // of the bucket's observations; may lie outside the bucket
  double gain = 0;  // 0 to 1: how much of the sum's uncertainty is this bucket's own, squared
};

SumEvidence evidence_of(const HistogramDelta& histogram, std::size_t bucket) {
  double left = histogram.sum;
  double own = 0;
  double all = 0;
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    if (histogram.counts[i] == 0) continue;
    const auto count = static_cast<double>(histogram.counts[i]);
    const bool endless = i == histogram.edges.size();
    const double spread =
        endless ? kInfinity : count * (histogram.edges[i] - lower_edge(histogram, i));
    all += spread * spread;
    if (i == bucket)
      own = spread * spread;
    else
      left -= count * middle_of(histogram, i);
  }
  return {left / static_cast<double>(histogram.counts[bucket]), own / all};
}

// In a bucket that begins at 0, which a logarithm cannot reach: the power of the share of its
// observations that has the bucket's mean. Linear where the mean is not inside the bucket: then the
// others swamp it, or the engine keeps no sum.
double place_by_mean(const HistogramDelta& histogram, std::size_t bucket, double share) {
  const double lower = lower_edge(histogram, bucket);
  const double width = histogram.edges[bucket] - lower;
  const double at = (evidence_of(histogram, bucket).mean - lower) / width;
  const double mean = at > 0 && at < 1 ? std::clamp(at, 0.05, 0.95) : 0.5;
  return lower + width * std::pow(share, 1 / mean - 1);
}

// Across one bucket, log(latency) rises by `rise` while log(observations above it) falls by `run`.
struct Step {
  double rise = 0;  // infinite for a bucket from 0 or to +Inf
  double run = 0;   // 0 for an empty bucket
};

// Half an observation more is taken to lie above, so that something lies above the last one.
double log_ratio_above(double more, double less) {
  return std::log((more + 0.5) / (less + 0.5));
}

// `above`: observations in this bucket and those after it.
Step step_over(const HistogramDelta& histogram, std::size_t bucket, double above) {
  const double run = log_ratio_above(above, above - static_cast<double>(histogram.counts[bucket]));
  const double lower = lower_edge(histogram, bucket);
  if (lower <= 0 || bucket == histogram.edges.size()) return {kInfinity, run};
  return {std::log(histogram.edges[bucket] / lower), run};
}

// How steeply the curve goes through the edge between two buckets, as a multiple of the mean
// steepness over `step`: the weighted harmonic mean of both. It lies in (0, 3], in which a cubic is
// monotone, and needs no special case for an empty or endless neighbour.
// Source: F. N. Fritsch, J. Butland, "A method for constructing local monotone piecewise cubic
// interpolants", SIAM J. Sci. Stat. Comput. 5 (1984), 300-304; weights as in SciPy's
// PchipInterpolator.
double steepness(const Step& step, const Step& neighbour) {
  const double flatness = neighbour.run / neighbour.rise * (step.rise / step.run);
  return 3 * (step.run + neighbour.run) /
         ((2 * step.run + neighbour.run) * flatness + step.run + 2 * neighbour.run);
}

// log(latency) as a monotone cubic of log(observations above it): a straight line for a Pareto
// tail, and nearly one for the tails of queues and log-normals, whatever the width of the buckets.
// bench/README.md has what else was tried, and the errors.
class Curve {
 public:
  // REQUIRES: the bucket begins above 0. `above`: observations in it and those after it.
  Curve(const HistogramDelta& histogram, std::size_t bucket, double above)
      : above_(above), step_(step_over(histogram, bucket, above)) {
    const auto before = static_cast<double>(histogram.counts[bucket - 1]);
    const auto count = static_cast<double>(histogram.counts[bucket]);
    at_lower_ = steepness(step_, step_over(histogram, bucket - 1, above + before));
    at_upper_ = steepness(step_, step_over(histogram, bucket + 1, above - count));
    width_ = std::expm1(step_.rise);
  }

  // 0 to 1 across the bucket's width, where that many observations lie above.
  [[nodiscard]] double at(double above_rank) const {
    const double t = log_ratio_above(above_, above_rank) / step_.run;
    const double rest = 1 - t;
    const double risen = t * (rest * rest * at_lower_ + t * (3 - 2 * t) - t * rest * at_upper_);
    return std::clamp(std::expm1(step_.rise * risen) / width_, 0.0, 1.0);
  }

  // The mean of at() over `count` observations, by Gauss and Legendre's three points.
  [[nodiscard]] double mean(double count) const {
    constexpr double kFirst = 0.1127016653792583;
    return (5 * at(above_ - kFirst * count) + 8 * at(above_ - 0.5 * count) +
            5 * at(above_ - (1 - kFirst) * count)) /
           18;
  }

 private:
  double above_;
  Step step_;
  double at_lower_ = 1, at_upper_ = 1;
  double width_ = 0;
};

double odds(double share) {
  const double inside = std::clamp(share, 0.02, 0.98);
  return inside / (1 - inside);
}

// The curve, tilted (its odds multiplied) towards the mean that the sum tells, where most of the
// sum's uncertainty is this bucket's own; untouched elsewhere. A p95 below the mean of observations
// that all lie in one bucket would be absurd.
double place_on_curve(const HistogramDelta& histogram, std::size_t bucket, double above,
                      double above_rank) {
  const Curve curve(histogram, bucket, above);
  const double lower = lower_edge(histogram, bucket);
  const double width = histogram.edges[bucket] - lower;
  const double share = curve.at(above_rank);
  const SumEvidence evidence = evidence_of(histogram, bucket);
  const double told = (evidence.mean - lower) / width;
  const double trust = 2 * evidence.gain - 1;
  const bool inside = told > 0 && told < 1;
  if (trust <= 0 || !inside) return lower + width * share;
  const double mean = curve.mean(static_cast<double>(histogram.counts[bucket]));
  const double tilt = odds(mean + trust * (told - mean)) / odds(mean);
  return lower + width * (tilt * share / (1 - share + tilt * share));
}

double value_at(const HistogramDelta& histogram, const RankedBucket& bucket, double rank,
                double total) {
  const double lower = lower_edge(histogram, bucket.index);
  const double upper = histogram.edges[bucket.index];
  const double share = (rank - bucket.below) / static_cast<double>(histogram.counts[bucket.index]);
  if (share <= 0) return lower;  // exact at the edges, free of rounding
  if (share >= 1) return upper;
  const double value =
      lower > 0 ? place_on_curve(histogram, bucket.index, total - bucket.below, total - rank)
                : place_by_mean(histogram, bucket.index, share);
  return std::clamp(value, lower, upper);
}

void place(const HistogramDelta& histogram, double rank, QuantileEstimate& estimate) {
  const RankedBucket bucket = bucket_of(histogram, rank);
  if (bucket.index == histogram.edges.size()) {
    estimate.clipped = true;
    estimate.value = histogram.edges.back();
    estimate.lower = estimate.value;
    return;
  }
  estimate.upper = histogram.edges[bucket.index];
  if (bucket.index > 0 || *estimate.upper > 0) estimate.lower = lower_edge(histogram, bucket.index);
  estimate.value = value_at(histogram, bucket, rank, static_cast<double>(estimate.observations));
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
  MissShare share{.edge = kInfinity};
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
