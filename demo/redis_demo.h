// redis_demo is `leadline-demo --redis`: jobs in a real Redis, the real adapter that counts them,
// and workers from zero and back. No Kubernetes.

#pragma once

#include <atomic>

#include "base/result.h"
#include "demo/options.h"
#include "demo/recording.h"
#include "demo/work_folder.h"

namespace leadline {

// Runs to its end, or until `stop`. kUnavailable where a part does not come up, and where jobs that
// were added are not done at the end.
[[nodiscard]] Result<void> run_redis_demo(const DemoOptions& options, const WorkFolder& folder,
                                          Recording& recording, const std::atomic<bool>& stop);

}  // namespace leadline
