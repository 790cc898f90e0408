#include "adapter/pods_document.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace leadline {
namespace {

TEST(PodsDocumentTest, YamlAndJsonGiveTheSameList) {
  const auto yaml = parse_pods_document(R"(
pods:
  - namespace: ns
    name: a
    uid: "1"
    ip: 10.0.0.1
    port: 9733
    node: n1
    ready: false
    deleting: true
    labels: {app: llm, version: "2"}
    owner: {apiVersion: apps/v1, kind: ReplicaSet, name: llm-7f}
objects:
  - {apiVersion: v1, kind: Service, namespace: ns, name: llm, labels: {a: b},
     podSelector: {app: llm}}
)");
  const auto json = parse_pods_document(
      R"({"pods":[{"namespace":"ns","name":"a","uid":"1","ip":"10.0.0.1","port":9733,"node":"n1",
      "ready":false,"deleting":true,"labels":{"app":"llm","version":"2"},
      "owner":{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"llm-7f"}}],
      "objects":[{"apiVersion":"v1","kind":"Service","namespace":"ns","name":"llm",
      "labels":{"a":"b"},"podSelector":{"app":"llm"}}]})");
  ASSERT_TRUE(yaml) << yaml.error().message;
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ(*yaml, *json);
  const Pod& pod = yaml->pods.at(0);
  EXPECT_EQ(pod.port, 9733);
  EXPECT_FALSE(pod.ready);
  EXPECT_TRUE(pod.deleting);
  EXPECT_EQ(pod.labels.at("version"), "2");
  EXPECT_EQ(pod.owner->name, "llm-7f");
  EXPECT_EQ(yaml->objects.at(0).pod_selector.at("app"), "llm");
}

TEST(PodsDocumentTest, AnUnsaidPodIsReadyAndHasNoSidecar) {
  const auto list = parse_pods_document("pods: [{namespace: ns, name: a}]");
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_TRUE(list->pods.at(0).ready);
  EXPECT_FALSE(list->pods.at(0).has_sidecar());
}

TEST(PodsDocumentTest, BadInputIsNamed) {
  const auto f = [](std::string_view text, std::string_view want) {
    SCOPED_TRACE(text);
    const auto list = parse_pods_document(text);
    ASSERT_FALSE(list);
    EXPECT_EQ(list.error().code, Errc::kBadInput);
    EXPECT_NE(list.error().message.find(want), std::string::npos) << list.error().message;
  };
  f("", "the document is empty");
  f("pods: [", "line");
  f("[1, 2]", "must be a map");
  f("pods: 3", "pods: 3 must be a list");
  f("pods: [3]", "pods[0]: 3 must be a map");
  f("pods: [{name: a}]", "pods[0].namespace: is required");
  f("pods: [{namespace: ns, name: a, redy: true}]", "pods[0].redy: is not a key here");
  f("pods: [{namespace: ns, name: 7}]", "pods[0].name: 7 must be text");
  f("pods: [{namespace: ns, name: a, ready: 1}]", "pods[0].ready: 1 must be true or false");
  f("pods: [{namespace: ns, name: a, port: 70000}]", "pods[0].port: 70000 must be in [0, 65535]");
  f("pods: [{namespace: ns, name: a, port: -1}]", "pods[0].port: -1 must be in");
  f("pods: [{namespace: ns, name: a, ip: nowhere}]", "pods[0].ip: \"nowhere\" is no IP address");
  f("pods: [{namespace: ns, name: a, labels: {v: 2}}]", "pods[0].labels.v: 2 must be text");
  f("pods: [{namespace: ns, name: a, owner: {kind: X}}]", "pods[0].owner.name: is required");
  f("objects: [{kind: Service, name: a}]", "objects[0].apiVersion: is required");
}

TEST(PodsDocumentTest, PodsThatShareWhatOnlyOneMayHaveAreNamedWithEachOther) {
  const auto f = [](std::string_view second, std::string_view want) {
    SCOPED_TRACE(second);
    const auto list = parse_pods_document(fmt::format(
        "pods: [{{namespace: ns, name: a, uid: u1, ip: 10.0.0.1, port: 9733}}, {}]", second));
    ASSERT_FALSE(list);
    EXPECT_EQ(list.error().message, want);
  };
  f("{namespace: ns, name: a}", "pods[1]: has the namespace and name ns/a of pods[0]");
  f("{namespace: ns, name: b, uid: u1}", "pods[1]: has the uid u1 of pods[0]");
  f("{namespace: ns, name: b, ip: 10.0.0.1, port: 9733}",
    "pods[1]: has the address 10.0.0.1:9733 of pods[0]");
}

TEST(PodsDocumentTest, PodsOnTheHostsNetworkMayShareAnAddressWithoutASidecar) {
  EXPECT_TRUE(parse_pods_document(
      "pods: [{namespace: ns, name: a, ip: 10.0.0.1}, {namespace: ns, name: b, ip: 10.0.0.1}]"));
}

TEST(PodsDocumentTest, EveryErrorIsToldAtOnceUpToABound) {
  const auto list = parse_pods_document("pods: [{name: a, port: x}, {namespace: ns}, 5]");
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().message,
            "pods[0].namespace: is required\n"
            "pods[0].port: \"x\" must be in [0, 65535]\n"
            "pods[1].name: is required\n"
            "pods[2]: 5 must be a map");
  std::string many = "pods: [";
  for (int i = 0; i < 60; ++i) many += "1,";
  const auto bounded = parse_pods_document(many + "1]");
  ASSERT_FALSE(bounded);
  EXPECT_TRUE(bounded.error().message.ends_with("... and 11 more")) << bounded.error().message;
}

}  // namespace
}  // namespace leadline
