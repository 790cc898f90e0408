// Odometer turns an engine's cumulative counters and histograms, which restart, vanish and come
// back, into what happened since the page before: what windows add up. One per engine, owned by the
// scrape loop; not thread-safe.
//
// Rules, each the answer to a way that a plain difference lies:
//  - A part that went down restarted: its new value is what happened since
//    (Prometheus' increase()).
//    A histogram's part is one unit with its sum, so that two epochs never mix.
//  - An engine restarts as one unit: where process_start changed, or more than half of the
//    parts that were above 0 went down, every part of the page is read so, also those that already
//    passed their old value. (One part alone must not do it: a single data-parallel rank that
//    restarts, or a "counter" that is a gauge, would turn the lifetime totals of all others into
//    one second's.)
//  - A part seen for the first time on an engine that was seen before starts from 0: engines create
//    series on first use, and the first request must count. On the first page of all it is the
//    base.
//  - A part that is missing (a data-parallel rank that left, a truncated page) adds nothing and is
//    remembered: when it is back, the difference counts once. At most 4096 parts are remembered;
//    where one was forgotten for want of room, unknown parts are bases from then on.
//  - A histogram part whose edges changed begins anew.

#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "engine/pod_snapshot.h"
#include "engine/reading.h"

namespace leadline {

// What one series counted and observed since the page before. nullopt: this page does not tell.
// Histograms have the edges of their first part on the page, thinned to kMaxEdges.
struct SeriesIncrease {
  std::array<std::optional<double>, kCounterCount> counters;
  std::array<std::optional<HistogramDelta>, kLatencyCount> latencies;
};

class Odometer {
 public:
  Odometer();
  ~Odometer();
  Odometer(Odometer&&) noexcept;
  Odometer& operator=(Odometer&&) noexcept;

  // Feeds one page; answers the increases of each of reading.series, in their order, and whether
  // the page showed a restart. Valid until the next call (the buffers are used again).
  struct Advance {
    std::vector<SeriesIncrease> increases;
    bool restarted = false;
  };
  [[nodiscard]] const Advance& advance(const EngineReading& reading);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace leadline
