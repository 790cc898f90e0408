#include "engine/pod_share.h"

#include <algorithm>
#include <array>

namespace leadline {
namespace {

using Kind = PodShare::Kind;
using SeriesList = boost::container::small_vector<const SeriesSnapshot*, 2>;

constexpr std::chrono::milliseconds kShortestSpan{1000};
constexpr double kPercent = 100;

// What one series says of a signal: a number, "nothing happened", or (neither) nothing at all.
struct SeriesAnswer {
  std::optional<double> value;
  bool nothing = false;
};

bool is_fresh(const PodObservation& pod, SteadyTime now) {
  return pod.snapshot != nullptr && now - pod.sampled_at <= pod.max_age;
}

bool matches(const SeriesSnapshot& series, const MetricSelection& selection,
             const AggregateOptions& options) {
  if (selection.role && series.role != *selection.role) return false;
  if (!selection.model) return true;
  if (options.model_matches != nullptr)
    return options.model_matches(series.model, *selection.model);
  return series.model == *selection.model;
}

SeriesList matching_series(const PodSnapshot& snapshot, const MetricSelection& selection,
                           const AggregateOptions& options) {
  SeriesList found;
  for (const SeriesSnapshot& series : snapshot.series) {
    if (matches(series, selection, options)) found.push_back(&series);
  }
  return found;
}

const WindowValues& window_of(const SeriesSnapshot& series, Window window) {
  return series.windows[index_of(window)];
}

bool covers_something(const WindowValues& window) {
  return window.span >= kShortestSpan;
}

std::optional<double> gauge_of(const SeriesSnapshot& series, Gauge which) {
  return series.gauges[index_of(which)];
}

std::optional<double> percent_of(const SeriesSnapshot& series, Gauge which) {
  const std::optional<double> ratio = gauge_of(series, which);
  return ratio ? std::optional(*ratio * kPercent) : std::nullopt;
}

std::optional<double> rate_of(const WindowValues& window, Counter which) {
  const std::optional<double>& increase = window.increases[index_of(which)];
  if (!increase || !covers_something(window)) return std::nullopt;
  return *increase * 1000.0 / static_cast<double>(window.span.count());
}

std::optional<double> token_rate(const WindowValues& window) {
  const std::optional<double> prompt = rate_of(window, Counter::kPromptTokens);
  const std::optional<double> generation = rate_of(window, Counter::kGenerationTokens);
  if (!prompt || !generation) return std::nullopt;
  return *prompt + *generation;
}

// The hits among the window's look-ups; without any there was nothing to hit, which is not a 0.
// Engines without the two counters print the ratio itself.
SeriesAnswer prefix_hits(const SeriesSnapshot& series, Window which) {
  const WindowValues& window = window_of(series, which);
  const auto& hits = window.increases[index_of(Counter::kPrefixCacheHits)];
  const auto& queries = window.increases[index_of(Counter::kPrefixCacheQueries)];
  if (!hits || !queries || !covers_something(window)) {
    return {percent_of(series, Gauge::kPrefixCacheHit), false};
  }
  if (*queries <= 0) return {std::nullopt, true};
  return {std::min(kPercent, *hits / *queries * kPercent), false};
}

SeriesAnswer answer_of(const SeriesSnapshot& series, Signal signal, Window which) {
  const WindowValues& window = window_of(series, which);
  switch (signal) {
    case Signal::kQueueDepth:
      return {gauge_of(series, Gauge::kQueueDepth)};
    case Signal::kRunningRequests:
      return {gauge_of(series, Gauge::kRunningRequests)};
    case Signal::kInFlightRequests:
      return {in_flight(series.gauges)};
    case Signal::kQueueTokens:
      return {gauge_of(series, Gauge::kQueueTokens)};
    case Signal::kBatchSize:
      return {gauge_of(series, Gauge::kBatchSize)};
    case Signal::kKvCacheUtilization:
      return {percent_of(series, Gauge::kKvCacheUtilization)};
    case Signal::kPrefixCacheHit:
      return prefix_hits(series, which);
    case Signal::kInferenceRequests:
      return {rate_of(window, Counter::kFinishedRequests)};
    case Signal::kRequestErrors:
      return {rate_of(window, Counter::kRequestErrors)};
    case Signal::kPromptTokens:
      return {rate_of(window, Counter::kPromptTokens)};
    case Signal::kGenerationTokens:
      return {rate_of(window, Counter::kGenerationTokens)};
    case Signal::kTokens:
      return {token_rate(window)};
    case Signal::kTtft:
    case Signal::kInterTokenLatency:
    case Signal::kE2eLatency:
    case Signal::kQueueTime:
      break;  // histograms: see take_histograms()
  }
  return {};
}

Latency latency_of(Signal signal) {
  return static_cast<Latency>(index_of(signal) - index_of(Signal::kTtft));
}
static_assert(index_of(Signal::kQueueTime) - index_of(Signal::kTtft) ==
              index_of(Latency::kQueueTime));

Kind kind_without_value(const SeriesList& series, const MetricSelection& selection) {
  const bool young = is_windowed(selection.metric) &&
                     !covers_something(window_of(*series.front(), selection.window));
  return young ? Kind::kNoWindowYet : Kind::kNotGiven;
}

void take_numbers(const SeriesList& all, const MetricSelection& selection, PodShare& share) {
  bool nothing = false;
  for (const SeriesSnapshot* series : all) {
    const SeriesAnswer answer = answer_of(*series, selection.metric.signal, selection.window);
    nothing = nothing || answer.nothing;
    if (answer.value) share.numbers.push_back({*answer.value, series->kv_capacity_tokens});
  }
  if (!share.numbers.empty())
    share.kind = Kind::kGiven;
  else
    share.kind = nothing ? Kind::kNothing : kind_without_value(all, selection);
}

bool is_idle(const SeriesList& all, Window which) {
  return std::all_of(all.begin(), all.end(), [which](const SeriesSnapshot* series) {
    const WindowValues& window = window_of(*series, which);
    return covers_something(window) && window.in_flight_max == 0.0;
  });
}

void take_histograms(const SeriesList& all, const MetricSelection& selection, PodShare& share) {
  share.idle = is_idle(all, selection.window);
  const std::size_t which = index_of(latency_of(selection.metric.signal));
  for (const SeriesSnapshot* series : all) {
    const WindowValues& window = window_of(*series, selection.window);
    const auto& histogram = window.latencies[which];
    if (histogram && covers_something(window)) share.histograms.push_back(&*histogram);
  }
  share.assumed = share.histograms.empty() && share.idle;
  if (!share.histograms.empty())
    share.kind = Kind::kGiven;
  else
    share.kind = share.idle ? Kind::kNothing : kind_without_value(all, selection);
}

}  // namespace

PodShare share_of(const PodObservation& pod, const MetricSelection& selection,
                  const AggregateOptions& options, SteadyTime now) {
  PodShare share;
  if (pod.snapshot == nullptr) {
    share.kind = pod.has_sidecar ? Kind::kNoAnswer : Kind::kNoSidecar;
    return share;
  }
  const SeriesList series = matching_series(*pod.snapshot, selection, options);
  if (series.empty() && !pod.snapshot->series.empty()) {
    share.kind = Kind::kNotMatching;
  } else if (!is_fresh(pod, now)) {
    share.kind = Kind::kStale;
  } else if (series.empty()) {
    share.kind = Kind::kNoEngine;
  } else {
    const bool histogram = row_of(selection.metric.signal).kind == SignalKind::kHistogram;
    histogram ? take_histograms(series, selection, share) : take_numbers(series, selection, share);
    if (is_windowed(selection.metric))
      share.span = window_of(*series.front(), selection.window).span;
  }
  return share;
}

bool has_work(const PodObservation& pod, SteadyTime now) {
  if (!is_fresh(pod, now)) return false;
  return std::any_of(
      pod.snapshot->series.begin(), pod.snapshot->series.end(),
      [](const SeriesSnapshot& series) { return in_flight(series.gauges).value_or(0) > 0; });
}

}  // namespace leadline
