#include "adapter/pod_index.h"

#include <gtest/gtest.h>

#include "tests/unit/adapter/view_builder.h"

namespace leadline {
namespace {

using test::pod_of;

PodIndex index_of_pods(std::vector<Pod> pods, std::vector<KubeObject> objects = {}) {
  return PodIndex(std::make_shared<const PodList>(PodList{std::move(pods), std::move(objects)}));
}

TEST(PodIndexTest, ADeploymentIsFoundThroughItsReplicaSet) {
  const PodIndex index = index_of_pods({pod_of("a"), pod_of("b")});
  const ObjectPods* deployment = index.object("Deployment", "ns", "llm");
  ASSERT_NE(deployment, nullptr);
  EXPECT_EQ(deployment->pods, (std::vector<PodNumber>{0, 1}));
  EXPECT_EQ(deployment->api_version, "apps/v1");
  ASSERT_NE(index.object("ReplicaSet", "ns", "llm-7f"), nullptr);
  EXPECT_EQ(index.workload_of(0).kind, "Deployment");
}

TEST(PodIndexTest, ControllersComeFromOwnersAndWellKnownLabels) {
  const auto f = [](const PodOwner& owner, const Labels& labels, std::string_view want) {
    Pod pod = pod_of("a");
    pod.owner = owner;
    pod.labels = labels;
    const auto scaled = scaled_controller_of(pod);
    EXPECT_EQ(scaled ? scaled->kind + "/" + scaled->name : "none", want);
  };
  f({"apps/v1", "StatefulSet", "llm"}, {}, "StatefulSet/llm");
  f({"apps/v1", "ReplicaSet", "llm-7f"}, {{"pod-template-hash", "7f"}}, "Deployment/llm");
  f({"apps/v1", "ReplicaSet", "own"}, {}, "ReplicaSet/own");
  f({"apps/v1", "ReplicaSet", "-7f"}, {{"pod-template-hash", "7f"}}, "ReplicaSet/-7f");
  f({"apps/v1", "StatefulSet", "set-0"}, {{"leaderworkerset.sigs.k8s.io/name", "set"}},
    "LeaderWorkerSet/set");
  f({"apps/v1", "ReplicaSet", "p-7f"},
    {{"pod-template-hash", "7f"}, {"serving.kserve.io/inferenceservice", "chat"}}, "Deployment/p");
}

TEST(PodIndexTest, AnInferenceServiceDescribesItsPods) {
  Pod pod = pod_of("a");
  pod.labels["serving.kserve.io/inferenceservice"] = "chat";
  const PodIndex index = index_of_pods({pod});
  ASSERT_NE(index.object("InferenceService", "ns", "chat"), nullptr);
}

TEST(PodIndexTest, ADeletingPodIsInNoAnswer) {
  Pod gone = pod_of("b");
  gone.deleting = true;
  const PodIndex index = index_of_pods({pod_of("a"), gone});
  EXPECT_EQ(index.in_namespace("ns"), std::vector<PodNumber>{0});
  EXPECT_EQ(index.object("Pod", "ns", "b"), nullptr);
  EXPECT_EQ(index.object("Deployment", "ns", "llm")->pods, std::vector<PodNumber>{0});
  EXPECT_EQ(index.object("Node", "", "n1")->pods, std::vector<PodNumber>{0});
}

TEST(PodIndexTest, AServiceStandsForThePodsThatItSelects) {
  const KubeObject service{"v1", "Service", "ns", "front", {{"tier", "web"}}, {{"app", "llm"}}};
  const KubeObject nobody{"v1", "Service", "ns", "headless", {}, {}};
  Pod elsewhere = pod_of("c");
  elsewhere.namespace_name = "other";
  const PodIndex index =
      index_of_pods({pod_of("a"), pod_of("b", "chat"), elsewhere}, {service, nobody});
  EXPECT_EQ(index.object("Service", "ns", "front")->pods, std::vector<PodNumber>{0});
  EXPECT_EQ(index.object("Service", "ns", "front")->labels.at("tier"), "web");
  EXPECT_TRUE(index.object("Service", "ns", "headless")->pods.empty());
}

TEST(PodIndexTest, ObjectsOfAKindComeByNameWithinTheirNamespace) {
  const KubeObject zone{"v1", "Node", "", "n1", {{"zone", "a"}}, {}};
  const PodIndex index = index_of_pods({pod_of("a", "x"), pod_of("b", "c")}, {zone});
  const auto& found = index.objects("Deployment", "ns");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found.begin()->second.name, "c");
  EXPECT_EQ(found.rbegin()->second.name, "x");
  EXPECT_TRUE(index.objects("Deployment", "other").empty());
  EXPECT_EQ(index.object("Node", "", "n1")->labels.at("zone"), "a");
  EXPECT_EQ(index.object("Namespace", "", "ns")->pods.size(), 2U);
}

TEST(PodIndexTest, APodWithoutAControllerIsItsOwnWorkload) {
  Pod bare = pod_of("a");
  bare.owner.reset();
  bare.port = 0;
  const PodIndex index = index_of_pods({bare, pod_of("b")});
  EXPECT_EQ(index.workload_of(0).kind, "Pod");
  EXPECT_FALSE(index.workload_of(0).has_sidecar);
  EXPECT_TRUE(index.workload_of(1).has_sidecar);
}

}  // namespace
}  // namespace leadline
