// A sum that does not depend on the order of its terms: floating-point addition is not associative,
// and two adapter replicas that list the same pods in another order must serve the same value.

#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

namespace leadline {

[[nodiscard]] inline double ordered_sum(std::vector<double> terms) {
  std::sort(terms.begin(), terms.end());
  return std::accumulate(terms.begin(), terms.end(), 0.0);
}

}  // namespace leadline
