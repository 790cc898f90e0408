// SlotRing says which slot a moment belongs to and which slot a window starts at: one slot a
// second, the newest sample of a second wins. The slots' contents live in SeriesHistory, under the
// same index. Internal to engine/windows; not thread-safe.

#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>

#include "base/clock.h"

namespace leadline {

inline constexpr std::size_t kSlots = 301;  // 300 s at one a second, and the newest

class SlotRing {
 public:
  // The slot of a sample at `at`; `again`: the second had one already, which is overwritten.
  struct Slot {
    std::size_t index = 0;
    bool again = false;
  };
  [[nodiscard]] Slot take(SteadyTime at);

  // Where a window of length `window` that ends at the newest sample begins; nullopt while no slot
  // is between 1 s and 1.5 windows old. `back` counts slots from the newest.
  struct Start {
    std::size_t index = 0;
    std::size_t back = 0;
    SteadyTime::duration span{};
  };
  [[nodiscard]] std::optional<Start> start_of(std::chrono::seconds window) const;

  // The slot `back` places before the newest. REQUIRES: back < number of slots taken.
  [[nodiscard]] std::size_t index_back(std::size_t back) const;

 private:
  std::array<SteadyTime, kSlots> times_{};
  std::size_t newest_ = 0;
  std::size_t count_ = 0;
};

}  // namespace leadline
