#include "engine/metric.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace leadline {
namespace {

constexpr std::array<std::string_view, kWindowCount> kWindowNames = {"15s", "60s", "300s"};
constexpr std::array<int, 4> kPercentiles = {50, 90, 95, 99};

std::string without_full_stop(std::string_view sentence) {
  return std::string(sentence.substr(0, sentence.size() - 1));
}

// `ttft_seconds` -> `ttft`: the SLO share is a percentage, so the unit leaves its name.
std::string_view without_unit(std::string_view stem) {
  constexpr std::string_view kUnit = "_seconds";
  return stem.substr(0, stem.size() - (stem.ends_with(kUnit) ? kUnit.size() : 0));
}

void add_latency_metrics(const SignalRow& row, std::vector<Metric>& all) {
  const std::string what = without_full_stop(row.help);
  for (const int percentile : kPercentiles) {
    all.push_back({fmt::format("{}_p{}", row.name, percentile), row.signal, Statistic::kQuantile,
                   percentile / 100.0, std::string(row.unit),
                   fmt::format("{}: {} % of requests were at or below this.", what, percentile)});
  }
  all.push_back({fmt::format("{}_avg", row.name), row.signal, Statistic::kMean, 0,
                 std::string(row.unit), fmt::format("{}: mean.", what)});
  all.push_back({fmt::format("{}_slo_miss_percent", without_unit(row.name)), row.signal,
                 Statistic::kSloMissPercent, 0, "percent",
                 fmt::format("{}: share of requests above the configured bound.", what)});
}

std::vector<Metric> make_catalogue() {
  std::vector<Metric> all;
  for (const SignalRow& row : signal_table()) {
    if (row.kind == SignalKind::kHistogram) {
      add_latency_metrics(row, all);
    } else {
      all.push_back({std::string(row.metric), row.signal, Statistic::kValue, 0,
                     std::string(row.unit), std::string(row.help)});
    }
  }
  return all;
}

}  // namespace

std::optional<Window> window_from(std::string_view text) {
  const auto* found = std::find(kWindowNames.begin(), kWindowNames.end(), text);
  if (found == kWindowNames.end()) return std::nullopt;
  return static_cast<Window>(found - kWindowNames.begin());
}

std::string_view window_name(Window window) {
  return kWindowNames.at(index_of(window));
}

std::span<const Metric> metric_catalogue() {
  static const std::vector<Metric> kCatalogue = make_catalogue();
  return kCatalogue;
}

const Metric* find_metric(std::string_view name) {
  const std::span<const Metric> all = metric_catalogue();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [name](const Metric& metric) { return metric.name == name; });
  return found == all.end() ? nullptr : &*found;
}

bool is_windowed(const Metric& metric) {
  return row_of(metric.signal).kind != SignalKind::kGauge;
}

}  // namespace leadline
