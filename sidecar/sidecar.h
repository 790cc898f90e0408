// Sidecar is where the parts meet: everything that main owns, in the order in which it is built.

#pragma once

#include "sidecar/config.h"

namespace leadline {

// Serves until SIGTERM or SIGINT, then drains. Answers the exit status: kExitBadConfig or
// kExitUnavailable where it cannot listen.
[[nodiscard]] int run_sidecar(const SidecarConfig& config);

}  // namespace leadline
