// Kubernetes quantities: writing them so that the HPA reads back what we meant, and reading them
// for the demo's autoscaler and the tests. Pure. Source: kubernetes-metrics-api.md §1.5;
// apimachinery pkg/api/resource/quantity.go.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leadline {

struct Quantity {
  std::string text;      // `42`, `1500m`, `-250m`
  bool clamped = false;  // the value lay beyond int64 milli units: worth a counter
};

// Rounds half to even to whole milli units and clamps to ±(2^63 − 1) of them: the HPA reads a
// larger number as 0. nullopt for NaN and ±Inf: such a sample is missing, never 0.
std::optional<Quantity> quantity_of(double value);

// Milli units of a quantity in the full grammar, as the HPA's MilliValue() gives them: rounded away
// from zero (0.0001 is 1). Beyond int64 it saturates, where Kubernetes' fast path would give 0: we
// never write such a number. kBadInput where the text is no quantity.
[[nodiscard]] Result<std::int64_t> milli_of_quantity(std::string_view text);

}  // namespace leadline
