// An engine under load, for benchmarks of what follows the parser.

#pragma once

#include <cstdint>
#include <stdexcept>

#include "bench/micro/pages.h"
#include "engine/dialect.h"
#include "engine/pod_snapshot.h"
#include "engine/windows.h"

namespace leadline {

// Reads the recorded page once; each reading after it has counted as much again, so that every
// window is full of work.
class LoadedEngine {
 public:
  LoadedEngine() {
    const std::string page = recorded_page();
    auto reading = find_dialect("vllm")->read({.body = page, .content_type = "text/plain"});
    if (!reading) throw std::runtime_error(reading.error().message);
    first_ = now_ = std::move(*reading);
  }

  const EngineReading& next_reading() {
    for (std::size_t i = 0; i < now_.series.size(); ++i) add(first_.series[i], now_.series[i]);
    return now_;
  }

 private:
  static void add(const SeriesReading& more, SeriesReading& series) {
    for (std::size_t c = 0; c < kCounterCount; ++c) {
      for (std::size_t i = 0; i < more.counters[c].size(); ++i)
        series.counters[c][i].value += more.counters[c][i].value;
    }
    for (std::size_t l = 0; l < kLatencyCount; ++l) {
      for (std::size_t i = 0; i < more.histograms[l].size(); ++i)
        add(more.histograms[l][i], series.histograms[l][i]);
    }
  }
  static void add(const HistogramPart& more, HistogramPart& part) {
    for (std::size_t i = 0; i < more.cumulative.size(); ++i)
      part.cumulative[i] += more.cumulative[i];
    part.sum += more.sum;
  }

  EngineReading first_, now_;
};

// What its sidecar publishes after five minutes.
inline PodSnapshot loaded_snapshot() {
  LoadedEngine engine;
  Windows windows;
  SteadyTime now{std::chrono::seconds{1000}};
  PodSnapshot snapshot{.boot_id = 1,
                       .sequence = 1,
                       .pod = {.namespace_name = "ns", .name = "pod", .uid = "uid"},
                       .scrape_interval = std::chrono::seconds{1},
                       .engine = "vllm",
                       .version = "0.32.0",
                       .state = EngineState::kUp};
  for (int i = 0; i < 302; ++i, now += std::chrono::seconds{1})
    snapshot.series = windows.record(engine.next_reading(), now);
  return snapshot;
}

}  // namespace leadline
