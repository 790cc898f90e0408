#include "demo/redis_summary.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

using nlohmann::json;

json workers(double t, int wanted, int exists) {
  return {{"kind", "workers"}, {"t", t}, {"wanted", wanted}, {"exists", exists}};
}

json done(double t, int jobs) {
  return {{"kind", "done"}, {"t", t}, {"jobs", jobs}};
}

std::vector<json> a_run() {
  return {workers(0, 0, 0),
          done(0, 0),
          {{"kind", "push"}, {"t", 5.0}, {"workers", 0}},
          workers(5.25, 2, 2),
          {{"kind", "pushed"}, {"t", 5.5}, {"jobs", 3}},
          done(5.75, 1),
          done(6, 3),
          workers(9, 0, 2),
          workers(9.5, 0, 0),
          {{"kind", "push"}, {"t", 20.0}, {"workers", 0}},
          {{"kind", "pushed"}, {"t", 20.0}, {"jobs", 1}},
          workers(21, 1, 1)};
}

TEST(RedisSummaryTest, RoundsCountFromThePushAndFromTheLastJob) {
  const RedisSummary summary = summarise_redis(a_run());
  ASSERT_EQ(summary.rounds.size(), 2u);
  EXPECT_EQ(summary.rounds[0].to_worker_s, 0.25);
  EXPECT_EQ(summary.rounds[0].to_done_s, 0.75);
  EXPECT_EQ(summary.rounds[0].to_zero_s, 3.5);
  EXPECT_EQ(summary.rounds[1].to_worker_s, 1);
  EXPECT_EQ(summary.rounds[1].to_done_s, std::nullopt);
  EXPECT_EQ(summary.rounds[1].to_zero_s, std::nullopt);
}

// 2 workers for 4.25 s; the last one's end was not recorded.
TEST(RedisSummaryTest, JobsAndWorkersAreAddedUp) {
  const RedisSummary summary = summarise_redis(a_run());
  EXPECT_EQ(summary.jobs_in, 4);
  EXPECT_EQ(summary.jobs_done, 3);
  EXPECT_EQ(summary.most_workers, 2);
  EXPECT_EQ(summary.worker_seconds, 8.5);
}

TEST(RedisSummaryTest, JobsForWorkersThatRunAreNoStartFromZero) {
  auto run = a_run();
  run.push_back({{"kind", "push"}, {"t", 22.0}, {"workers", 1}});
  EXPECT_EQ(summarise_redis(run).rounds.size(), 2u);
}

TEST(RedisSummaryTest, WhatDidNotHappenIsADash) {
  const std::string text = render(summarise_redis(a_run()));
  EXPECT_NE(text.find("push to first job done 0.75, - s\n"), std::string::npos) << text;
  EXPECT_NE(render({}).find("push to first worker   -\n"), std::string::npos) << render({});
}

}  // namespace
}  // namespace leadline
