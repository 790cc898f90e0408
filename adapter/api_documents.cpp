#include "adapter/api_documents.h"

#include <array>
#include <vector>

#include <fmt/format.h>

#include "adapter/discovery.h"

namespace leadline {
namespace {

constexpr std::array<std::array<const char*, 2>, 3> kVersions = {
    {{"custom.metrics.k8s.io", "v1beta1"},
     {"custom.metrics.k8s.io", "v1beta2"},
     {"external.metrics.k8s.io", "v1beta1"}}};

std::vector<DiscoverableMetric> discoverable(const Catalogue& catalogue,
                                             std::span<const std::string_view> external_names) {
  std::vector<DiscoverableMetric> metrics;
  for (const CatalogueEntry& entry : catalogue.entries()) {
    DiscoverableMetric metric{.name = entry.name, .resources = {}, .external = true};
    for (const DescribedResource& resource : described_resources()) {
      if (resource.kind != "Pod" || entry.describes_pods()) metric.resources.push_back(&resource);
    }
    metrics.push_back(std::move(metric));
  }
  for (const std::string_view name : external_names) {
    metrics.push_back({.name = std::string(name), .resources = {}, .external = true});
  }
  return metrics;
}

ApiDocument in_both_styles(const nlohmann::ordered_json& json) {
  return {to_text(json, JsonStyle::kCompact), to_text(json, JsonStyle::kPretty)};
}

// What kubectl and client-go read of it is major, minor and gitVersion.
ApiDocument version_document() {
  const std::string version = LEADLINE_VERSION;
  const auto dot = version.find('.');
  const auto second = version.find('.', dot + 1);
  return in_both_styles({{"major", version.substr(0, dot)},
                         {"minor", version.substr(dot + 1, second - dot - 1)},
                         {"gitVersion", "v" + version},
                         {"platform", "linux"}});
}

}  // namespace

ApiDocuments::ApiDocuments(const Catalogue& catalogue,
                           std::span<const std::string_view> external_names) {
  const Discovery discovery(discoverable(catalogue, external_names));
  constexpr auto kCompact = JsonStyle::kCompact;
  constexpr auto kPretty = JsonStyle::kPretty;
  for (const auto format : {DiscoveryFormat::kAggregatedV2, DiscoveryFormat::kAggregatedV2beta1,
                            DiscoveryFormat::kLegacy}) {
    groups_[format] = {discovery.groups(format, kCompact), discovery.groups(format, kPretty)};
  }
  for (const auto& [group, version] : kVersions) {
    by_path_[fmt::format("/apis/{}", group)] = {discovery.group(group, kCompact).value_or(""),
                                                discovery.group(group, kPretty).value_or("")};
    by_path_[fmt::format("/apis/{}/{}", group, version)] = {
        discovery.resources(group, version, kCompact).value_or(""),
        discovery.resources(group, version, kPretty).value_or("")};
  }
  by_path_["/version"] = version_document();
  std::vector<std::string> paths = {"/apis", "/healthz", "/livez", "/readyz"};
  for (const auto& [path, document] : by_path_) paths.push_back(path);
  by_path_["/"] = in_both_styles({{"paths", paths}});
}

const ApiDocument& ApiDocuments::groups(DiscoveryFormat format) const {
  return groups_.at(format);
}

const ApiDocument* ApiDocuments::at(std::string_view path) const {
  const auto found = by_path_.find(path);
  return found == by_path_.end() ? nullptr : &found->second;
}

}  // namespace leadline
