// What the view shows of the workload, read from the adapter's API as any user could.

#pragma once

#include <functional>
#include <string>

#include "demo/autoscaler.h"
#include "demo/hpa_manifest.h"
#include "demo/terminal_view.h"

namespace leadline {

// In-flight requests, queue, TTFT p95 and tokens/s over 15 s, and the age of the oldest sample
// behind them (whole seconds: the API's timestamps have no fraction). A metric without a value
// stays empty.
[[nodiscard]] Frame read_dashboard(const HpaManifest& manifest, const Autoscaler::Ask& ask);

}  // namespace leadline
