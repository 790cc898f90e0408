#include "adapter/kube/objects.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace leadline {
namespace {

using nlohmann::json;

// A pod as an API server sends it, with what is read and some of what is not.
json pod_object() {
  return json::parse(R"({
    "kind": "Pod", "apiVersion": "v1",
    "metadata": {"name": "p-1", "namespace": "ns", "uid": "u-1", "resourceVersion": "7",
      "labels": {"app": "web"},
      "ownerReferences": [
        {"apiVersion": "v1", "kind": "Other", "name": "x"},
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "d-7f", "controller": true}]},
    "spec": {"nodeName": "n1",
      "initContainers": [{"name": "leadline", "restartPolicy": "Always",
        "ports": [{"name": "leadline", "containerPort": 9733}]}],
      "containers": [{"name": "vllm", "ports": [{"name": "http", "containerPort": 8000}]}]},
    "status": {"phase": "Running", "podIP": "10.0.0.7",
      "conditions": [{"type": "Initialized", "status": "True"},
                     {"type": "Ready", "status": "True"}]}
  })");
}

TEST(PodFromTest, ReadsWhatTheAdapterKeeps) {
  const auto pod = pod_from(pod_object());
  ASSERT_TRUE(pod);
  EXPECT_EQ(*pod, (Pod{.namespace_name = "ns",
                       .name = "p-1",
                       .uid = "u-1",
                       .ip = "10.0.0.7",
                       .port = 9733,
                       .node = "n1",
                       .ready = true,
                       .deleting = false,
                       .labels = {{"app", "web"}},
                       .owner = PodOwner{"apps/v1", "ReplicaSet", "d-7f"}}));
}

TEST(PodFromTest, TheSidecarMayBeAnOrdinaryContainer) {
  json object = pod_object();
  object["spec"]["containers"].push_back(object["spec"]["initContainers"][0]);
  object["spec"].erase("initContainers");
  EXPECT_EQ(pod_from(object)->port, 9733);
  object["spec"]["containers"] = json::array({object["spec"]["containers"][0]});
  EXPECT_EQ(pod_from(object)->port, 0) << "no sidecar";
}

TEST(PodFromTest, APortThatIsNoneIsNoSidecar) {
  for (const json& port : {json(0), json(-1), json(65536), json("9733"), json(9733.5), json()}) {
    json object = pod_object();
    object["spec"]["initContainers"][0]["ports"][0]["containerPort"] = port;
    EXPECT_EQ(pod_from(object)->port, 0) << port;
  }
}

TEST(PodFromTest, EndedPodsStandForNothing) {
  for (const char* phase : {"Succeeded", "Failed"}) {
    json object = pod_object();
    object["status"]["phase"] = phase;
    EXPECT_EQ(pod_from(object), std::nullopt) << phase;
  }
  for (const char* phase : {"Pending", "Running", "Unknown", ""}) {
    json object = pod_object();
    object["status"]["phase"] = phase;
    EXPECT_TRUE(pod_from(object)) << phase;
  }
}

TEST(PodFromTest, ReadinessIsTheConditionReady) {
  json object = pod_object();
  object["status"]["conditions"][1]["status"] = "False";
  EXPECT_FALSE(pod_from(object)->ready);
  object["status"]["conditions"][1]["status"] = "Unknown";
  EXPECT_FALSE(pod_from(object)->ready);
  object["status"].erase("conditions");
  EXPECT_FALSE(pod_from(object)->ready);
}

TEST(PodFromTest, ADeletionTimestampMeansTerminating) {
  json object = pod_object();
  object["metadata"]["deletionTimestamp"] = "2026-08-20T10:00:00Z";
  EXPECT_TRUE(pod_from(object)->deleting);
}

TEST(PodFromTest, OnlyTheControllerOwns) {
  json object = pod_object();
  object["metadata"]["ownerReferences"].erase(1);
  EXPECT_EQ(pod_from(object)->owner, std::nullopt);
  object["metadata"].erase("ownerReferences");
  EXPECT_EQ(pod_from(object)->owner, std::nullopt);
}

TEST(PodFromTest, WrongTypesAreAsIfNothingWereThere) {
  const auto bare = pod_from({{"metadata", {{"name", "p"}, {"labels", 5}, {"ownerReferences", {}}}},
                              {"spec", "x"},
                              {"status", json::array()}});
  ASSERT_TRUE(bare);
  EXPECT_EQ(*bare, (Pod{.namespace_name = {}, .name = "p", .uid = {}, .ip = {}, .ready = false}));
  for (const json& none : {json(), json(5), json("x"), json::array(), json::object(),
                           json{{"metadata", {{"name", 5}}}}, json(json::value_t::discarded)}) {
    EXPECT_EQ(pod_from(none), std::nullopt);
    EXPECT_EQ(service_from(none), std::nullopt);
    EXPECT_EQ(node_from(none), std::nullopt);
  }
  json object = pod_object();
  object["metadata"]["labels"]["n"] = 5;
  object["spec"]["initContainers"] = json::array({5, {{"ports", 5}}, {{"ports", {5}}}});
  EXPECT_EQ(pod_from(object)->labels, (Labels{{"app", "web"}}));
  EXPECT_EQ(pod_from(object)->port, 0);
}

TEST(ServiceFromTest, ReadsItsSelector) {
  const auto service =
      service_from({{"metadata", {{"name", "s"}, {"namespace", "ns"}, {"labels", {{"a", "b"}}}}},
                    {"spec", {{"selector", {{"app", "web"}}}}}});
  EXPECT_EQ(service, (KubeObject{.api_version = "v1",
                                 .kind = "Service",
                                 .namespace_name = "ns",
                                 .name = "s",
                                 .labels = {{"a", "b"}},
                                 .pod_selector = {{"app", "web"}}}));
}

TEST(NodeFromTest, ReadsItsLabels) {
  const auto node = node_from({{"metadata", {{"name", "n1"}, {"labels", {{"zone", "a"}}}}}});
  EXPECT_EQ(node, (KubeObject{.api_version = "v1",
                              .kind = "Node",
                              .namespace_name = {},
                              .name = "n1",
                              .labels = {{"zone", "a"}},
                              .pod_selector = {}}));
}

TEST(ObjectKeyTest, IsTheNameAndWhatItIsIn) {
  EXPECT_EQ(object_key({{"metadata", {{"name", "p"}, {"namespace", "ns"}}}}), "ns/p");
  EXPECT_EQ(object_key({{"metadata", {{"name", "n1"}}}}), "n1");
}

TEST(ParseKubeJsonTest, LeavesOutWhatIsLargeAndNeverRead) {
  const json parsed = parse_kube_json(R"({"metadata": {"name": "p", "managedFields": [{"a": 1}],
    "annotations": {"big": "text"}}, "spec": {"containers": [{"env": [{"name": "A"}],
    "args": ["x"], "ports": []}], "volumes": [{}], "tolerations": [{}]}})");
  EXPECT_EQ(parsed, json::parse(R"({"metadata": {"name": "p"},
                                    "spec": {"containers": [{"ports": []}]}})"));
}

// `env` is the name of half of the field's labels.
TEST(ParseKubeJsonTest, LabelsAndSelectorsMayBeCalledAsWhatIsLeftOut) {
  const std::string words = R"({"env": "prod", "args": "a", "volumes": "b", "annotations": "c",
    "tolerations": "d", "managedFields": "e", "envFrom": "f", "containerStatuses": "g"})";
  const std::string object =
      fmt::format(R"({{"metadata": {{"name": "s", "labels": {0}, "annotations": {{"x": "y"}}}},
                      "spec": {{"selector": {0}, "env": []}}}})",
                  words);
  for (const std::string& text :
       {object, fmt::format(R"({{"type": "ADDED", "object": {}}})", object),
        fmt::format(R"({{"items": [{0}, {0}]}})", object)}) {
    const json parsed = parse_kube_json(text);
    const json& one = parsed.contains("object")  ? parsed["object"]
                      : parsed.contains("items") ? parsed["items"][1]
                                                 : parsed;
    const auto service = service_from(one);
    ASSERT_TRUE(service);
    EXPECT_EQ(service->labels.size(), 8U) << text;
    EXPECT_EQ(service->pod_selector.size(), 8U) << text;
    EXPECT_FALSE(one["metadata"].contains("annotations"));
    EXPECT_FALSE(one["spec"].contains("env"));
  }
}

TEST(ParseKubeJsonTest, GarbageIsDiscarded) {
  for (const char* bad : {"", "{", "nonsense", R"({"a": })", "\xff"})
    EXPECT_TRUE(parse_kube_json(bad).is_discarded()) << bad;
}

}  // namespace
}  // namespace leadline
