// The pod's own values, by metric, for the Prometheus page and `--once`: one call into
// engine/aggregate.h, so that the sidecar and the adapter cannot disagree. Pure.

#pragma once

#include <optional>
#include <string>

#include "engine/aggregate.h"
#include "sidecar/engine_tracker.h"

namespace leadline {

// What the view says, as the adapter would hold it.
[[nodiscard]] PodObservation observe(const EngineView& view);

// The value, or why there is none. Unlike the adapter's answer for an idle workload, a quantile or
// mean without an observation is absent here, never 0 (design page, rule 1).
[[nodiscard]] AggregateResult value_here(const PodObservation& pod,
                                         const MetricSelection& selection, SteadyTime now);

// Observations of one latency inside a window, over the series that match; nullopt where the engine
// does not tell it.
[[nodiscard]] std::optional<std::uint64_t> observations(const PodSnapshot& snapshot,
                                                        const MetricSelection& selection);

}  // namespace leadline
