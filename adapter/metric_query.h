// Reads what a request to custom.metrics.k8s.io or external.metrics.k8s.io asks for. Used by the
// API server, which then authorises (§5.4), looks the metric up in the catalogue and answers. Pure.
// Source: kubernetes-metrics-api.md §1.2, §1.3, §2.1. `P` is /apis/{group}/{version}.

#pragma once

#include <optional>
#include <string>

#include "adapter/api_error.h"
#include "adapter/described_resource.h"
#include "adapter/label_selector.h"
#include "adapter/request_target.h"

namespace leadline {

enum class MetricApi { kCustomV1beta1, kCustomV1beta2, kExternalV1beta1 };

enum class QueryForm {
  kObject,      // a P/namespaces/{ns}/{resource}/{name}/{metric}, c P/{resource}/{name}/{metric}
  kAllObjects,  // b and d: the same with `*` for the name
  kNamespace,   // e P/namespaces/{ns}/metrics/{metric}: the namespace itself
  kExternal,    // P/namespaces/{ns}/{metric}
};

struct MetricQuery {
  MetricApi api = MetricApi::kCustomV1beta1;
  QueryForm form = QueryForm::kObject;

  // What to look up. `namespace_name` is empty for a cluster-scoped resource, whatever the path
  // says (the HPA names nodes under its own namespace); for kNamespace it is empty and `object`
  // names it.
  std::string namespace_name;
  const DescribedResource* resource = nullptr;  // nullptr: external, or a resource we do not know
  std::string object;                           // empty for kAllObjects and kExternal
  std::string metric;                           // decoded, case kept

  LabelSelector label_selector;         // of the objects; for External of the series
  LabelSelector metric_label_selector;  // of the series; custom only

  // The request as written, for authorisation and messages; no namespace for what belongs to none.
  std::string path_namespace;
  std::string path_resource;  // `pods`, `deployments.apps`; `metrics` for kNamespace
};

// Whether a target lies under one of the two groups' known versions and below it: the rest is
// discovery's, or nobody's.
bool is_metric_path(const RequestTarget& target);

// Errors: 400 for `P/namespaces/{ns}/{x}` and for bad selectors, 404 for every other shape and for
// a namespaced resource without a namespace, 405 for a watch on External.
[[nodiscard]] ApiResult<MetricQuery> parse_metric_query(const RequestTarget& target);

}  // namespace leadline
