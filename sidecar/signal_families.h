// The engine's signals as Prometheus families, under the same names whatever the engine. Pure.
//
// Per {model, role}, at most 16 of them: gauges as the engine tells them; counters and histograms
// cumulative as the engine tells them (its restarts are Prometheus' resets); quantiles over our
// windows, computed by the same function as the adapter's (engine/aggregate.h), so that a dashboard
// and the HPA never disagree. What is unknown has no series: absent is not zero.

#pragma once

#include <vector>

#include <prometheus/metric_family.h>

#include "sidecar/engine_tracker.h"

namespace leadline {

// Empty families are left out. `now` decides what is stale.
[[nodiscard]] std::vector<prometheus::MetricFamily> signal_families(const EngineView& view,
                                                                    SteadyTime now);

}  // namespace leadline
