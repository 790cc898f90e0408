// `leadline-sidecar --engine URL --once`: how a newcomer meets Leadline. Looks twice, a second
// apart, since a rate needs two looks, prints what it found and exits.

#pragma once

#include "sidecar/config.h"

namespace leadline {

// Prints the report to stdout; what went wrong also to stderr. kExitOk with an engine's values;
// kExitUnavailable where nothing answers, or what answers is no engine that we can read.
[[nodiscard]] int run_once(const SidecarConfig& config);

}  // namespace leadline
