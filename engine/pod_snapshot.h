// PodSnapshot is all signals of one pod at one instant: what a sidecar publishes and the adapter
// aggregates. Immutable once published (shared as shared_ptr<const PodSnapshot>), so any thread may
// read it. Times are not part of it: ages travel beside it (see engine/snapshot.proto).

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/metric.h"
#include "engine/signal.h"

namespace leadline {

// Bounds of a snapshot. Engines come with 20-22 edges (vLLM) to 35 (TGI), and rarely serve two
// models.
inline constexpr std::size_t kMaxSeries = 16;
inline constexpr std::size_t kMaxEdges = 64;

// What happened to one histogram inside a window. `counts` are per bucket (not cumulative), one
// more than `edges`: the last is the +Inf bucket. All zero = nothing was observed, which is known;
// a histogram that the engine does not tell is absent instead.
struct HistogramDelta {
  std::vector<double> edges;  // finite upper bounds in seconds, ascending, inclusive ("le")
  std::vector<std::uint64_t> counts;
  double sum = 0;  // seconds

  [[nodiscard]] std::uint64_t total() const;
  [[nodiscard]] bool operator==(const HistogramDelta&) const = default;
};

// One window of one series. `span` is what was really covered (a young sidecar covers less than the
// window's name, a slow page a little more); zero = no two scrapes >= 1 s apart yet, and then every
// rate and histogram is absent.
struct WindowValues {
  std::chrono::milliseconds span{0};
  std::array<std::optional<double>, kCounterCount> increases;  // over the span; >= 0
  std::array<std::optional<HistogramDelta>, kLatencyCount> latencies;
  std::optional<double> in_flight_max;  // highest waiting + running seen in the span
};

using GaugeValues = std::array<std::optional<double>, kGaugeCount>;

// Waiting + running; nullopt unless both are known.
[[nodiscard]] std::optional<double> in_flight(const GaugeValues& gauges);

struct SeriesSnapshot {
  std::string model;
  std::string role = "both";
  GaugeValues gauges;
  std::optional<double> kv_capacity_tokens;
  std::array<WindowValues, kWindowCount> windows;
};

enum class EngineState : std::uint8_t {
  kSearching = 0,    // no engine found yet
  kUp = 1,           // the last scrape succeeded
  kUnreachable = 2,  // refused, or answers nothing readable: no series are published
  kAsleep = 3,       // answers, weights offloaded
};

struct PodIdentity {
  std::string namespace_name;
  std::string name;
  std::string uid;
};

struct PodSnapshot {
  std::uint64_t boot_id = 0;   // random per sidecar process
  std::uint64_t sequence = 0;  // grows by one per published change
  PodIdentity pod;
  std::chrono::milliseconds scrape_interval{0};
  std::string engine;   // engine id; empty while searching
  std::string version;  // for people; empty where unknown
  EngineState state = EngineState::kSearching;
  std::vector<SeriesSnapshot> series;  // at most kMaxSeries
};

}  // namespace leadline
