#include "adapter/catalogue.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/ascii_case.h"

namespace leadline {
namespace {

constexpr std::size_t kMaxEntries = 500;  // every client of the cluster downloads the list
constexpr std::size_t kMaxName = 253;

// Kubernetes' words in the place of an external metric: sub-resources of a namespace.
// Source: kubernetes/apiserver pkg/endpoints/request/requestinfo.go, namespaceSubresources.
bool is_reserved(std::string_view name) {
  return name == "status" || name == "finalize";
}

std::optional<std::string> problem_with_name(const std::string& name) {
  if (name.empty()) return "is required";
  if (name.size() > kMaxName) return fmt::format("must be at most {} bytes", kMaxName);
  const bool bad = name == "." || name == ".." || name.find_first_of("/%") != std::string::npos;
  if (bad) return fmt::format("\"{}\" must be one path segment without '/' and '%'", name);
  if (is_reserved(ascii_lower(name))) {
    return fmt::format("\"{}\" is a word of Kubernetes' own in that place", name);
  }
  return std::nullopt;
}

std::optional<double> bound_for(const Metric& metric, const CatalogueConfig& config) {
  switch (metric.signal) {
    case Signal::kTtft:
      return config.slo_bounds[index_of(Latency::kTtft)];
    case Signal::kInterTokenLatency:
      return config.slo_bounds[index_of(Latency::kInterTokenLatency)];
    case Signal::kE2eLatency:
      return config.slo_bounds[index_of(Latency::kE2eLatency)];
    case Signal::kQueueTime:
      return config.slo_bounds[index_of(Latency::kQueueTime)];
    default:
      return std::nullopt;
  }
}

// What a person may have meant: `ttft_seconds` names five metrics.
std::string metrics_like(const std::string& name) {
  std::vector<std::string> similar;
  for (const Metric& metric : metric_catalogue()) {
    if (!name.empty() && metric.name.starts_with(name)) similar.push_back(metric.name);
  }
  if (similar.empty()) return "no such metric";
  return fmt::format("did you mean {}?", fmt::join(similar, ", "));
}

// Makes entries and collects what is wrong with the configuration.
struct Maker {
  const CatalogueConfig& config;
  std::vector<CatalogueEntry> entries;
  std::unordered_map<std::string, std::size_t> by_lower_case;
  std::vector<std::string> errors;

  void error(std::string text) { errors.push_back(std::move(text)); }

  [[nodiscard]] bool hides(const std::string& name) const {
    return std::find(config.hidden.begin(), config.hidden.end(), name) != config.hidden.end();
  }

  void add(CatalogueEntry entry, const std::string& path) {
    const auto [place, fresh] = by_lower_case.emplace(ascii_lower(entry.name), entries.size());
    if (!fresh) {
      const std::string& other = entries[place->second].name;
      return error(
          fmt::format("{}.name: \"{}\" is served already as \"{}\" (external names do "
                      "not differ by case)",
                      path, entry.name, other));
    }
    entries.push_back(std::move(entry));
  }

  void add_table() {
    for (const Metric& metric : metric_catalogue()) {
      const auto bound = bound_for(metric, config);
      if (metric.statistic == Statistic::kSloMissPercent && !bound) continue;
      if (hides(metric.name)) continue;
      add({.name = metric.name, .metric = &metric, .slo_bound = bound}, metric.name);
    }
  }

  void add_alias(const MetricAlias& alias, const std::string& path) {
    const std::size_t before = errors.size();
    if (auto problem = problem_with_name(alias.name)) error(path + ".name: " + *problem);
    const Metric* metric = find_metric(alias.metric);
    if (metric == nullptr) {
      return error(
          fmt::format("{}.signal: \"{}\": {}", path, alias.metric, metrics_like(alias.metric)));
    }
    const auto window = alias.window.empty() ? kDefaultWindow : window_from(alias.window);
    if (!window) {
      error(fmt::format("{}.window: \"{}\" must be 15s, 60s or 300s", path, alias.window));
    }
    if (!std::isfinite(alias.scale) || alias.scale == 0) {
      error(fmt::format("{}.scale: {} must be a number other than 0", path, alias.scale));
    }
    const auto bound = bound_for(*metric, config);
    if (metric->statistic == Statistic::kSloMissPercent && !bound) {
      error(fmt::format("{}.signal: {} needs its bound under slo", path, metric->name));
    }
    if (!window || errors.size() != before) return;
    add({alias.name, metric, *window, alias.scale, bound}, path);
  }

  void check_hidden() {
    for (std::size_t i = 0; i < config.hidden.size(); ++i) {
      if (find_metric(config.hidden[i]) != nullptr) continue;
      error(fmt::format("hidden_metrics[{}]: \"{}\": {}", i, config.hidden[i],
                        metrics_like(config.hidden[i])));
    }
  }
};

}  // namespace

Result<Catalogue> Catalogue::make(const CatalogueConfig& config) {
  Maker maker{.config = config, .entries = {}, .by_lower_case = {}, .errors = {}};
  maker.check_hidden();
  maker.add_table();
  for (std::size_t i = 0; i < config.aliases.size(); ++i) {
    maker.add_alias(config.aliases[i], fmt::format("metrics[{}]", i));
  }
  if (maker.entries.size() > kMaxEntries) {
    maker.error(
        fmt::format("metrics: {} names must be at most {}", maker.entries.size(), kMaxEntries));
  }
  if (!maker.errors.empty()) {
    return fail(Errc::kBadConfig, "{}", fmt::join(maker.errors, "\n"));
  }
  Catalogue catalogue;
  catalogue.entries_ = std::move(maker.entries);
  catalogue.by_lower_case_ = std::move(maker.by_lower_case);
  return catalogue;
}

const CatalogueEntry* Catalogue::find_external(std::string_view name) const {
  const auto found = by_lower_case_.find(ascii_lower(name));
  return found == by_lower_case_.end() ? nullptr : &entries_[found->second];
}

const CatalogueEntry* Catalogue::find_custom(std::string_view name) const {
  const CatalogueEntry* entry = find_external(name);
  return entry != nullptr && entry->name == name ? entry : nullptr;
}

}  // namespace leadline
