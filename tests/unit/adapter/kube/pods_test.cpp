#include "adapter/kube/pods.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

using Names = std::vector<std::string>;

TEST(KubeMirrorTest, AListReplacesEverythingOnceItIsComplete) {
  KubeMirror<int> mirror;
  EXPECT_FALSE(mirror.complete());
  mirror.begin_list();
  EXPECT_FALSE(mirror.put("a", 1)) << "readers see nothing of it yet";
  EXPECT_TRUE(mirror.objects().empty());
  mirror.put("b", 2);
  mirror.end_list();
  EXPECT_TRUE(mirror.complete());
  EXPECT_EQ(mirror.objects(), (std::map<std::string, int>{{"a", 1}, {"b", 2}}));

  mirror.begin_list();
  mirror.put("b", 3);
  EXPECT_EQ(mirror.objects().size(), 2U) << "the old ones are there until the new ones are";
  mirror.begin_list();  // the first one broke off
  mirror.put("c", 4);
  mirror.end_list();
  EXPECT_EQ(mirror.objects(), (std::map<std::string, int>{{"c", 4}}));
}

TEST(KubeMirrorTest, ChangesAreTakenOneByOne) {
  KubeMirror<int> mirror;
  mirror.begin_list();
  mirror.end_list();
  EXPECT_TRUE(mirror.put("a", 1));
  EXPECT_FALSE(mirror.put("a", 1)) << "no news";
  EXPECT_TRUE(mirror.put("a", 2));
  EXPECT_TRUE(mirror.put("b", 3));
  EXPECT_TRUE(mirror.drop("b"));
  EXPECT_FALSE(mirror.drop("never"));
  EXPECT_EQ(mirror.objects(), (std::map<std::string, int>{{"a", 2}}));
}

Pod pod(const std::string& name, std::uint16_t port, std::optional<PodOwner> owner = {}) {
  return {.namespace_name = "ns",
          .name = name,
          .uid = {},
          .ip = {},
          .port = port,
          .node = {},
          .ready = true,
          .deleting = false,
          .labels = {{"pod-template-hash", "7f"}},
          .owner = std::move(owner)};
}

KubeObject object(const char* kind, const std::string& space, const std::string& name) {
  return {.api_version = "v1",
          .kind = kind,
          .namespace_name = space,
          .name = name,
          .labels = {},
          .pod_selector = {}};
}

Names pods_of(const std::vector<Pod>& pods) {
  std::map<std::string, Pod> known;
  for (const Pod& one : pods) known[one.name] = one;
  Names names;
  for (const Pod& one : pod_list_of(known, {}, {}).pods) names.push_back(one.name);
  return names;
}

// A rolling injection: while the first pods have a sidecar, the others must still be counted.
TEST(PodListOfTest, OneSidecarBringsItsWholeWorkload) {
  const PodOwner d{"apps/v1", "ReplicaSet", "d-7f"};
  const PodOwner e{"apps/v1", "ReplicaSet", "e-7f"};
  EXPECT_EQ(pods_of({pod("d1", 9733, d), pod("d2", 0, d), pod("e1", 0, e)}), (Names{"d1", "d2"}));
  EXPECT_EQ(pods_of({pod("alone", 0), pod("with", 9733)}), Names{"with"});
}

TEST(PodListOfTest, TwoReplicaSetsOfOneDeploymentAreOneWorkload) {
  Pod new_one = pod("new", 9733, PodOwner{"apps/v1", "ReplicaSet", "d-99"});
  new_one.labels["pod-template-hash"] = "99";
  EXPECT_EQ(pods_of({new_one, pod("old", 0, PodOwner{"apps/v1", "ReplicaSet", "d-7f"})}),
            (Names{"new", "old"}));
}

TEST(PodListOfTest, AWorkloadOfTheSameNameElsewhereIsAnother) {
  const PodOwner d{"apps/v1", "StatefulSet", "d"};
  Pod elsewhere = pod("elsewhere", 0, d);
  elsewhere.namespace_name = "other";
  EXPECT_EQ(pods_of({pod("here", 9733, d), elsewhere}), Names{"here"});
}

TEST(PodListOfTest, ServicesOfThePodsNamespacesAndAllNodesComeAlong) {
  const PodList list = pod_list_of(
      {{"ns/p", pod("p", 9733)}},
      {{"ns/s", object("Service", "ns", "s")}, {"other/s", object("Service", "other", "s")}},
      {{"n1", object("Node", "", "n1")}});
  Names names;
  for (const KubeObject& one : list.objects) names.push_back(one.kind + one.namespace_name);
  EXPECT_EQ(names, (Names{"Servicens", "Node"}));
}

}  // namespace
}  // namespace leadline
