// `leadline-demo --engine URL`: one sidecar beside an engine of yours, the real adapter, and the
// view. No load is sent and nothing is scaled.

#pragma once

#include <atomic>

#include "base/result.h"
#include "demo/hpa_manifest.h"
#include "demo/options.h"
#include "demo/work_folder.h"

namespace leadline {

// Until options.duration has passed or `stop` is set. kUnavailable where a part does not come up.
[[nodiscard]] Result<void> measure_engine(const DemoOptions& options, const HpaManifest& manifest,
                                          WorkFolder& folder, const std::atomic<bool>& stop);

}  // namespace leadline
