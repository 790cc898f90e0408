// Arithmetic on histogram deltas: merge, quantile, mean, share above a bound. Pure.

#pragma once

#include <optional>
#include <span>

#include "engine/pod_snapshot.h"

namespace leadline {

// The histogram of the pooled observations. Different edges merge on their common edges: a bucket
// that spans several falls into the common bucket that holds it, so no observation moves below an
// edge that it was above. A part without observations costs the others no edges. Commutative (to
// the last bit) and associative (the sum to rounding). nullopt where there is nothing to merge.
struct MergedHistogram {
  HistogramDelta histogram;
  // False: the parts share no finite edge, and only the count and the mean mean anything.
  bool common_edges = true;
  // Every part told observations apart above the last common edge: {0.1, 1, 10} and {0.1, 2, 20}
  // share 0.1 alone, and a quantile above it is unknown, not 0.1.
  bool top_lost = false;
};
[[nodiscard]] std::optional<MergedHistogram> merge(std::span<const HistogramDelta* const> parts);

// Inside the bucket that holds the rank, log(latency) is a monotone cubic of log(observations above
// it), which knows the two neighbouring buckets; in the bucket that begins at 0 a power law. Where
// the histogram's sum tells the bucket's mean, both follow it. Never outside the bucket, exact at
// an edge, monotone in the quantile; k times as large where the edges and the sum are. Why this:
// bench/README.md.
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

// The same of the pooled observations. Each part uses its own edge, so that parts with different
// edges need none in common; `edge` is the lowest used. nullopt where nothing was observed, or
// where a part with observations has no finite edge.
[[nodiscard]] std::optional<MissShare> miss_share(std::span<const HistogramDelta* const> parts,
                                                  double bound);

// The bucket among `edges` that holds what lies at `upper`: the first, from `from` on, whose edge
// is not below it; edges.size() is the +Inf bucket.
[[nodiscard]] std::size_t bucket_reaching(std::span<const double> edges, double upper,
                                          std::size_t from);

}  // namespace leadline
