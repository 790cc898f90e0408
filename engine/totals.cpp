#include "engine/totals.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace leadline {
namespace {

std::optional<double> total_of(const EngineReading& reading, Counter counter) {
  std::optional<double> total;
  for (const SeriesReading& series : reading.series) {
    for (const CounterPart& part : series.counters[index_of(counter)]) {
      total = total.value_or(0) + part.value;
    }
  }
  return total;
}

struct LatencyTotal {
  double count = 0;
  double sum = 0;
};

std::optional<LatencyTotal> total_of(const EngineReading& reading, Latency latency) {
  std::optional<LatencyTotal> total;
  for (const SeriesReading& series : reading.series) {
    for (const HistogramPart& part : series.histograms[index_of(latency)]) {
      if (!total) total.emplace();
      total->count += part.cumulative.back();
      total->sum += part.sum;
    }
  }
  return total;
}

bool tells(const SeriesReading& series, Gauge which) {
  return gauge(series, which).has_value();
}
bool tells(const SeriesReading& series, Counter counter) {
  return !series.counters[index_of(counter)].empty();
}
bool tells(const SeriesReading& series, Latency latency) {
  return !series.histograms[index_of(latency)].empty();
}

bool tells(const SeriesReading& series, Signal signal) {
  switch (signal) {
    case Signal::kQueueDepth:
      return tells(series, Gauge::kQueueDepth);
    case Signal::kRunningRequests:
      return tells(series, Gauge::kRunningRequests);
    case Signal::kInFlightRequests:
      return tells(series, Gauge::kQueueDepth) && tells(series, Gauge::kRunningRequests);
    case Signal::kInferenceRequests:
      return tells(series, Counter::kFinishedRequests);
    case Signal::kRequestErrors:
      return tells(series, Counter::kRequestErrors);
    case Signal::kPromptTokens:
      return tells(series, Counter::kPromptTokens);
    case Signal::kGenerationTokens:
      return tells(series, Counter::kGenerationTokens);
    case Signal::kTokens:
      return tells(series, Counter::kPromptTokens) && tells(series, Counter::kGenerationTokens);
    case Signal::kQueueTokens:
      return tells(series, Gauge::kQueueTokens);
    case Signal::kTtft:
      return tells(series, Latency::kTtft);
    case Signal::kInterTokenLatency:
      return tells(series, Latency::kInterTokenLatency);
    case Signal::kE2eLatency:
      return tells(series, Latency::kE2eLatency);
    case Signal::kQueueTime:
      return tells(series, Latency::kQueueTime);
    case Signal::kKvCacheUtilization:
      return tells(series, Gauge::kKvCacheUtilization);
    case Signal::kPrefixCacheHit:
      return tells(series, Gauge::kPrefixCacheHit) || (tells(series, Counter::kPrefixCacheHits) &&
                                                       tells(series, Counter::kPrefixCacheQueries));
    case Signal::kBatchSize:
      return tells(series, Gauge::kBatchSize);
  }
  return false;
}

}  // namespace

std::vector<std::pair<std::string, double>> engine_totals(const EngineReading& reading) {
  constexpr std::array<std::pair<std::string_view, Counter>, 3> kCounters = {{
      {"prompt_tokens", Counter::kPromptTokens},
      {"generation_tokens", Counter::kGenerationTokens},
      {"finished_requests", Counter::kFinishedRequests},
  }};
  constexpr std::array<std::pair<Signal, Latency>, kLatencyCount> kLatencies = {{
      {Signal::kTtft, Latency::kTtft},
      {Signal::kInterTokenLatency, Latency::kInterTokenLatency},
      {Signal::kE2eLatency, Latency::kE2eLatency},
      {Signal::kQueueTime, Latency::kQueueTime},
  }};
  std::vector<std::pair<std::string, double>> totals;
  for (const auto& [name, counter] : kCounters) {
    if (const auto total = total_of(reading, counter)) totals.emplace_back(name, *total);
  }
  for (const auto& [signal, latency] : kLatencies) {
    const auto total = total_of(reading, latency);
    if (!total) continue;
    const std::string name(row_of(signal).name);
    totals.emplace_back(name + "_count", total->count);
    totals.emplace_back(name + "_sum", total->sum);
  }
  return totals;
}

bool tells(const EngineReading& reading, Signal signal) {
  return std::any_of(reading.series.begin(), reading.series.end(),
                     [&](const SeriesReading& series) { return tells(series, signal); });
}

}  // namespace leadline
