// Catalogue is which metrics the adapter serves under which names: every metric of the engine's
// table that is not hidden, and the aliases of the configuration. Immutable once made, so any
// thread may read it; a Catalogue that exists is valid.

#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "engine/metric.h"

namespace leadline {

// `{name: nv_queue, signal: queue_depth, window: 15s, scale: 0.01}`: a second name for a metric.
struct MetricAlias {
  std::string name;
  std::string metric;  // of the engine's table
  std::string window;  // empty: the default, unless a request says otherwise
  double scale = 1;
};

struct CatalogueConfig {
  std::vector<MetricAlias> aliases;
  std::vector<std::string> hidden;
  // Bounds of the SLO miss shares, seconds. A share without its bound is not served.
  std::array<std::optional<double>, kLatencyCount> slo_bounds;
};

struct CatalogueEntry {
  std::string name;  // as served; custom names keep their case
  const Metric* metric;
  Window window = kDefaultWindow;
  double scale = 1;
  std::optional<double> slo_bound;  // seconds; for kSloMissPercent

  // A share of requests above a bound is a statement about a workload, not about one pod.
  [[nodiscard]] bool describes_pods() const {
    return metric->statistic != Statistic::kSloMissPercent;
  }
};

class Catalogue {
 public:
  // kBadConfig with every error, one a line.
  [[nodiscard]] static Result<Catalogue> make(const CatalogueConfig& config);

  [[nodiscard]] std::span<const CatalogueEntry> entries() const { return entries_; }

  // nullptr where there is none. External names come lower-cased from the HPA, so their case is
  // not compared; no two entries differ in case only.
  [[nodiscard]] const CatalogueEntry* find_custom(std::string_view name) const;
  [[nodiscard]] const CatalogueEntry* find_external(std::string_view name) const;

 private:
  Catalogue() = default;
  std::vector<CatalogueEntry> entries_;
  std::unordered_map<std::string, std::size_t> by_lower_case_;
};

}  // namespace leadline
