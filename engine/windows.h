// Windows keeps what is needed to answer rates and histograms over 15, 60 and 300 s, and nothing
// more: one slot a second, at most 301, at most 16 series (more are merged by model, then into one,
// and counted). One per engine, owned by the scrape loop; not thread-safe. Time is an argument and
// steady, so a step of the wall clock changes nothing.
//
// The slot a window starts at is the one whose age is closest to the window's length: with a scrape
// a second that is the window itself; in a young sidecar the oldest; after a gap never a span that
// reaches far over it. A span below 1 s answers nothing.

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

  // Forgets everything: another engine answers now.
  void clear();

  [[nodiscard]] std::uint64_t restarts() const;       // engine restarts recognised so far
  [[nodiscard]] std::uint64_t merged_series() const;  // series merged for want of room, so far

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace leadline
