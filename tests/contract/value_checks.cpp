// Checks 24-33: values, times, and what is left out.

#include <cfloat>
#include <limits>
#include <regex>

#include <fmt/format.h>

#include "tests/contract/contract_rig.h"

namespace leadline::test {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Names = std::vector<std::string>;

constexpr const char* kClamped = "leadline_adapter_clamped_values_total";

std::string pod_path(const std::string& pod, const std::string& metric = "queue_depth") {
  return kV1beta1 + "/namespaces/ns/pods/" + pod + "/" + metric;
}

TEST_F(ContractTest, Check24ValuesAreCanonicalQuantities) {
  fleet_.say("p-1", {series_with(1.5)});
  fleet_.say("p-2", {series_with(0)});
  fleet_.say("p-3", {series_with(1000)});
  fleet_.say("p-4", {series_with(0.25)});
  start({"--metrics", "[{name: minus, signal: queue_depth, scale: -1}]"});
  EXPECT_EQ(only_item(pod_path("p-1"))["value"], "1500m");
  EXPECT_EQ(only_item(pod_path("p-2"))["value"], "0");
  const std::string thousand = only_item(pod_path("p-3"))["value"];
  EXPECT_TRUE(thousand == "1k" || thousand == "1000") << thousand;
  EXPECT_EQ(only_item(pod_path("p-4", "minus"))["value"], "-250m");
  EXPECT_EQ(only_item(pod_path("p-2", "minus"))["value"], "0");
}

TEST_F(ContractTest, Check25ATinyValueIsNeverWrittenWithAnExponent) {
  fleet_.say("p-1", {series_with(1e-7)});
  start();
  const ApiReply reply = get(pod_path("p-1"));
  EXPECT_EQ(only_item(pod_path("p-1"))["value"], "0");  // half to even, to whole milli units
  EXPECT_EQ(reply.body.find("e-0"), std::string::npos) << reply.body;
}

TEST_F(ContractTest, Check26HugeValuesAreClampedAndCounted) {
  fleet_.say("p-1", {series_with(1e16)});
  fleet_.say("p-2", {series_with(1.7e18)});
  fleet_.say("p-3", {series_with(DBL_MAX)});
  fleet_.say("p-4", {series_with(9e15)});
  start({"--metrics", "[{name: minus, signal: queue_depth, scale: -1}]"});
  EXPECT_EQ(self_metric(kClamped), 0);
  double counted = 0;
  for (const char* pod : {"p-1", "p-2", "p-3"}) {
    EXPECT_EQ(only_item(pod_path(pod))["value"], "9223372036854775807m") << pod;
    EXPECT_EQ(self_metric(kClamped), ++counted) << pod;
    EXPECT_EQ(only_item(pod_path(pod, "minus"))["value"], "-9223372036854775807m") << pod;
    EXPECT_EQ(self_metric(kClamped), ++counted) << pod;
  }
  EXPECT_EQ(only_item(pod_path("p-4"))["value"], "9000000000000000") << "not beyond the range";
  EXPECT_EQ(self_metric(kClamped), counted);
  EXPECT_EQ(only_item(kQueueOfAll)["value"], "9223372036854775807m");
  EXPECT_EQ(self_metric(kClamped), counted + 1);
}

TEST_F(ContractTest, Check27WhatIsNoNumberIsAbsentAndNever0) {
  fleet_.say_raw_queue("p-1", std::numeric_limits<double>::quiet_NaN());
  fleet_.say_raw_queue("p-2", std::numeric_limits<double>::infinity());
  fleet_.say("p-3", {series_with(1e300)});
  start({"--metrics", "[{name: beyond, signal: queue_depth, scale: 1.0e+300}]"});
  ASSERT_EQ(fleet_.speaking(), 2U) << "the others' bytes hold what is no number";
  EXPECT_EQ(described(kAllPods), (Names{"p-3", "p-4"}));
  expect_status(get(pod_path("p-1")), 404, "NotFound", {"queue_depth", "p-1"});
  expect_status(get(pod_path("p-2")), 404, "NotFound", {"queue_depth", "p-2"});
  // 1e300 × 1e300 is infinite; 11 × 1e300 is only huge.
  EXPECT_EQ(described(kV1beta1 + "/namespaces/ns/pods/%2A/beyond"), Names{"p-4"});
  expect_status(get(pod_path("p-3", "beyond")), 404, "NotFound", {"not a number"});
  expect_status(get(kExternal + "/namespaces/ns/beyond?labelSelector=app%3Ddb"), 404, "NotFound",
                {"not a number"});
}

// 0.9 s into a second: a way of less than that makes the sample older within the same second.
Instant late_in_a_second(seconds ago) {
  const Instant now = system_now();
  const auto into = now.wall - std::chrono::floor<seconds>(now.wall);
  const auto back = into + ago - milliseconds{900};
  return {now.steady - back, now.wall - back};
}

TEST_F(ContractTest, Check28TimestampsAreTheSamplesTimeNotNow) {
  const Instant sampled = late_in_a_second(seconds{20});
  fleet_.sampled_at(late_in_a_second(seconds{10}).steady);
  fleet_.sampled_at("p-1", sampled.steady);
  start();
  const auto whole = std::chrono::floor<seconds>(sampled.wall).time_since_epoch();
  const std::regex form(R"(^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z$)");
  const auto since_epoch = [&](const std::string& path) {
    const std::string text = only_item(path)["timestamp"];
    std::smatch part;
    if (!std::regex_match(text, part, form)) return seconds{-1};
    const auto number = [&](std::size_t i) { return std::stoi(part[i]); };
    const std::chrono::year_month_day date{std::chrono::year{number(1)},
                                           std::chrono::month{static_cast<unsigned>(number(2))},
                                           std::chrono::day{static_cast<unsigned>(number(3))}};
    return std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours{number(4)} +
           std::chrono::minutes{number(5)} + seconds{number(6)};
  };
  EXPECT_EQ(since_epoch(pod_path("p-1")), whole);
  EXPECT_EQ(since_epoch(kV1beta2 + "/namespaces/ns/pods/p-1/queue_depth"), whole);
  EXPECT_EQ(since_epoch(pod_path("p-2")), whole + seconds{10});
  // An aggregate is as old as its oldest sample.
  EXPECT_EQ(since_epoch(kQueueOfAll), whole);
  EXPECT_EQ(since_epoch(kV1beta1 + "/namespaces/ns/deployments.apps/d/queue_depth"), whole);
}

TEST_F(ContractTest, Check29TwoSeriesOfOnePodAreOneItem) {
  fleet_.say("p-1", {series_with(3, "model-a"), series_with(4, "model-b")});
  start();
  EXPECT_EQ(only_item(pod_path("p-1"))["value"], "7");
  EXPECT_EQ(described(kAllPods), (Names{"p-1", "p-2", "p-3", "p-4"}));
  EXPECT_EQ(only_item(pod_path("p-1") + "?metricLabelSelector=model%3Dmodel-b")["value"], "4");
  EXPECT_EQ(only_item(kQueueOfAll + "?labelSelector=model%3Dmodel-a")["value"], "3");
}

TEST_F(ContractTest, Check30ADeletedPodLeavesEveryAnswer) {
  start();
  fleet_.pod("p-2").deleting = true;
  write_pods();
  EXPECT_TRUE(eventually([&] { return described(kAllPods) == Names{"p-1", "p-3", "p-4"}; }));
  EXPECT_EQ(get(pod_path("p-2")).status, 404);
  EXPECT_EQ(only_item(kQueueOfAll)["value"], "21");
  fleet_.remove("p-3");
  write_pods();
  EXPECT_TRUE(eventually([&] { return described(kAllPods) == Names{"p-1", "p-4"}; }));
  EXPECT_EQ(only_item(kV1beta1 + "/namespaces/ns/deployments.apps/d/queue_depth")["value"], "3");
}

TEST_F(ContractTest, Check31APodOutsideTheSelectorIsAbsentAlthoughItHasData) {
  start();
  EXPECT_EQ(only_item(pod_path("p-3"))["value"], "7");
  EXPECT_EQ(described(kAllPods + "?labelSelector=app%3Dweb"), (Names{"p-1", "p-2"}));
  EXPECT_EQ(only_item(kQueueOfAll + "?labelSelector=app%3Dweb")["value"], "8");
}

TEST_F(ContractTest, Check32WhatIsOlderThanMaxAgeIsAbsentAndTheMessageSaysWhy) {
  max_age_ms_ = "5000";
  const SteadyTime long_ago = system_now().steady - seconds{10};
  fleet_.sampled_at("p-1", long_ago);
  start();
  EXPECT_EQ(described(kAllPods), (Names{"p-2", "p-3", "p-4"}));
  expect_status(get(pod_path("p-1")), 404, "NotFound", {"stale: p-1"});
  // Half of the Deployment is still enough: the other half stands for it.
  EXPECT_EQ(only_item(kV1beta1 + "/namespaces/ns/deployments.apps/d/queue_depth")["value"], "10");
  fleet_.sampled_at(long_ago);
  EXPECT_TRUE(eventually([&] { return described(kAllPods).empty(); }));
  EXPECT_EQ(data(kAllPods)["items"], json::array());
  for (const std::string& path :
       {kQueueOfAll, kV1beta1 + "/namespaces/ns/deployments.apps/d/queue_depth",
        kV1beta1 + "/nodes/n1/queue_depth", kV1beta2 + "/namespaces/ns/metrics/queue_depth"}) {
    expect_status(get(path), 404, "NotFound", {"coverage 0/", "below 0.5", "stale: p-1"});
  }
  EXPECT_EQ(data(kV1beta1 + "/nodes/%2A/queue_depth")["items"], json::array());
}

TEST_F(ContractTest, Check33EmptyListsAndLabelsAreWrittenAsSuch) {
  start();
  for (const std::string& path :
       {kAllPods + "?labelSelector=app%3Dnone", kV1beta2 + "/namespaces/none/pods/%2A/queue_depth",
        kQueueOfAll + "?labelSelector=app%3Dnone", kExternal + "/namespaces/none/queue_depth"}) {
    const json list = data(path);
    EXPECT_EQ(list["items"], json::array()) << path;
    EXPECT_EQ(list["metadata"], json::object()) << path;
  }
  const json item = only_item(kQueueOfAll);
  EXPECT_TRUE(item["metricLabels"].is_object()) << item.dump();
  EXPECT_EQ(keys_of(item), (Names{"metricLabels", "metricName", "timestamp", "value"}));
}

}  // namespace
}  // namespace leadline::test
