#include "demo/autoscaler.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

HpaManifest one_object_metric() {
  HpaManifest manifest;
  manifest.spec.min_replicas = 1;
  manifest.spec.max_replicas = 8;
  manifest.spec.metrics = {
      {.type = MetricType::kObject, .name = "in_flight_requests", .goal_milli = 10'000}};
  manifest.paths = {"/object"};
  return manifest;
}

ApiAnswer ok(const std::string& value) {
  return {.status = 200, .body = R"({"items":[{"value":")" + value + R"("}]})"};
}

TEST(AutoscalerTest, WhatCannotBeReadIsNoReading) {
  const MetricSpec metric{.type = MetricType::kObject, .name = "m"};
  const auto f = [&](const ApiAnswer& answer, std::string_view want) {
    SCOPED_TRACE(answer.body);
    const auto reading = read_answer(metric, answer);
    const auto* none = std::get_if<NoReading>(&reading);
    ASSERT_NE(none, nullptr);
    EXPECT_NE(none->message.find(want), std::string::npos) << none->message;
  };
  f({.status = 404, .body = R"({"kind":"Status","message":"coverage 1/3 below 0.5"})"},
    "coverage 1/3");
  f({.status = 0, .body = "the adapter did not answer"}, "did not answer");
  f({.status = 500, .body = "x"}, "HTTP 500");
  f({.status = 200, .body = "{"}, "no items");
  f({.status = 200, .body = R"({"items":[]})"}, "0 items");
  f({.status = 200, .body = R"({"items":[{"value":"1"},{"value":"1"}]})"}, "2 items");
  f(ok("many"), "quantity");
}

// 45 requests in flight against 10 a replica: ceil(45 / 10) = 5, within max(2 x 1, 4) = 4 a sync.
TEST(AutoscalerTest, SyncDecidesAsTheControllerDoes) {
  Autoscaler autoscaler(one_object_metric(), [](const std::string& path) {
    EXPECT_EQ(path, "/object");
    return ok("45");
  });
  const Autoscaler::Workload one{.spec_replicas = 1, .status_replicas = 1, .pods = {{.name = "a"}}};
  const auto sync = autoscaler.sync(one, SteadyTime{} + std::chrono::hours{1});
  EXPECT_EQ(sync.decision.desired, 4);
  EXPECT_EQ(sync.record["desired"], 4);
  EXPECT_EQ(sync.record["answers"][0]["status"], 200);
  EXPECT_EQ(sync.record["pods"][0]["name"], "a");
}

TEST(AutoscalerTest, SyncWithoutAnAnswerHolds) {
  Autoscaler autoscaler(one_object_metric(),
                        [](const std::string&) { return ApiAnswer{.status = 0, .body = "gone"}; });
  const auto sync = autoscaler.sync({.spec_replicas = 3, .status_replicas = 3},
                                    SteadyTime{} + std::chrono::hours{1});
  EXPECT_EQ(sync.decision.desired, 3);
  EXPECT_FALSE(sync.decision.rescale);
}

}  // namespace
}  // namespace leadline
