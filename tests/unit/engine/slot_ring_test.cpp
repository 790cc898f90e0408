// Which slot a window starts at: the one whose age is closest to its length.

#include "engine/slot_ring.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Milliseconds of the steady clock at which samples were taken.
SlotRing ring_of(std::initializer_list<int> samples) {
  SlotRing ring;
  for (const int at : samples) (void)ring.take(SteadyTime(milliseconds(at)));
  return ring;
}

TEST(SlotRingTest, WindowStartsAtTheSlotWhoseAgeIsClosest) {
  const auto f = [](std::initializer_list<int> samples, int window, int want) {
    SCOPED_TRACE(want);
    const auto start = ring_of(samples).start_of(seconds(window));
    EXPECT_EQ(start ? start->span : SteadyTime::duration::zero(), milliseconds(want));
  };
  f({}, 15, 0);
  f({0}, 15, 0);
  f({0, 900}, 15, 0);     // same second: one slot
  f({900, 1100}, 15, 0);  // below 1 s
  f({0, 1000}, 15, 1000);
  f({0, 1000, 2000}, 15, 2000);  // young: the oldest
  f({0, 5000, 10000, 15000, 20000}, 15, 15000);
  f({0, 9000, 18000}, 15, 18000);  // 3 s over is closer than 6 s under
  f({0, 8000, 22000}, 15, 14000);
  f({0, 600000}, 300, 0);  // nothing reaches over a gap
  f({0, 600000, 601000}, 300, 1000);
  f({0, 1250, 1500, 1750, 2000}, 15, 2000);
}

TEST(SlotRingTest, NewestSampleOfASecondWins) {
  const SlotRing ring = ring_of({0, 250, 500, 750, 1000, 1250, 1500, 1750});
  const auto start = ring.start_of(seconds(15));
  ASSERT_TRUE(start.has_value());
  EXPECT_EQ(start->span, milliseconds(1000));  // from 750 to 1750
}

TEST(SlotRingTest, FourSamplesASecondStillReachBackFiveMinutes) {
  SlotRing ring;
  for (int at = 0; at <= 900'000; at += 250) (void)ring.take(SteadyTime(milliseconds(at)));
  const auto start = ring.start_of(seconds(300));
  ASSERT_TRUE(start.has_value());
  EXPECT_NEAR(std::chrono::duration<double>(start->span).count(), 300, 0.76);
}

}  // namespace
}  // namespace leadline
