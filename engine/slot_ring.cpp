#include "engine/slot_ring.h"

#include <cassert>

namespace leadline {
namespace {

std::chrono::seconds second_of(SteadyTime at) {
  return std::chrono::floor<std::chrono::seconds>(at.time_since_epoch());
}

}  // namespace

SlotRing::Slot SlotRing::take(SteadyTime at) {
  assert(count_ == 0 || at >= times_[newest_]);
  const bool again = count_ > 0 && second_of(at) == second_of(times_[newest_]);
  if (!again) {
    newest_ = count_ == 0 ? 0 : (newest_ + 1) % kSlots;
    if (count_ < kSlots) ++count_;
  }
  times_[newest_] = at;
  return {newest_, again};
}

std::size_t SlotRing::index_back(std::size_t back) const {
  assert(back < count_);
  return (newest_ + kSlots - back) % kSlots;
}

std::optional<SlotRing::Start> SlotRing::start_of(std::chrono::seconds window) const {
  std::optional<Start> best;
  auto best_distance = SteadyTime::duration::max();
  for (std::size_t back = 1; back < count_; ++back) {
    const std::size_t index = index_back(back);
    const auto age = times_[newest_] - times_[index];
    if (age < std::chrono::seconds{1}) continue;
    if (2 * age > 3 * SteadyTime::duration(window)) break;
    const auto distance = std::chrono::abs(age - window);
    if (distance >= best_distance) break;  // ages only grow, so the distance does too
    best = Start{index, back, age};
    best_distance = distance;
  }
  return best;
}

}  // namespace leadline
