// The signal table: the single source of every signal's name, unit, kind, aggregation and help.
// API names, discovery documents, Prometheus families and the documents' tables are generated from
// it (engine/metric.h turns a signal into the metrics that are served). Pure, constant,
// thread-safe.
//
// Source: design page "Signals and metrics"; `reading` names the row of the engine survey that says
// how each engine spells the signal.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace leadline {

// What the engine tells at one instant.
enum class Gauge : std::uint8_t {
  kQueueDepth,          // requests waiting
  kRunningRequests,     // requests in the batch
  kQueueTokens,         // prompt tokens waiting, cached prefix excluded where known
  kBatchSize,           // sequences in the batch, mean over data-parallel ranks
  kKvCacheUtilization,  // ratio, 0-1
  kPrefixCacheHit,      // ratio, 0-1: only engines that print the ratio instead of two counters
};
inline constexpr std::size_t kGaugeCount = 6;

// What the engine counts since it started.
enum class Counter : std::uint8_t {
  kFinishedRequests,  // requests, whatever the reason they ended for
  kRequestErrors,     // requests
  kPromptTokens,
  kGenerationTokens,
  kPrefixCacheHits,     // tokens or blocks: only the ratio to the queries is used
  kPrefixCacheQueries,  // same unit as the hits
};
inline constexpr std::size_t kCounterCount = 6;

// What the engine observes into cumulative histograms, in seconds.
enum class Latency : std::uint8_t { kTtft, kInterTokenLatency, kE2eLatency, kQueueTime };
inline constexpr std::size_t kLatencyCount = 4;

// An engine-independent number that a workload can be scaled on.
enum class Signal : std::uint8_t {
  kQueueDepth,
  kRunningRequests,
  kInFlightRequests,
  kInferenceRequests,
  kRequestErrors,
  kPromptTokens,
  kGenerationTokens,
  kTokens,
  kQueueTokens,
  kTtft,
  kInterTokenLatency,
  kE2eLatency,
  kQueueTime,
  kKvCacheUtilization,
  kPrefixCacheHit,
  kBatchSize,
};
inline constexpr std::size_t kSignalCount = 16;

enum class SignalKind : std::uint8_t {
  kGauge,      // a number at one instant
  kRate,       // per second over a window, from a counter
  kRatio,      // increase of one counter over the increase of another, over a window
  kHistogram,  // latency observations over a window
};

// How the pods of a workload become one value.
enum class Aggregation : std::uint8_t {
  kSum,
  kMean,
  kCapacityWeightedMean,  // by the KV cache's tokens; plain mean where a capacity is unknown
  kMergedHistogram,       // never the mean of percentiles
};

// One row of the table.
struct SignalRow {
  Signal signal;
  std::string_view name;    // stem of its metrics: `queue_depth`, `ttft_seconds`
  std::string_view metric;  // API name where there is one; empty for histograms (see metric.h)
  std::string_view family;  // Prometheus family on the sidecar; empty for a sum of two others
  std::string_view unit;    // of the metric: `requests`, `req/s`, `tok/s`, `s`, `percent`
  SignalKind kind;
  Aggregation aggregation;
  std::string_view reading;  // row in the survey of engines: `ttft_s`; empty where it has none
  std::string_view help;     // one sentence for `# HELP`, discovery and the documents
};

// Every signal this build can produce, in the order of the documents.
[[nodiscard]] std::span<const SignalRow> signal_table();
[[nodiscard]] const SignalRow& row_of(Signal signal);

template <typename Enum>
[[nodiscard]] constexpr std::size_t index_of(Enum value) {
  return static_cast<std::size_t>(value);
}

}  // namespace leadline
