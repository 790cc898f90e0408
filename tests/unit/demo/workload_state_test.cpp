#include "demo/workload_state.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

using Addresses = std::vector<std::string>;

TEST(WorkloadStateTest, ReplicasAreThoseOfTheSpec) {
  EXPECT_EQ(replicas_in(R"({"spec":{"replicas":3},"status":{"replicas":2}})"), 3);
  for (const char* text : {"", "[]", "{}", R"({"spec":7})", R"({"spec":{"replicas":"3"}})"}) {
    EXPECT_EQ(replicas_in(text), std::nullopt) << text;
  }
}

TEST(WorkloadStateTest, TerminatingPodsDoNotCountAndOnlyReadyOnesAreAsked) {
  const auto state = pods_in(R"({"items":[
    {"metadata":{"name":"ready"},"status":{"podIP":"127.0.0.1","conditions":[
      {"type":"PodScheduled","status":"False"},{"type":"Ready","status":"True"}]}},
    {"metadata":{"name":"starting"},"status":{"podIP":"127.0.0.2","conditions":[
      {"type":"Initialized","status":"True"},{"type":"Ready","status":"False"}]}},
    {"metadata":{"name":"new"},"status":{}},
    {"metadata":{"name":"going","deletionTimestamp":"2026-08-20T10:00:00Z"},
     "status":{"podIP":"127.0.0.3","conditions":[{"type":"Ready","status":"True"}]}}]})");
  ASSERT_TRUE(state);
  EXPECT_EQ(state->existing, 3);
  EXPECT_EQ(state->ready_addresses, Addresses{"127.0.0.1"});
}

TEST(WorkloadStateTest, NoPodsAreNoPodsAndNoListIsNothing) {
  const auto none = pods_in(R"({"items":[]})");
  ASSERT_TRUE(none);
  EXPECT_EQ(none->existing, 0);
  EXPECT_EQ(none->ready_addresses, Addresses{});
  for (const char* text : {"", "{}", R"({"items":{}})", R"({"kind":"Status"})"}) {
    EXPECT_FALSE(pods_in(text)) << text;
  }
}

TEST(WorkloadStateTest, ReasonIsOfTheNewestEventForThatCount) {
  const std::string events = R"({"items":[
    {"message":"New size: 3; reason: a above target","lastTimestamp":"2026-08-20T10:00:05Z"},
    {"message":"New size: 3; reason: All metrics below target",
     "lastTimestamp":"2026-08-20T10:01:00Z"},
    {"message":"New size: 30; reason: b above target","lastTimestamp":"2026-08-20T10:02:00Z"}]})";
  const auto f = [&](int replicas, std::string_view since, std::optional<std::string> want) {
    SCOPED_TRACE(since);
    EXPECT_EQ(reason_in(events, replicas, since), want);
  };
  f(3, "2026-08-20T10:00:00Z", "All metrics below target");
  f(3, "2026-08-20T10:01:00Z", "All metrics below target");
  f(3, "2026-08-20T10:01:01Z", std::nullopt);
  f(30, "2026-08-20T10:00:00Z", "b above target");
  f(2, "2026-08-20T10:00:00Z", std::nullopt);
  EXPECT_EQ(reason_in("", 3, ""), std::nullopt);
}

}  // namespace
}  // namespace leadline
