// Situations of a HorizontalPodAutoscaler and what the real controller decided in them, as
// tests/scaling_oracle recorded them; tests/data/scaling/README.md describes the file.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/scaling/hpa_types.h"

namespace leadline {

struct RecordedDecision {
  std::int32_t desired = 0;
  std::array<std::string, 3> conditions;  // AbleToScale, ScalingActive, ScalingLimited
  std::string rescale;                    // empty: none
  std::vector<std::optional<std::int64_t>> current_milli;  // one a metric, or none at all
};

struct RecordedSync {
  SteadyTime at;
  Observation observation;
  RecordedDecision decision;
};

struct RecordedSituation {
  std::string kind;
  HpaSpec spec;
  std::vector<RecordedSync> syncs;
};

// In the file's order: situations[i] is line i + 2. Throws where the file is not a recording.
std::vector<RecordedSituation> read_recording(const std::string& path);

}  // namespace leadline
