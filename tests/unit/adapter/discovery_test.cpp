#include "adapter/discovery.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace leadline {
namespace {

using nlohmann::json;

constexpr std::string_view kCustom = "custom.metrics.k8s.io";
constexpr std::string_view kExternal = "external.metrics.k8s.io";
constexpr auto kCompact = JsonStyle::kCompact;

std::vector<DiscoverableMetric> queue_depth_only() {
  return {{"queue_depth", {find_described_resource("pods")}, true}};
}

json resources_of(const Discovery& discovery, std::string_view group, std::string_view version) {
  return json::parse(discovery.resources(group, version, kCompact).value_or("null"));
}

TEST(DiscoveryTest, AggregatedDocumentHasTheShapeThatKubectlReads) {
  const std::string body =
      Discovery(queue_depth_only()).groups(DiscoveryFormat::kAggregatedV2, kCompact);
  const std::string resources =
      R"("resources":[{"resource":"pods","scope":"Namespaced",)"
      R"("responseKind":{"group":"","version":"","kind":""},"singularResource":"","verbs":[],)"
      R"("subresources":[{"subresource":"queue_depth",)"
      R"("responseKind":{"group":"","version":"","kind":"MetricValueList"},"verbs":["get"]}]}],)"
      R"("freshness":"Current"})";
  EXPECT_EQ(body,
            R"({"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2",)"
            R"("metadata":{},"items":[{"metadata":{"name":"custom.metrics.k8s.io",)"
            R"("creationTimestamp":null},"versions":[{"version":"v1beta2",)" +
                resources + R"(,{"version":"v1beta1",)" + resources +
                R"(]},{"metadata":{"name":"external.metrics.k8s.io","creationTimestamp":null},)"
                R"("versions":[{"version":"v1beta1","resources":[{"resource":"queue_depth",)"
                R"("scope":"Namespaced","responseKind":{"group":"","version":"",)"
                R"("kind":"ExternalMetricValueList_queue_depth"},"singularResource":"",)"
                R"("verbs":["get"]}],"freshness":"Current"}]}]})"
                "\n");
}

TEST(DiscoveryTest, V2beta1DiffersInItsVersionOnly) {
  const Discovery discovery(queue_depth_only());
  auto v2 = json::parse(discovery.groups(DiscoveryFormat::kAggregatedV2, kCompact));
  const auto v2beta1 = json::parse(discovery.groups(DiscoveryFormat::kAggregatedV2beta1, kCompact));
  EXPECT_EQ(v2beta1["apiVersion"], "apidiscovery.k8s.io/v2beta1");
  v2["apiVersion"] = v2beta1["apiVersion"];
  EXPECT_EQ(v2, v2beta1);
}

TEST(DiscoveryTest, LegacyDocuments) {
  const Discovery discovery(queue_depth_only());
  EXPECT_EQ(
      discovery.groups(DiscoveryFormat::kLegacy, kCompact),
      R"({"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"custom.metrics.k8s.io",)"
      R"("versions":[{"groupVersion":"custom.metrics.k8s.io/v1beta2","version":"v1beta2"},)"
      R"({"groupVersion":"custom.metrics.k8s.io/v1beta1","version":"v1beta1"}],)"
      R"("preferredVersion":{"groupVersion":"custom.metrics.k8s.io/v1beta2",)"
      R"("version":"v1beta2"}},{"name":"external.metrics.k8s.io","versions":[{"groupVersion":)"
      R"("external.metrics.k8s.io/v1beta1","version":"v1beta1"}],"preferredVersion":)"
      R"({"groupVersion":"external.metrics.k8s.io/v1beta1","version":"v1beta1"}}]})"
      "\n");
  EXPECT_EQ(discovery.group(kExternal, kCompact),
            R"({"kind":"APIGroup","apiVersion":"v1","name":"external.metrics.k8s.io","versions":)"
            R"([{"groupVersion":"external.metrics.k8s.io/v1beta1","version":"v1beta1"}],)"
            R"("preferredVersion":{"groupVersion":"external.metrics.k8s.io/v1beta1",)"
            R"("version":"v1beta1"}})"
            "\n");
  EXPECT_EQ(discovery.resources(kCustom, "v1beta1", kCompact),
            R"({"kind":"APIResourceList","apiVersion":"v1",)"
            R"("groupVersion":"custom.metrics.k8s.io/v1beta1","resources":[)"
            R"({"name":"pods/queue_depth","singularName":"","namespaced":true,)"
            R"("kind":"MetricValueList","verbs":["get"]}]})"
            "\n");
  EXPECT_EQ(discovery.resources(kExternal, "v1beta1", kCompact),
            R"({"kind":"APIResourceList","apiVersion":"v1",)"
            R"("groupVersion":"external.metrics.k8s.io/v1beta1","resources":[)"
            R"({"name":"queue_depth","singularName":"","namespaced":true,)"
            R"("kind":"ExternalMetricValueList_queue_depth","verbs":["get"]}]})"
            "\n");
}

// kubectl finds a resource by its kind, so two metrics must not share one.
TEST(DiscoveryTest, EachExternalMetricHasAKindOfItsOwn) {
  const Discovery discovery({{"queue_depth", {}, true}, {"ttft_slo_miss_percent", {}, true}});
  const auto list = json::parse(*discovery.resources(kExternal, "v1beta1", kCompact));
  ASSERT_EQ(list["resources"].size(), 2u);
  EXPECT_NE(list["resources"][0]["kind"], list["resources"][1]["kind"]);
}

TEST(DiscoveryTest, UnknownGroupsAndVersionsAreNotFound) {
  const Discovery discovery({});
  EXPECT_FALSE(discovery.group("metrics.k8s.io", kCompact));
  EXPECT_FALSE(discovery.resources("metrics.k8s.io", "v1beta1", kCompact));
  EXPECT_FALSE(discovery.resources(kCustom, "v1", kCompact));
  EXPECT_FALSE(discovery.resources(kExternal, "v1beta2", kCompact));
  EXPECT_TRUE(discovery.resources(kCustom, "v1beta2", kCompact));
}

TEST(DiscoveryTest, NeverEmpty) {
  const Discovery discovery({});
  EXPECT_EQ(resources_of(discovery, kCustom, "v1beta2")["resources"][0]["name"],
            "pods/custommetrics");
  EXPECT_EQ(resources_of(discovery, kExternal, "v1beta1")["resources"][0]["name"],
            "externalmetrics");
  const Discovery none_listed(queue_depth_only(), {.max_listed = 0});
  EXPECT_EQ(resources_of(none_listed, kExternal, "v1beta1"),
            resources_of(discovery, kExternal, "v1beta1"));
}

TEST(DiscoveryTest, ExternalVanishesWhereItIsNotOurs) {
  const Discovery discovery(queue_depth_only(), {.external = false});
  EXPECT_FALSE(discovery.group(kExternal, kCompact));
  EXPECT_FALSE(discovery.resources(kExternal, "v1beta1", kCompact));
  for (const auto format : {DiscoveryFormat::kLegacy, DiscoveryFormat::kAggregatedV2}) {
    EXPECT_EQ(discovery.groups(format, kCompact).find(kExternal), std::string::npos);
  }
}

TEST(DiscoveryTest, ListsAtMostItsBoundPerVersion) {
  std::vector<DiscoverableMetric> metrics;
  for (int i = 0; i < 2000; ++i) {
    metrics.push_back({fmt::format("m{}", i), {find_described_resource("pods")}, true});
  }
  const Discovery discovery(metrics);
  EXPECT_EQ(resources_of(discovery, kCustom, "v1beta1")["resources"].size(), 500U);
  EXPECT_EQ(resources_of(discovery, kExternal, "v1beta1")["resources"].size(), 500U);
}

TEST(DiscoveryTest, SameCatalogueGivesTheSameBytesWhateverItsOrder) {
  std::vector<DiscoverableMetric> metrics;
  for (const auto* name : {"b", "a", "c", "a"}) {
    metrics.push_back(
        {name, {find_described_resource("nodes"), find_described_resource("pods")}, true});
  }
  const std::string body = Discovery(metrics).groups(DiscoveryFormat::kAggregatedV2, kCompact);
  std::ranges::reverse(metrics);
  const std::string again = Discovery(metrics).groups(DiscoveryFormat::kAggregatedV2, kCompact);
  EXPECT_EQ(body, again);
  EXPECT_EQ(etag_of(body), etag_of(again));
  EXPECT_NE(etag_of(body), etag_of(Discovery({}).groups(DiscoveryFormat::kAggregatedV2, kCompact)));
  EXPECT_EQ(etag_of(""), "\"e3b0c44298fc1c149afbf4c8996fb924\"");
}

// A parent listed with two scopes makes the group version Stale and stops every custom-metric HPA.
void expect_sound(const Discovery& discovery) {
  std::map<std::string, bool> scopes;
  for (const auto version : {"v1beta1", "v1beta2"}) {
    const json list = resources_of(discovery, kCustom, version);
    ASSERT_FALSE(list["resources"].empty());
    for (const auto& entry : list["resources"]) {
      const std::string name = entry["name"];
      const std::string parent = name.substr(0, name.find('/'));
      const auto [known, added] = scopes.emplace(parent, entry["namespaced"]);
      EXPECT_EQ(known->second, entry["namespaced"].get<bool>()) << name;
      EXPECT_EQ(entry["verbs"], json::array({"get"}));
      EXPECT_FALSE(entry["kind"].get<std::string>().empty());
    }
  }
  const json groups = json::parse(discovery.groups(DiscoveryFormat::kAggregatedV2, kCompact));
  for (const auto& version : groups["items"][0]["versions"]) {
    std::set<std::string> parents;
    for (const auto& resource : version["resources"]) {
      EXPECT_TRUE(parents.insert(resource["resource"]).second) << resource["resource"];
      EXPECT_EQ(resource["scope"] == "Namespaced", scopes.at(resource["resource"]));
    }
  }
}

TEST(DiscoveryTest, NoCatalogueListsAParentWithTwoScopes) {
  unsigned state = 1;
  const auto random = [&state](unsigned below) {
    state = state * 1664525U + 1013904223U;
    return (state >> 8U) % below;
  };
  const auto all = described_resources();
  for (int round = 0; round < 50; ++round) {
    std::vector<DiscoverableMetric> metrics(random(30));
    for (auto& metric : metrics) {
      metric.name = fmt::format("m{}", random(20));
      metric.external = random(2) == 1;
      for (unsigned i = random(6); i > 0; --i) {
        metric.resources.push_back(&all[random(static_cast<unsigned>(all.size()))]);
      }
    }
    SCOPED_TRACE(round);
    expect_sound(Discovery(metrics, {.external = random(2) == 1, .max_listed = random(40)}));
  }
}

}  // namespace
}  // namespace leadline
