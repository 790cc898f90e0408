#include "engine/histogram.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <limits>
#include <vector>

#include "engine/ordered_sum.h"

namespace leadline {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

using Parts = std::span<const HistogramDelta* const>;

bool observed_something(const HistogramDelta* part) {
  return part->total() > 0;
}

// Those with observations, or all where none has any: only observations can lose an edge.
std::vector<const HistogramDelta*> parts_that_decide(Parts parts) {
  std::vector<const HistogramDelta*> deciding;
  std::copy_if(parts.begin(), parts.end(), std::back_inserter(deciding), observed_something);
  if (deciding.empty()) deciding.assign(parts.begin(), parts.end());
  return deciding;
}

std::vector<double> edges_in_all(Parts parts) {
  std::vector<double> common = parts.front()->edges;
  for (const HistogramDelta* part : parts.subspan(1)) {
    if (part->edges == common) continue;
    std::vector<double> still_common;
    std::set_intersection(common.begin(), common.end(), part->edges.begin(), part->edges.end(),
                          std::back_inserter(still_common));
    common = std::move(still_common);
  }
  return common;
}

bool all_reach_above(Parts parts, double edge) {
  return std::all_of(parts.begin(), parts.end(), [edge](const HistogramDelta* part) {
    return !part->edges.empty() && part->edges.back() > edge;
  });
}

// Each bucket goes to the one that holds its upper edge.
void add_observations(const HistogramDelta& part, HistogramDelta& into) {
  assert(part.counts.size() == part.edges.size() + 1);
  std::size_t bucket = 0;
  for (std::size_t i = 0; i < part.counts.size(); ++i) {
    const double upper = i < part.edges.size() ? part.edges[i] : kInfinity;
    bucket = bucket_reaching(into.edges, upper, bucket);
    into.counts[bucket] += part.counts[i];
  }
}

double sum_of(Parts parts) {
  std::vector<double> sums;
  sums.reserve(parts.size());
  for (const HistogramDelta* part : parts) sums.push_back(part->sum);
  return ordered_sum(std::move(sums));
}

}  // namespace

std::size_t bucket_reaching(std::span<const double> edges, double upper, std::size_t from) {
  while (from < edges.size() && edges[from] < upper) ++from;
  return from;
}

std::optional<MergedHistogram> merge(Parts parts) {
  if (parts.empty()) return std::nullopt;
  const std::vector<const HistogramDelta*> deciding = parts_that_decide(parts);
  MergedHistogram merged;
  HistogramDelta& pooled = merged.histogram;
  pooled.edges = edges_in_all(deciding);
  pooled.counts.assign(pooled.edges.size() + 1, 0);
  for (const HistogramDelta* part : deciding) add_observations(*part, pooled);
  pooled.sum = sum_of(parts);
  merged.common_edges = !pooled.edges.empty();
  merged.top_lost = merged.common_edges && all_reach_above(deciding, pooled.edges.back());
  return merged;
}

}  // namespace leadline
