// The interpolations that are compared: each says where in its bucket a rank lies.

#pragma once

#include <span>
#include <string_view>

#include "engine/histogram.h"

namespace leadline {

struct Method {
  std::string_view name;
  // Seconds. REQUIRES: something was counted, nothing in the +Inf bucket, quantile in [0, 1].
  double (*estimate)(const HistogramDelta& histogram, double quantile);
};

// The first is what PromQL does, the last what ships.
[[nodiscard]] std::span<const Method> all_methods();

// What ships: estimate_quantile().
[[nodiscard]] const Method& our_method();

}  // namespace leadline
