// Odometer turns an engine's cumulative counters and histograms, which restart, vanish and come
// back, into totals that only grow: what windows subtract. One per engine, owned by the scrape loop;
// not thread-safe.
//
// Rules, each the answer to a way that a plain difference lies:
//  - A counter part that went down restarted: its new value is what happened since (Prometheus'
//    increase()). If any part of a page restarted or process_start changed, all parts of that page
//    are read so: an engine restarts as one unit, and a histogram as one unit with its sum.
//  - A part seen for the first time on an engine that was seen before starts from 0: engines create
//    series on first use, and the first request must count. On the first page of all it is the base.
//  - A part that is missing (a data-parallel rank that left, a truncated page) adds nothing and is
//    remembered (at most 4096 parts): when it is back, the difference counts once.
//  - A histogram whose edges changed begins anew.

#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "engine/pod_snapshot.h"
#include "engine/reading.h"

namespace leadline {

// Totals of one series since the sidecar first saw the engine. Same shape as a window's increases,
// so that two of them subtract.
struct SeriesTotals {
  std::array<std::optional<double>, kCounterCount> counters;
  std::array<std::optional<HistogramDelta>, kLatencyCount> latencies;
};

class Odometer {
 public:
  Odometer();
  ~Odometer();
  Odometer(Odometer&&) noexcept;
  Odometer& operator=(Odometer&&) noexcept;

  // Feeds one page; answers the totals of each of reading.series, in their order, and whether the
  // page showed a restart.
  struct Advance {
    std::vector<SeriesTotals> totals;
    bool restarted = false;
  };
  [[nodiscard]] Advance advance(const EngineReading& reading);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace leadline
