#include "sim/load_stats.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace leadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

RequestRecord ended(Outcome outcome, double ttft) {
  RequestRecord record{.arrival = 1,
                       .sent = 1.001,
                       .e2e = ttft + 1,
                       .prompt_tokens = 10,
                       .asked_tokens = 3,
                       .generation_tokens = 3,
                       .status = 200,
                       .outcome = outcome};
  if (ttft > 0) record.ttft = ttft;
  return record;
}

TEST(LoadStatsTest, SummaryCountsEveryRequestOnceAndRefusalsMissTheSlo) {
  LoadStats stats(6);
  for (int i = 0; i < 5; ++i) stats.on_sent({});
  stats.on_end(ended(Outcome::kFinished, .5));
  stats.on_end(ended(Outcome::kFinished, 2));  // the bound itself keeps it
  stats.on_end(ended(Outcome::kFinished, 2.001));
  stats.on_end(ended(Outcome::kFailed, .1));
  RequestRecord never_sent = ended(Outcome::kRefused, 0);
  never_sent.sent.reset();
  stats.on_end(never_sent);
  const auto json = nlohmann::json::parse(stats.summary_json(2, 60), nullptr, false);
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["planned"], 6);
  EXPECT_EQ(json["sent"], 5);
  EXPECT_EQ(json["finished"], 3);
  EXPECT_EQ(json["failed"], 1);
  EXPECT_EQ(json["refused"], 1);
  EXPECT_EQ(json["in_flight"], 1);
  EXPECT_EQ(json["prompt_tokens"], 30);
  EXPECT_DOUBLE_EQ(json["slo_share"].get<double>(), 2. / 5);
  EXPECT_DOUBLE_EQ(json["ttft_seconds"]["p50"].get<double>(), .5);
  EXPECT_DOUBLE_EQ(json["ttft_seconds"]["max"].get<double>(), 2.001);
}

TEST(LoadStatsTest, NoRequestsGiveNoQuantilesNotZero) {
  const auto json = nlohmann::json::parse(LoadStats(0).summary_json(2, 0), nullptr, false);
  EXPECT_TRUE(json["slo_share"].is_null());
  EXPECT_TRUE(json["ttft_seconds"]["p95"].is_null());
}

TEST(LoadStatsTest, ProgressForgetsWhatIsOlderThanItsWindow) {
  LoadStats stats(2);
  const SteadyTime start{};
  stats.on_sent(start);
  stats.on_first_token(start + seconds(1), 1);
  stats.on_tokens(start + seconds(1), 1, std::nullopt);
  stats.on_sent(start + seconds(9));
  stats.on_first_token(start + seconds(9), .25);
  stats.on_tokens(start + seconds(9), 39, .01);
  const LoadProgress early = stats.progress(start, start + seconds(10));
  EXPECT_EQ(early.ttft_p95, 1);
  EXPECT_DOUBLE_EQ(early.tokens_per_second, 4);
  EXPECT_DOUBLE_EQ(early.arrivals_per_second, .2);
  const LoadProgress late = stats.progress(start, start + seconds(12));
  EXPECT_EQ(late.ttft_p95, .25);
  EXPECT_EQ(stats.progress(start, start + seconds(30)).ttft_p50, std::nullopt);
  EXPECT_EQ(late.totals.generation_tokens, 40U);
}

TEST(LoadStatsTest, RecordsAreOneRowEachAndEmptyWhereNothingHappened) {
  LoadStats stats(1);
  RequestRecord record{
      .arrival = 2.5, .prompt_tokens = 7, .asked_tokens = 3, .outcome = Outcome::kDropped};
  stats.on_end(record);
  EXPECT_NE(stats.records_csv().find("\n2.500000,,,,7,3,0,0,dropped\n"), std::string::npos);
}

}  // namespace
}  // namespace leadline
