// Windows keeps what is needed to answer rates and histograms over 15, 60 and 300 s, and nothing
// more: one slot a second, at most 301, at most 16 series (more are merged by model, then into one,
// and counted). One per engine, owned by the scrape loop; not thread-safe. Time is an argument and
// steady, so a step of the wall clock changes nothing.
//
// A slot holds the totals at the newest sample of its second; a window is the newest totals less
// those of the slot that it starts at. That is the slot whose age is closest to the window's
// length: with a scrape a second the window itself; in a young sidecar the oldest; after a gap
// never one older than 1.5 windows. A span below 1 s answers nothing.
//
// Memory of a series: 301 x (60 B + per histogram 8 B + 4 B per bucket): 140 KB with vLLM's four
// histograms of 22 edges, 200 KB with TGI's 35, 345 KB at the most (64 edges); 16 series bound it.

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "engine/pod_snapshot.h"
#include "engine/reading.h"

namespace leadline {

class Windows {
 public:
  Windows();
  ~Windows();
  Windows(Windows&&) noexcept;
  Windows& operator=(Windows&&) noexcept;

  // Takes one reading scraped at `at` and answers the series to publish: gauges as read, windows up
  // to `at`. REQUIRES: `at` is not before any earlier `at`.
  [[nodiscard]] std::vector<SeriesSnapshot> record(const EngineReading& reading, SteadyTime at);

  // Forgets everything but the two counts below: another engine answers now.
  void clear();

  [[nodiscard]] std::uint64_t restarts() const;       // engine restarts recognised so far
  [[nodiscard]] std::uint64_t merged_series() const;  // series merged for want of room, so far

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace leadline
