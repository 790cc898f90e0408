#include "demo/summary.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

using nlohmann::json;

std::vector<json> a_run() {
  return {{{"kind", "start"}, {"min_replicas", 1}, {"burst_s", 10}, {"lull_s", 40}},
          {{"kind", "replicas"}, {"t", 0}, {"wanted", 1}, {"exists", 1}, {"ready", 1}},
          {{"kind", "sync"}, {"t", 8}, {"spec_replicas", 1}, {"desired", 1}},
          {{"kind", "sync"}, {"t", 13}, {"spec_replicas", 1}, {"desired", 3}},
          {{"kind", "replicas"}, {"t", 13}, {"wanted", 3}, {"exists", 3}, {"ready", 1}},
          {{"kind", "replicas"}, {"t", 21}, {"wanted", 3}, {"exists", 3}, {"ready", 3}},
          {{"kind", "sync"}, {"t", 55}, {"spec_replicas", 3}, {"desired", 1}},
          {{"kind", "replicas"}, {"t", 55}, {"wanted", 1}, {"exists", 1}, {"ready", 1}},
          {{"kind", "replicas"}, {"t", 60}, {"wanted", 1}, {"exists", 1}, {"ready", 1}},
          {{"kind", "load_end"},
           {"summary", {{"sent", 100}, {"finished", 98}, {"refused", 2}, {"slo_share", 0.9}}}}};
}

TEST(SummaryTest, TimesCountFromTheBurstAndTheLull) {
  const Summary summary = summarise(a_run());
  EXPECT_DOUBLE_EQ(summary.burst_to_decision_s.value(), 3);
  EXPECT_DOUBLE_EQ(summary.burst_to_ready_s.value(), 11);
  EXPECT_DOUBLE_EQ(summary.back_to_minimum_s.value(), 15);
}

// 1 replica for 13 s, 3 for 42 s, 1 for 5 s = 144 replica-seconds.
TEST(SummaryTest, ReplicaSecondsAreTheAreaUnderTheReplicas) {
  const Summary summary = summarise(a_run());
  EXPECT_DOUBLE_EQ(summary.replica_seconds, 144);
  EXPECT_EQ(summary.most_replicas, 3);
  EXPECT_EQ(summary.decisions, 2);
}

// A controller does not wait for our load: what it decided in the warm-up is recorded with a
// negative time. It is a change, and neither the burst nor the lull is what it answers.
TEST(SummaryTest, ChangesBeforeTheLoadCountAsChangesOnly) {
  auto run = a_run();
  const Summary without = summarise(run);
  run.insert(run.begin() + 1,
             json{{"kind", "sync"}, {"t", -3}, {"spec_replicas", 1}, {"desired", 2}});
  const Summary with = summarise(run);
  EXPECT_EQ(with.decisions, without.decisions + 1);
  EXPECT_EQ(with.burst_to_decision_s, without.burst_to_decision_s);
  EXPECT_EQ(with.back_to_minimum_s, without.back_to_minimum_s);
  EXPECT_DOUBLE_EQ(with.replica_seconds, without.replica_seconds);
}

TEST(SummaryTest, RequestsAreTheLoadGeneratorsOwnCount) {
  const Summary summary = summarise(a_run());
  EXPECT_EQ(summary.requests, 100);
  EXPECT_EQ(summary.finished, 98);
  EXPECT_DOUBLE_EQ(summary.slo_percent.value(), 90);
}

TEST(SummaryTest, WhatDidNotHappenIsADash) {
  const Summary summary = summarise({});
  EXPECT_FALSE(summary.burst_to_decision_s);
  EXPECT_NE(render(summary, 2).find("burst to decision                 -"), std::string::npos)
      << render(summary, 2);
}

}  // namespace
}  // namespace leadline
