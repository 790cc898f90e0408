// Totals of an EngineReading: its cumulative counters and histograms summed over their series, as
// `--once` prints them, and which signals it tells at all. Pure.

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/reading.h"
#include "engine/signal.h"

namespace leadline {

// Name and value since the engine started, in a fixed order; what the engine does not tell is left
// out: `prompt_tokens`, `generation_tokens`, `finished_requests`, then `ttft_seconds_count`,
// `ttft_seconds_sum` (seconds) and so on for each latency.
[[nodiscard]] std::vector<std::pair<std::string, double>> engine_totals(
    const EngineReading& reading);

// Whether any series of the reading tells the signal (a ratio needs both of its counters).
[[nodiscard]] bool tells(const EngineReading& reading, Signal signal);

}  // namespace leadline
