// What the interpolations are compared on: latencies as engines show them, drawn from known
// distributions or taken from a recorded trace, each with the vLLM edges that it would meet.
// Deterministic: a case draws the same sample for the same seed.

#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

namespace leadline {

using Random = std::mt19937_64;

struct Case {
  std::string family;  // row of the table that it counts in
  std::string name;
  std::vector<double> edges;              // seconds
  std::function<double(Random&)> sample;  // one latency, seconds
};

// Every case, grouped by family.
[[nodiscard]] std::vector<Case> all_cases();

}  // namespace leadline
