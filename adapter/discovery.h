// Discovery documents: which groups, versions, resources and metrics we serve. kube-apiserver and
// every client download them, and one failure stops every custom-metric HPA of the cluster, so they
// are made from memory alone, are never empty, bounded, and list each parent with one scope.
// Made when the catalogue changes; the bodies are kept and served as they are. Pure.
// Source: kubernetes-metrics-api.md §3.2, §3.3.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/content_negotiation.h"
#include "adapter/described_resource.h"
#include "adapter/json_text.h"

namespace leadline {

struct DiscoverableMetric {
  std::string name;
  std::vector<const DescribedResource*> resources;  // custom: what it describes; may be empty
  bool external = false;
};

struct DiscoveryOptions {
  bool external = true;          // whether external.metrics.k8s.io is ours in this cluster
  std::size_t max_listed = 500;  // entries per group version; 0 lists the dummy alone
};

// Both hold `name` once per parent, sorted: the same catalogue always gives the same bytes.
class Discovery {
 public:
  explicit Discovery(const std::vector<DiscoverableMetric>& metrics, DiscoveryOptions options = {});

  // GET /apis in the negotiated form.
  std::string groups(DiscoveryFormat format, JsonStyle style) const;

  // GET /apis/{group}; nullopt: 404.
  std::optional<std::string> group(std::string_view name, JsonStyle style) const;

  // GET /apis/{group}/{version}; nullopt: 404.
  std::optional<std::string> resources(std::string_view group, std::string_view version,
                                       JsonStyle style) const;

 private:
  // A metric under its parent; `parent` is nullptr for External.
  struct Entry {
    const DescribedResource* parent = nullptr;
    std::string metric;
  };

  std::vector<Entry> custom_;    // sorted by parent name, then metric; never empty
  std::vector<Entry> external_;  // sorted; never empty where external is served
};

// A strong ETag of a body, in its quotes: the same bytes have the same tag in every replica.
std::string etag_of(std::string_view body);

}  // namespace leadline
