// run_demo wires the demo: fleet, adapter, load, autoscaler, view, recording, summary.

#pragma once

#include "base/result.h"
#include "demo/options.h"

namespace leadline {

// Runs to its end, or to SIGINT/SIGTERM. Everything it started ends with it.
// kUnavailable where a part does not come up: the message names it and shows the end of its log.
[[nodiscard]] Result<void> run_demo(const DemoOptions& options);

}  // namespace leadline
