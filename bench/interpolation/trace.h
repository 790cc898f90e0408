// Latencies of a recorded production trace (sim/data/README.md) served in virtual time by the
// stand-in's scheduler, whose steps take measured times. Deterministic.

#pragma once

#include <vector>

namespace leadline {

// Seconds.
struct TraceLatencies {
  std::vector<double> ttft;
  std::vector<double> token_gaps;
  std::vector<double> end_to_end;
};

// The whole excerpt, its requests dealt in turn to `engines` engines. REQUIRES: engines > 0.
[[nodiscard]] TraceLatencies serve_trace(int engines);

}  // namespace leadline
