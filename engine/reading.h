// EngineReading is what one exposition says, translated by a dialect: engine-independent gauges,
// and cumulative counters and histograms still split by the source series they came from, so that
// engine/odometer.h can tell a restart from a rank that went away. Plain values; who made it owns
// it.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/signal.h"

namespace leadline {

// One source series of a counter: `part` identifies it among the counter's series on this engine
// (a hash of the labels that tell them apart: data-parallel rank, finish reason, …).
struct CounterPart {
  std::uint64_t part = 0;
  double value = 0;  // since the engine started; finite, >= 0
};

// One source series of a histogram. `edges` are the finite upper bounds in seconds, ascending,
// inclusive ("le"); `cumulative` counts observations <= each edge, and has one more entry, +Inf.
// Invariant: cumulative.size() == edges.size() + 1, never decreasing.
struct HistogramPart {
  std::uint64_t part = 0;
  std::vector<double> edges;
  std::vector<double> cumulative;
  double sum = 0;  // seconds
};

// One model of the engine. An empty vector, or nullopt, means the engine does not tell: absent is
// not zero.
struct SeriesReading {
  std::string model;          // as the engine spells it; empty where it names none
  std::string role = "both";  // prefill, decode or both
  std::array<std::optional<double>, kGaugeCount> gauges;
  std::array<std::vector<CounterPart>, kCounterCount> counters;
  std::array<std::vector<HistogramPart>, kLatencyCount> histograms;
  std::optional<double> kv_capacity_tokens;  // summed over data-parallel ranks
};

struct EngineReading {
  std::string engine;   // `vllm`, `sglang`, …, `generic`
  std::string variant;  // for people: `V1`, `V0`, `Rust frontend`; may be empty
  std::vector<SeriesReading> series;
  bool asleep = false;                  // engine sleep mode: weights offloaded
  std::optional<double> process_start;  // changes when the engine restarts; any unit
  std::vector<Signal> missing;          // signals that the dialect promises and this page lacks
  std::uint32_t bad_lines = 0;          // lines of the exposition that could not be read
};

[[nodiscard]] inline std::optional<double>& gauge(SeriesReading& series, Gauge which) {
  return series.gauges[index_of(which)];
}
[[nodiscard]] inline const std::optional<double>& gauge(const SeriesReading& series, Gauge which) {
  return series.gauges[index_of(which)];
}

}  // namespace leadline
