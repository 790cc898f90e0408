// Two clocks, never mixed: `steady` for ages, deadlines and windows; `wall` only for timestamps
// that leave the process. This is the only file that reads a clock; everything else takes an
// Instant, a SteadyTime or a Clock as an argument.

#pragma once

#include <chrono>
#include <functional>

namespace leadline {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

// The same moment on both clocks.
struct Instant {
  SteadyTime steady;
  WallTime wall;
};

// What reads the time; tests hand in their own.
using Clock = std::function<Instant()>;

inline Instant system_now() {
  return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()};
}

}  // namespace leadline
