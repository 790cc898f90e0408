#include "adapter/json_door.h"

#include <gtest/gtest.h>

#include "tests/unit/adapter/view_builder.h"

namespace leadline {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::noon;
using test::pod_of;
using test::ViewBuilder;

Instant later(seconds by) {
  return {noon().steady + by, noon().wall + by};
}

class JsonDoorTest : public testing::Test {
 protected:
  JsonDoorTest() {
    serve(ViewBuilder()
              .with(pod_of("a"), {.queue_depth = 3, .running = 2})
              .with(pod_of("b"), {.queue_depth = 4, .model = "m"}, milliseconds{2500})
              .with(pod_of("c", "other"), {.queue_depth = 50}));
    board_.configured()[0]->publish(
        {.depth = 42, .sampled_at = noon().steady - milliseconds{700}, .problem = ""});
    board_.configured()[1]->publish({.problem = "NOPERM"});
  }

  void serve(const ViewBuilder& builder) {
    views_.publish(builder.build());
    answers_.look(noon().steady);
  }

  // The body of a 200, or `404 why`.
  [[nodiscard]] std::string get(const std::string& path, Instant now = noon()) const {
    const auto target = parse_request_target("/keda/v1/" + path);
    if (!target || !JsonDoor::is_at(*target)) return "not at the door";
    const auto body = door_.answer(*target, now, JsonStyle::kCompact);
    if (!body) return fmt::format("{} {}", body.error().http_status, body.error().message);
    return *body;
  }

  void expect_refused(const std::string& path, int code, std::string_view why) const {
    const std::string got = get(path);
    EXPECT_TRUE(got.starts_with(std::to_string(code))) << path << ": " << got;
    EXPECT_NE(got.find(why), std::string::npos) << path << ": " << got;
    EXPECT_LT(got.size(), 600U) << "a message repeats what it was sent";
  }

  static RedisQueue queue(std::string name) {
    return {.name = std::move(name),
            .namespace_name = "ns",
            .server = "main",
            .kind = QueueKind::kList,
            .keys = {"k"},
            .group = {}};
  }

  ViewCell views_;
  Catalogue catalogue_ = std::move(*Catalogue::make(
      {.aliases = {{"little", "queue_depth", "", 1e-6}, {"minus", "queue_depth", "", -1}}}));
  SelfMetrics metrics_;
  KedaAnswers answers_{views_, catalogue_, {}};
  QueueBoard board_{{queue("mail"), queue("clips")}};
  WorkloadThroughput throughput_{views_};
  QueueAnswers queue_answers_{milliseconds{5000}, throughput_};
  QueueService queues_{board_, queue_answers_, metrics_};
  JsonDoor door_{{views_, catalogue_, answers_, queues_, metrics_}};
};

TEST_F(JsonDoorTest, TheValueIsTheWorkloadsWithItsAgeAndItsPods) {
  EXPECT_EQ(get("ns/llm/queue_depth"),
            "{\"value\":7.0,\"ageMs\":2500,\"pods\":2,\"podsFresh\":2,\"coverage\":1.0}\n");
  EXPECT_EQ(get("ns/llm/IN_flight_requests").substr(0, 12), "{\"value\":9.0");
  EXPECT_EQ(get("ns/llm/queue_depth", later(seconds{1})).substr(0, 27),
            "{\"value\":7.0,\"ageMs\":3500,\"");
}

TEST_F(JsonDoorTest, TheQueryMeansWhatATriggersKeysMean) {
  const auto value = [this](const std::string& path) {
    return json::parse(get(path), nullptr, false).value("value", -1.0);
  };
  EXPECT_EQ(value("ns/llm/queue_depth?selector=model%3Dm"), 4);
  EXPECT_EQ(value("ns/llm/queue_depth?selector=app%3Dllm&pretty=true&kind=Deployment"), 7);
  EXPECT_EQ(value("ns/llm-7f/queue_depth?kind=ReplicaSet"), 7);
  EXPECT_EQ(value("ns/llm/queue_depth?kind=&window=&selector="), 7);
  const double minute = value("ns/llm/inference_requests_per_second");
  EXPECT_EQ(value("ns/llm/inference_requests_per_second?window=60s"), minute);
  EXPECT_GT(value("ns/llm/inference_requests_per_second?window=15s"), 2 * minute);
}

// KEDA keeps three decimals and takes what is left: 0 would let go of the workload.
TEST_F(JsonDoorTest, WhatIsAboveZeroStaysAboveZero) {
  EXPECT_EQ(json::parse(get("ns/llm/little"))["value"], 0.001);
}

TEST_F(JsonDoorTest, WhatIsUnknownIsAnErrorWithItsReason) {
  expect_refused("ns/llm/minus", 404, "minus of Deployment ns/llm is -7");
  expect_refused("other/llm/queue_depth", 404, "no pod of Deployment other/llm is listed, for 0 s");
  expect_refused("ns/llm/queue_depth?kind=StatefulSet", 404, "no pod of StatefulSet ns/llm");
  expect_refused("ns/llm/queue_depth?selector=model%3Dx", 404, "no pod of Deployment ns/llm");
  expect_refused("ns/llm/queue_tokens", 404, "queue_tokens of Deployment ns/llm: ");
  expect_refused("ns/llm/nothing", 404, "could not find the metric \"nothing\"");
  EXPECT_EQ(get("ns/llm/queue_depth", later(seconds{20})).substr(0, 37),
            "404 queue_depth of Deployment ns/llm:");
  serve(
      ViewBuilder().with(pod_of("a"), {.queue_depth = 3}).silent(pod_of("b")).silent(pod_of("c")));
  expect_refused("ns/llm/queue_depth", 404, "coverage 1/3 below 0.5");
  serve(ViewBuilder().with(pod_of("a"), {}).incomplete());
  expect_refused("ns/llm/queue_depth", 500, "not all pods were heard yet");
}

TEST_F(JsonDoorTest, APartOfThePodsIsSaidToBeOne) {
  serve(ViewBuilder()
            .with(pod_of("a"), {.queue_depth = 3})
            .with(pod_of("b"), {.queue_depth = 3})
            .with(pod_of("c"), {.queue_depth = 3})
            .silent(pod_of("d")));
  EXPECT_EQ(get("ns/llm/queue_depth"),
            "{\"value\":12.0,\"ageMs\":1500,\"pods\":4,\"podsFresh\":3,\"coverage\":0.75}\n");
}

TEST_F(JsonDoorTest, WithoutPodsItIsZeroAfterTheGrace) {
  expect_refused("ns/gone/queue_depth", 404, "believed after 60 s");
  EXPECT_EQ(get("ns/gone/queue_depth", later(seconds{61})),
            "{\"value\":0.0,\"pods\":0,\"podsFresh\":0}\n");
}

TEST_F(JsonDoorTest, AQueueIsNamedInTheWorkloadsPlace) {
  EXPECT_EQ(get("ns/mail/redis_queue_depth"), "{\"value\":42.0,\"ageMs\":700}\n");
  EXPECT_EQ(get("ns/mail/Redis_Queue_Depth"), "{\"value\":42.0,\"ageMs\":700}\n");
  expect_refused("ns/mail/redis_queue_in_flight", 404, "does not tell its jobs in flight");
  expect_refused("ns/clips/redis_queue_depth", 404, "queue clips: NOPERM");
  for (const char* nobody : {"nobody", "in", "notin"}) {  // words of the selectors' grammar, too
    expect_refused(fmt::format("ns/{}/redis_queue_depth", nobody), 404,
                   "no such queue is configured");
  }
  expect_refused("other/mail/redis_queue_depth", 404, "no such queue is configured");
  EXPECT_EQ(get("ns/mail/redis_queue_depth", later(seconds{5})).substr(0, 3), "404");
  expect_refused("ns/mail/redis_queue_depth?window=15s", 400, "window = \"15s\": a queue has none");
  expect_refused("ns/mail%2Cserver%3Dmain/redis_queue_depth", 400, "queue \"mail,server=main\"");
  expect_refused("ns/%20/redis_queue_depth", 400, "queue \" \"");
}

TEST_F(JsonDoorTest, WhatCannotBeIsRefusedByName) {
  const std::string q = "ns/llm/queue_depth?";
  const std::string allowed = "kind, window, selector and pretty are";
  expect_refused(q + "kind=Pod", 400, "kind = \"Pod\": must be one of Deployment, StatefulSet");
  expect_refused(q + "window=7s", 400, "window = \"7s\": must be one of 15s, 60s, 300s");
  expect_refused(q + "selector=a%3D%3D%3D", 400, "selector = \"a===\"");
  expect_refused(q + "selector=window%3D15s", 400, "the window has a key of its own");
  expect_refused(q + "selector=" + std::string(5000, 'a'), 400, "longer than 4096 bytes");
  expect_refused(q + "scaleToZero=true", 400, "query \"scaleToZero\": not known: " + allowed);
  expect_refused(q + "kindFromEnv=SECRET", 400, "query \"kindFromEnv\": not known");
  expect_refused(q + std::string(5000, 'k') + "=1", 400, allowed);
  expect_refused(q + "kind=Deployment&kind=ReplicaSet", 400,
                 "query \"kind=ReplicaSet\": malformed");
  expect_refused(q + "window=%zz", 400, "query \"window=%zz\": malformed");
  expect_refused(q + "selector=app%3Dllm;kind=Pod", 400, "malformed, or given twice: " + allowed);
  expect_refused("ns/LLM/queue_depth", 400, "workload = \"LLM\": must be the name");
  expect_refused("ns/%2A/queue_depth", 400, "workload = \"*\"");
  expect_refused("ns/" + std::string(254, 'a') + "/queue_depth", 400, "workload = \"aaa");
  expect_refused("%2A/llm/queue_depth", 400, "namespace \"*\": must be lower-case letters");
  expect_refused("NS/llm/queue_depth", 400, "namespace \"NS\"");
  expect_refused(std::string(64, 'n') + "/llm/queue_depth", 400, "at most 63");
  expect_refused("ns/llm/" + std::string(5000, 'm'), 404, "could not find the metric \"mmm");
}

TEST_F(JsonDoorTest, OnlyItsOwnShapeIsItsDoor) {
  for (const char* path : {"", "ns", "ns/llm", "ns/llm/queue_depth/more", "ns//queue_depth",
                           "ns%2Fllm/queue_depth", "ns/llm/queue%2Fdepth"}) {
    EXPECT_EQ(get(path), "not at the door") << path;
  }
  const auto target = parse_request_target("/keda/v1/ns/llm/queue_depth?kind=Pod").value();
  const AccessRequest access = JsonDoor::access_to(target);
  EXPECT_EQ(
      access.verb + " " + access.group + "/" + access.resource + " in " + access.namespace_name,
      "list external.metrics.k8s.io/queue_depth in ns");
  EXPECT_EQ(access.path, "");
}

}  // namespace
}  // namespace leadline
