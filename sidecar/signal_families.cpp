#include "sidecar/signal_families.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "daemon/families.h"
#include "engine/histogram.h"
#include "sidecar/pod_values.h"

namespace leadline {
namespace {

using prometheus::MetricFamily;

constexpr std::array<double, 4> kQuantiles = {0.5, 0.9, 0.95, 0.99};

// The engine's cumulative numbers of one published series.
struct Cumulative {
  std::array<std::optional<double>, kCounterCount> counters;
  std::array<std::vector<HistogramDelta>, kLatencyCount> histograms;  // one per part
};

SeriesLabels labels_of(const SeriesSnapshot& series) {
  return {{"model", series.model}, {"role", series.role}};
}

SeriesLabels with(SeriesLabels labels, std::string name, std::string_view value) {
  labels.push_back({std::move(name), std::string(value)});
  return labels;
}

HistogramDelta since_start(const HistogramPart& part) {
  HistogramDelta whole{.edges = part.edges, .counts = {}, .sum = part.sum};
  double below = 0;
  for (const double cumulative : part.cumulative) {
    whole.counts.push_back(
        static_cast<std::uint64_t>(std::llround(std::max(0.0, cumulative - below))));
    below = std::max(below, cumulative);
  }
  return whole;
}

// Series that the windows merged for want of room have no counterpart of their own: they belong to
// the one of their model, else to the last.
std::size_t published_as(const SeriesReading& reading, const std::vector<SeriesSnapshot>& series) {
  const auto same = [&](bool role_too) {
    const auto found = std::find_if(series.begin(), series.end(), [&](const SeriesSnapshot& one) {
      return one.model == reading.model && (!role_too || one.role == reading.role);
    });
    return static_cast<std::size_t>(found - series.begin());
  };
  const std::size_t exact = same(true);
  if (exact < series.size()) return exact;
  return std::min(same(false), series.size() - 1);
}

std::vector<Cumulative> cumulative_of(const EngineView& view) {
  std::vector<Cumulative> all(view.series.size());
  if (!view.reading || all.empty()) return all;
  for (const SeriesReading& reading : view.reading->series) {
    Cumulative& sums = all[published_as(reading, view.series)];
    for (std::size_t i = 0; i < kCounterCount; ++i) {
      for (const CounterPart& part : reading.counters[i]) {
        sums.counters[i] = sums.counters[i].value_or(0) + part.value;
      }
    }
    for (std::size_t i = 0; i < kLatencyCount; ++i) {
      for (const HistogramPart& part : reading.histograms[i]) {
        sums.histograms[i].push_back(since_start(part));
      }
    }
  }
  return all;
}

std::optional<HistogramDelta> whole_of(const std::vector<HistogramDelta>& parts) {
  std::vector<const HistogramDelta*> pointers;
  pointers.reserve(parts.size());
  for (const HistogramDelta& part : parts) pointers.push_back(&part);
  const auto merged = merge(pointers);
  if (!merged || !merged->common_edges) return std::nullopt;
  return merged->histogram;
}

std::optional<double> gauge_value(Signal signal, const SeriesSnapshot& series) {
  switch (signal) {
    case Signal::kQueueDepth:
      return series.gauges[index_of(Gauge::kQueueDepth)];
    case Signal::kRunningRequests:
      return series.gauges[index_of(Gauge::kRunningRequests)];
    case Signal::kInFlightRequests:
      return in_flight(series.gauges);
    case Signal::kQueueTokens:
      return series.gauges[index_of(Gauge::kQueueTokens)];
    case Signal::kBatchSize:
      return series.gauges[index_of(Gauge::kBatchSize)];
    case Signal::kKvCacheUtilization:
      return series.gauges[index_of(Gauge::kKvCacheUtilization)];
    default:
      return std::nullopt;
  }
}

std::optional<Counter> counter_of_signal(Signal signal) {
  switch (signal) {
    case Signal::kInferenceRequests:
      return Counter::kFinishedRequests;
    case Signal::kRequestErrors:
      return Counter::kRequestErrors;
    case Signal::kPromptTokens:
      return Counter::kPromptTokens;
    case Signal::kGenerationTokens:
      return Counter::kGenerationTokens;
    default:
      return std::nullopt;
  }
}

Latency latency_of_signal(Signal signal) {
  return static_cast<Latency>(index_of(signal) - index_of(Signal::kTtft));
}
static_assert(index_of(Signal::kQueueTime) - index_of(Signal::kTtft) ==
              index_of(Latency::kQueueTime));

// `leadline_ttft_seconds` -> `leadline_ttft_window_observations`.
std::string window_family(std::string_view family, std::string_view what) {
  constexpr std::string_view kUnit = "_seconds";
  return fmt::format("{}_window_{}", family.substr(0, family.size() - kUnit.size()), what);
}

// Builds the families of one page; what the functions share.
struct Page {
  const EngineView& view;
  SteadyTime now;
  PodObservation pod;
  std::vector<Cumulative> sums;
  Families families;

  void keep(MetricFamily family) {
    if (!family.metric.empty()) families.push_back(std::move(family));
  }
  [[nodiscard]] std::optional<double> value(Metric metric, Window window,
                                            const SeriesSnapshot& series) const {
    MetricSelection selection{.metric = std::move(metric),
                              .window = window,
                              .slo_bound = std::nullopt,
                              .model = series.model,
                              .role = series.role};
    const auto answer = value_here(pod, selection, now);
    if (!answer) return std::nullopt;
    return answer->value;
  }
};

void add_gauge(const SignalRow& row, Page& page) {
  MetricFamily family = gauge_family(std::string(row.family), std::string(row.help));
  for (const SeriesSnapshot& series : page.view.series) {
    if (const auto value = gauge_value(row.signal, series)) add(family, labels_of(series), *value);
  }
  page.keep(std::move(family));
}

void add_counter(const SignalRow& row, Page& page) {
  const auto counter = counter_of_signal(row.signal);
  if (!counter) return;  // tokens: Prometheus adds the two counters itself
  MetricFamily family = counter_family(std::string(row.family), std::string(row.help));
  for (std::size_t i = 0; i < page.sums.size(); ++i) {
    const auto& value = page.sums[i].counters[index_of(*counter)];
    if (value) add(family, labels_of(page.view.series[i]), *value);
  }
  page.keep(std::move(family));
}

void add_ratio(const SignalRow& row, Page& page) {
  MetricFamily family = gauge_family(std::string(row.family), std::string(row.help));
  const Metric* metric = find_metric(row.metric);
  for (const SeriesSnapshot& series : page.view.series) {
    const auto percent = page.value(*metric, kDefaultWindow, series);
    if (percent) add(family, labels_of(series), *percent / 100);
  }
  page.keep(std::move(family));
}

void add_quantiles(const SignalRow& row, Page& page) {
  MetricFamily family = gauge_family(
      window_family(row.family, "seconds"),
      fmt::format("{} Quantile over our own window; no series while nothing was observed.",
                  row.help));
  for (const SeriesSnapshot& series : page.view.series) {
    for (std::size_t w = 0; w < kWindowCount; ++w) {
      const auto window = static_cast<Window>(w);
      for (const double quantile : kQuantiles) {
        Metric metric{.name = std::string(row.name),
                      .signal = row.signal,
                      .statistic = Statistic::kQuantile,
                      .quantile = quantile,
                      .unit = "s",
                      .help = ""};
        const auto value = page.value(std::move(metric), window, series);
        if (!value) continue;
        SeriesLabels labels = with(labels_of(series), "quantile", fmt::format("{}", quantile));
        add(family, with(std::move(labels), "window", window_name(window)), *value);
      }
    }
  }
  page.keep(std::move(family));
}

void add_observations(const SignalRow& row, Page& page) {
  MetricFamily family = gauge_family(window_family(row.family, "observations"),
                                     "Observations inside the window that the quantiles rest on.");
  const std::size_t latency = index_of(latency_of_signal(row.signal));
  for (const SeriesSnapshot& series : page.view.series) {
    for (std::size_t w = 0; w < kWindowCount; ++w) {
      const auto& histogram = series.windows[w].latencies[latency];
      if (!histogram) continue;
      add(family, with(labels_of(series), "window", window_name(static_cast<Window>(w))),
          static_cast<double>(histogram->total()));
    }
  }
  page.keep(std::move(family));
}

void add_histogram_signal(const SignalRow& row, Page& page) {
  MetricFamily family = histogram_family(std::string(row.family), std::string(row.help));
  const std::size_t latency = index_of(latency_of_signal(row.signal));
  for (std::size_t i = 0; i < page.sums.size(); ++i) {
    const auto whole = whole_of(page.sums[i].histograms[latency]);
    if (!whole) continue;
    add_histogram(family, labels_of(page.view.series[i]), whole->edges, whole->counts, whole->sum);
  }
  page.keep(std::move(family));
  add_quantiles(row, page);
  add_observations(row, page);
}

}  // namespace

std::vector<MetricFamily> signal_families(const EngineView& view, SteadyTime now) {
  if (!view.sampled_at || is_stale(view, now)) return {};
  Page page{
      .view = view, .now = now, .pod = observe(view), .sums = cumulative_of(view), .families = {}};
  for (const SignalRow& row : signal_table()) {
    switch (row.kind) {
      case SignalKind::kGauge:
        add_gauge(row, page);
        break;
      case SignalKind::kRate:
        add_counter(row, page);
        break;
      case SignalKind::kRatio:
        add_ratio(row, page);
        break;
      case SignalKind::kHistogram:
        add_histogram_signal(row, page);
        break;
    }
  }
  return std::move(page.families);
}

}  // namespace leadline
