#include "daemon/edge_log.h"

#include <vector>

#include <gtest/gtest.h>

namespace leadline {

namespace {

Instant at(double seconds) {
  return {SteadyTime(std::chrono::milliseconds(static_cast<int>(seconds * 1000))), {}};
}

class EdgeLogTest : public testing::Test {
 protected:
  std::vector<std::string> lines_;
  EdgeLog log_{[this](LogLevel level, std::string_view line) {
    lines_.push_back(fmt::format("{} {}", level == LogLevel::kWarn ? "warn" : "info", line));
  }};
};

TEST_F(EdgeLogTest, LogsTheFirstAndTheEndWithCountAndDuration) {
  for (int i = 0; i < 37; ++i) log_.failed("a", "scrape failed", "endpoint=a", at(10 + i));
  log_.recovered("a", "scrape recovered", "endpoint=a", at(51));
  EXPECT_EQ(lines_,
            (std::vector<std::string>{"warn scrape failed endpoint=a",
                                      "info scrape recovered endpoint=a failures=37 for=41.0s"}));
}

TEST_F(EdgeLogTest, SaysNothingOfWhatNeverFailed) {
  log_.recovered("a", "scrape recovered", "", at(1));
  EXPECT_TRUE(lines_.empty());
}

TEST_F(EdgeLogTest, KeepsKeysApartAndLogsAnotherFailureOfTheSameKey) {
  log_.failed("a", "scrape failed", "endpoint=a", at(1));
  log_.failed("b", "scrape failed", "endpoint=b", at(1));
  log_.failed("a", "page unreadable", "endpoint=a", at(2));
  log_.recovered("a", "scrape recovered", "", at(4));
  EXPECT_EQ(lines_,
            (std::vector<std::string>{
                "warn scrape failed endpoint=a", "warn scrape failed endpoint=b",
                "warn page unreadable endpoint=a", "info scrape recovered failures=2 for=3.0s"}));
}

TEST_F(EdgeLogTest, RemembersABoundedNumberOfKeys) {
  for (std::size_t i = 0; i < EdgeLog::kMaxKeys + 10; ++i) {
    log_.failed(std::to_string(i), "failed", "", at(1));
  }
  EXPECT_EQ(log_.open(), EdgeLog::kMaxKeys);
  EXPECT_EQ(log_.dropped(), 10u);
  EXPECT_EQ(lines_.size(), EdgeLog::kMaxKeys);
  log_.forget("0");
  log_.failed("new", "failed", "", at(2));
  EXPECT_EQ(lines_.size(), EdgeLog::kMaxKeys + 1);
}

}  // namespace

}  // namespace leadline
