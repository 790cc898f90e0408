#include "sidecar/self_metrics.h"

#include <algorithm>
#include <chrono>

namespace leadline {

void SelfMetrics::count(const ScrapeOutcome& outcome) {
  ++scrapes.at(static_cast<std::size_t>(outcome.result));
  scraped_bytes += outcome.bytes;
  if (outcome.reading) bad_lines += outcome.reading->bad_lines;
  if (!outcome.odd_content_type.empty()) ++odd_content_types;
  const double seconds = std::chrono::duration<double>(outcome.duration).count();
  const auto* edge = std::lower_bound(kDurationEdges.begin(), kDurationEdges.end(), seconds);
  ++durations.at(static_cast<std::size_t>(edge - kDurationEdges.begin()));
  duration_sum += seconds;
}

}  // namespace leadline
