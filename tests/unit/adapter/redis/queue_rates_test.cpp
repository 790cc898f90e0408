#include "adapter/redis/queue_rates.h"

#include <limits>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace leadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Added = std::vector<std::int64_t>;

constexpr SteadyTime kStart{std::chrono::hours{1}};

class QueueRateWindowTest : public testing::Test {
 protected:
  void at(milliseconds time, const Added& added, std::optional<std::int64_t> jobs) {
    window_.add(kStart + time, added, jobs);
  }
  // `arrivals/completions in span`, or why not.
  [[nodiscard]] std::string shown() const {
    const auto rates = window_.rates();
    if (!rates) return rates.error().message;
    const std::string done = rates->completions ? fmt::format("{:.3g}", *rates->completions)
                                                : rates->completions.error().message;
    return fmt::format("{:.3g}/{} in {}", rates->arrivals, done, rates->span.count());
  }

  const std::string once_ = "counted once so far: a rate needs two counts, a second apart";
  QueueRateWindow window_;
};

TEST_F(QueueRateWindowTest, ARateNeedsTwoCountsASecondApart) {
  EXPECT_EQ(shown(), once_);
  at(seconds{0}, {10}, 4);
  EXPECT_EQ(shown(), once_);
  at(milliseconds{999}, {1000}, 4);
  EXPECT_EQ(shown(), once_);
  at(milliseconds{1000}, {14}, 5);
  EXPECT_EQ(shown(), "4/3 in 1000");
}

TEST_F(QueueRateWindowTest, NothingMovedIsZero) {
  at(seconds{0}, {10}, 0);
  at(seconds{1}, {10}, 0);
  EXPECT_EQ(shown(), "0/0 in 1000");
}

TEST_F(QueueRateWindowTest, OnlyTheLastMinuteCounts) {
  for (int second = 0; second <= 600; ++second) {
    const std::int64_t added = second <= 300 ? 100 * second : 30'000 + 2 * (second - 300);
    at(seconds{second}, {added}, 7);
  }
  EXPECT_EQ(shown(), "2/2 in 60000");
  at(seconds{700}, {31'000}, 7);  // after a silence of more than a minute
  EXPECT_EQ(shown(), once_);
}

TEST_F(QueueRateWindowTest, ACounterThatFellStartsAnew) {
  at(seconds{0}, {1000}, 10);
  at(seconds{1}, {1100}, 10);
  at(seconds{2}, {0}, 0);  // the key was deleted, or its server came back empty
  EXPECT_EQ(shown(), once_);
  at(seconds{4}, {6}, 2);
  EXPECT_EQ(shown(), "3/2 in 2000");
}

TEST_F(QueueRateWindowTest, OneKeysFallIsNotHiddenByAnothersRise) {
  at(seconds{0}, {1000, 10}, 10);
  at(seconds{1}, {5, 5000}, 10);
  EXPECT_EQ(shown(), once_);
  at(seconds{2}, {6}, 10);
  EXPECT_EQ(shown(), once_);  // nor do other keys follow on these
}

TEST_F(QueueRateWindowTest, AClockThatStandsOrGoesBackAddsNothing) {
  at(seconds{5}, {10}, 1);
  at(seconds{5}, {20}, 1);
  at(seconds{1}, {30}, 1);
  EXPECT_EQ(shown(), once_);
  at(seconds{7}, {14}, 1);
  EXPECT_EQ(shown(), "2/2 in 2000");
}

// The counts of jobs and of what was added are a moment apart.
TEST_F(QueueRateWindowTest, CompletionsAreNeverNegative) {
  at(seconds{0}, {1000}, 10);
  at(seconds{1}, {1000}, 11);
  EXPECT_EQ(shown(), "0/0 in 1000");
  at(seconds{2}, {1000}, 12);  // two more than came: XGROUP SETID
  EXPECT_EQ(shown(), "0/there are more jobs than were added: its group was set back in 2000");
}

TEST_F(QueueRateWindowTest, CompletionsRestOnJobsThatAreKnownExactly) {
  at(seconds{0}, {1000}, std::nullopt);
  at(seconds{1}, {1010}, 10);
  EXPECT_EQ(shown(), "10/the jobs that wait are not known exactly in 1000");
}

TEST_F(QueueRateWindowTest, CountsOfAnySizeFit) {
  const Added most(32, 1LL << 53);
  at(seconds{0}, Added(32, 0), 0);
  at(seconds{1}, most, (1LL << 53) * 32);
  EXPECT_EQ(shown(), "2.88e+17/0 in 1000");
}

TEST(QueueRatesTest, AnEntrysIdHoldsItsTime) {
  EXPECT_EQ(time_of_entry("1700000000123-7"), milliseconds{1'700'000'000'123});
  EXPECT_EQ(time_of_entry("5"), milliseconds{5});
  for (const char* bad : {"", "-", "-1-1", "x-1", "12x-1", " 1-1", "99999999999999999999-1"}) {
    EXPECT_EQ(time_of_entry(bad), std::nullopt) << bad;
  }
}

TEST(QueueRatesTest, AnAgeIsByOneClock) {
  const milliseconds now{1'700'000'000'000};
  EXPECT_EQ(job_age(now - milliseconds{1'500}, now).value(), 1.5);
  EXPECT_EQ(job_age(now, now).value(), 0);
  EXPECT_EQ(job_age(now + seconds{30}, now).value(), 0);  // the clock was set back
  const std::string made_up = "ms, is none: a producer made it up";
  EXPECT_EQ(job_age(milliseconds{5}, now).error().message, "its oldest job's time, 5 " + made_up);
  EXPECT_FALSE(job_age(now * 1000, now));  // microseconds
  EXPECT_FALSE(job_age(milliseconds{std::numeric_limits<std::int64_t>::max()}, now));
  EXPECT_FALSE(job_age(now, milliseconds{0}));
}

}  // namespace
}  // namespace leadline
