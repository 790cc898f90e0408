// SelfMetrics is what the sidecar counts about itself. One, owned by the composition root and
// handed to whoever counts; the Prometheus page prints it. The loop's thread only.

#pragma once

#include <array>
#include <cstdint>

#include "sidecar/scrape_outcome.h"

namespace leadline {

struct SelfMetrics {
  std::array<std::uint64_t, kScrapeResultCount> scrapes{};  // by ScrapeResult
  std::uint64_t scraped_bytes = 0;
  std::uint64_t bad_lines = 0;
  std::uint64_t odd_content_types = 0;  // pages read though their Content-Type names no exposition
  std::uint64_t engine_changes = 0;     // another engine answered at the same place
  std::uint64_t searches = 0;           // rounds over all candidates

  // Scrape durations, as a Prometheus histogram: upper bounds in seconds, the last bucket is +Inf.
  static constexpr std::array<double, 12> kDurationEdges = {.001, .0025, .005, .01, .025, .05,
                                                            .1,   .25,   .5,   1,   2.5,  4};
  std::array<std::uint64_t, kDurationEdges.size() + 1> durations{};  // per bucket
  double duration_sum = 0;                                           // seconds

  void count(const ScrapeOutcome& outcome);
};

}  // namespace leadline
