// Arithmetic on histogram deltas: merge, quantile, mean, share above a bound. Pure.

#pragma once

#include <optional>
#include <span>

#include "engine/pod_snapshot.h"

namespace leadline {

// The histogram of the pooled observations. Different edges merge on their common edges: a bucket
// that spans several falls into the common bucket that holds it, so no observation moves below an
// edge that it was above. Commutative and associative. nullopt where there is nothing to merge.
// `common_edges` false: the parts share no finite edge, and only the count and the mean mean anything.
struct MergedHistogram {
  HistogramDelta histogram;
  bool common_edges = true;
};
[[nodiscard]] std::optional<MergedHistogram> merge(std::span<const HistogramDelta* const> parts);

// Linear inside the bucket that holds the rank, as PromQL's histogram_quantile does.
// Source: https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile
struct QuantileEstimate {
  double value = 0;                    // seconds
  std::optional<double> lower, upper;  // edges of the bucket that holds the rank; no upper = +Inf
  bool clipped = false;                // in the +Inf bucket: value is the last finite edge
  bool sparse = false;                 // n(1-p) < 5: fewer than five observations above
  std::uint64_t observations = 0;
};

// nullopt where the histogram counted nothing (an idle engine has no latency, and 0 s would read as
// excellent) or has no finite edge. REQUIRES: quantile in [0, 1].
[[nodiscard]] std::optional<QuantileEstimate> estimate_quantile(const HistogramDelta& histogram,
                                                                double quantile);

// Sum / count in seconds; nullopt where nothing was counted.
[[nodiscard]] std::optional<double> mean_of(const HistogramDelta& histogram);

// Share of observations above `bound` seconds, 0-100. Exact where the bound is an edge; between two
// edges the lower one is used, so that misses are never understated, and `exact` is false.
struct MissShare {
  double percent = 0;
  bool exact = true;
  double edge = 0;  // the edge that was used, seconds
  std::uint64_t observations = 0;
};
[[nodiscard]] std::optional<MissShare> miss_share(const HistogramDelta& histogram, double bound);

}  // namespace leadline
