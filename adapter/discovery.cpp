#include "adapter/discovery.h"

#include <algorithm>
#include <array>
#include <span>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "adapter/sha256.h"

namespace leadline {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kCustomGroup = "custom.metrics.k8s.io";
constexpr std::string_view kExternalGroup = "external.metrics.k8s.io";

// Preferred first: the HPA takes v1beta2 where it can (§3.6).
constexpr std::array<std::string_view, 2> kCustomVersions = {"v1beta2", "v1beta1"};
constexpr std::array<std::string_view, 1> kExternalVersions = {"v1beta1"};

// An empty resource list makes every kubectl and helm call print an error; KEDA's dummy for
// External has the same name. Under pods, since a sub-resource is invisible in `kubectl
// api-resources`.
constexpr std::string_view kCustomDummy = "custommetrics";
constexpr std::string_view kExternalDummy = "externalmetrics";

std::span<const std::string_view> versions_of(std::string_view group) {
  if (group == kCustomGroup) return kCustomVersions;
  return kExternalVersions;
}

Json version_entry(std::string_view group, std::string_view version) {
  return {{"groupVersion", fmt::format("{}/{}", group, version)}, {"version", version}};
}

Json group_entry(std::string_view group) {
  Json versions = Json::array();
  for (const auto version : versions_of(group)) versions.push_back(version_entry(group, version));
  return {{"name", group},
          {"versions", std::move(versions)},
          {"preferredVersion", version_entry(group, versions_of(group).front())}};
}

Json response_kind(std::string_view kind) {
  return {{"group", ""}, {"version", ""}, {"kind", kind}};
}

std::string_view scope_of(const DescribedResource& resource) {
  return resource.namespaced ? "Namespaced" : "Cluster";
}

Json aggregated_parent(const DescribedResource& parent) {
  return {
      {"resource", parent.name}, {"scope", scope_of(parent)}, {"responseKind", response_kind("")},
      {"singularResource", ""},  {"verbs", Json::array()},    {"subresources", Json::array()}};
}

// A kind of its own for each external metric. kubectl maps a resource to its kind and the kind back
// to a resource: with one kind for all, `kubectl get queue_depth` would show whichever is listed
// last.
std::string external_kind(std::string_view metric) {
  return fmt::format("ExternalMetricValueList_{}", metric);
}

Json aggregated_external(std::string_view metric) {
  return {{"resource", metric},
          {"scope", "Namespaced"},
          {"responseKind", response_kind(external_kind(metric))},
          {"singularResource", ""},
          {"verbs", {"get"}}};
}

Json aggregated_subresource(std::string_view metric) {
  return {{"subresource", metric},
          {"responseKind", response_kind("MetricValueList")},
          {"verbs", {"get"}}};
}

// Entries sorted by parent: each parent's sub-resources follow one another.
template <typename Entries>
Json aggregated_resources(const Entries& entries) {
  Json resources = Json::array();
  const DescribedResource* last = nullptr;
  for (const auto& entry : entries) {
    if (entry.parent == nullptr) {
      resources.push_back(aggregated_external(entry.metric));
      continue;
    }
    if (entry.parent != last) resources.push_back(aggregated_parent(*entry.parent));
    last = entry.parent;
    resources.back()["subresources"].push_back(aggregated_subresource(entry.metric));
  }
  return resources;
}

Json aggregated_group(std::string_view group, const Json& resources) {
  Json versions = Json::array();
  for (const auto version : versions_of(group)) {
    versions.push_back({{"version", version}, {"resources", resources}, {"freshness", "Current"}});
  }
  return {{"metadata", {{"name", group}, {"creationTimestamp", nullptr}}},
          {"versions", std::move(versions)}};
}

Json resource_entry(std::string_view name, bool namespaced, std::string_view kind) {
  return {{"name", name},
          {"singularName", ""},
          {"namespaced", namespaced},
          {"kind", kind},
          {"verbs", {"get"}}};
}

// Sorts, removes doubles, keeps the first `bound`, and puts the dummy where nothing is left.
template <typename Entry>
void settle(std::vector<Entry>& entries, std::size_t bound, Entry dummy) {
  const auto order = [](const Entry& entry) {
    return std::tuple(entry.parent == nullptr ? std::string_view() : entry.parent->name,
                      std::string_view(entry.metric));
  };
  std::ranges::sort(entries, {}, order);
  const auto doubles = std::ranges::unique(entries, {}, order);
  entries.erase(doubles.begin(), doubles.end());
  if (entries.size() > bound)
    entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(bound), entries.end());
  if (entries.empty()) entries.push_back(std::move(dummy));
}

}  // namespace

Discovery::Discovery(const std::vector<DiscoverableMetric>& metrics, DiscoveryOptions options) {
  for (const auto& metric : metrics) {
    for (const auto* parent : metric.resources) custom_.push_back({parent, metric.name});
    if (metric.external && options.external) external_.push_back({nullptr, metric.name});
  }
  settle(custom_, options.max_listed,
         Entry{find_described_resource("pods"), std::string(kCustomDummy)});
  if (options.external) {
    settle(external_, options.max_listed, Entry{nullptr, std::string(kExternalDummy)});
  }
}

std::string Discovery::groups(DiscoveryFormat format, JsonStyle style) const {
  if (format == DiscoveryFormat::kLegacy) {
    Json groups = Json::array({group_entry(kCustomGroup)});
    if (!external_.empty()) groups.push_back(group_entry(kExternalGroup));
    return to_text({{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(groups)}},
                   style);
  }
  Json items = Json::array({aggregated_group(kCustomGroup, aggregated_resources(custom_))});
  if (!external_.empty()) {
    items.push_back(aggregated_group(kExternalGroup, aggregated_resources(external_)));
  }
  const char* version = format == DiscoveryFormat::kAggregatedV2 ? "apidiscovery.k8s.io/v2"
                                                                 : "apidiscovery.k8s.io/v2beta1";
  return to_text({{"kind", "APIGroupDiscoveryList"},
                  {"apiVersion", version},
                  {"metadata", Json::object()},
                  {"items", std::move(items)}},
                 style);
}

std::optional<std::string> Discovery::group(std::string_view name, JsonStyle style) const {
  const bool known = name == kCustomGroup || (name == kExternalGroup && !external_.empty());
  if (!known) return std::nullopt;
  Json json = {{"kind", "APIGroup"}, {"apiVersion", "v1"}};
  json.update(group_entry(name));
  return to_text(json, style);
}

std::optional<std::string> Discovery::resources(std::string_view group, std::string_view version,
                                                JsonStyle style) const {
  const bool custom = group == kCustomGroup;
  if (!custom && (group != kExternalGroup || external_.empty())) return std::nullopt;
  const auto versions = versions_of(group);
  if (std::ranges::find(versions, version) == versions.end()) return std::nullopt;
  Json resources = Json::array();
  for (const auto& entry : custom ? custom_ : external_) {
    resources.push_back(custom
                            ? resource_entry(fmt::format("{}/{}", entry.parent->name, entry.metric),
                                             entry.parent->namespaced, "MetricValueList")
                            : resource_entry(entry.metric, true, external_kind(entry.metric)));
  }
  return to_text({{"kind", "APIResourceList"},
                  {"apiVersion", "v1"},
                  {"groupVersion", fmt::format("{}/{}", group, version)},
                  {"resources", std::move(resources)}},
                 style);
}

std::string etag_of(std::string_view body) {
  return "\"" + sha256_hex(body, 32) + "\"";
}

}  // namespace leadline
