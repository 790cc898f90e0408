// EdgeHistogram counts observations between fixed upper edges, inclusive ("le"), as Prometheus'
// client libraries do: one count per edge and one for everything above the last.
//
// Used by the stand-in engine for its page and by the load generator for its summary, so that both
// sides of a test count in the same buckets. Not synchronised; owners hold their own lock.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace leadline {

struct EdgeHistogram {
  std::vector<double> edges;          // ascending, finite; +Inf is implied
  std::vector<std::uint64_t> counts;  // edges.size() + 1, not cumulative
  double sum = 0;

  EdgeHistogram() : counts(1) {}
  explicit EdgeHistogram(std::vector<double> upper_edges)
      : edges(std::move(upper_edges)), counts(edges.size() + 1) {}

  void observe(double value) {
    const auto edge = std::lower_bound(edges.begin(), edges.end(), value);
    ++counts[static_cast<std::size_t>(edge - edges.begin())];
    sum += value;
  }

  [[nodiscard]] std::uint64_t total() const {
    std::uint64_t count = 0;
    for (const std::uint64_t n : counts) count += n;
    return count;
  }
};

}  // namespace leadline
