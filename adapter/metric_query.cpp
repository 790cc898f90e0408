#include "adapter/metric_query.h"

#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace leadline {
namespace {

using Segments = std::span<const std::string>;

constexpr std::size_t kPrefix = 3;  // apis, group, version

std::optional<MetricApi> api_of(const RequestTarget& target) {
  const auto& segments = target.segments;
  if (segments.size() < kPrefix || segments[0] != "apis") return std::nullopt;
  const std::string& version = segments[2];
  if (segments[1] == "custom.metrics.k8s.io") {
    if (version == "v1beta1") return MetricApi::kCustomV1beta1;
    if (version == "v1beta2") return MetricApi::kCustomV1beta2;
  }
  if (segments[1] == "external.metrics.k8s.io" && version == "v1beta1") {
    return MetricApi::kExternalV1beta1;
  }
  return std::nullopt;
}

// Names that no client can send and no API server would serve.
bool is_impossible_metric(std::string_view metric) {
  return metric == "." || metric == ".." || metric.find('%') != std::string_view::npos;
}

void describe(MetricQuery& query, const std::string& resource, const std::string& object) {
  query.path_resource = resource;
  query.resource = find_described_resource(resource);
  query.form = object == "*" ? QueryForm::kAllObjects : QueryForm::kObject;
  if (query.form == QueryForm::kObject) query.object = object;
}

// Forms a and b: five segments that begin with `namespaces`. The HPA asks so for nodes too; what
// belongs to no namespace is then authorised for the whole cluster, or a reader of one namespace
// would read the sums of all.
void read_namespaced(MetricQuery& query, Segments path) {
  describe(query, path[2], path[3]);
  query.metric = path[4];
  const bool of_cluster = query.resource != nullptr && !query.resource->namespaced;
  if (!of_cluster) query.namespace_name = query.path_namespace = path[1];
}

// Form e: `P/namespaces/{ns}/metrics/{metric}`.
void read_namespace_itself(MetricQuery& query, Segments path) {
  query.form = QueryForm::kNamespace;
  query.resource = find_described_resource("namespaces");
  query.object = query.path_namespace = path[1];
  query.path_resource = "metrics";
  query.metric = path[3];
}

// Forms c and d: three segments.
void read_cluster_scoped(MetricQuery& query, Segments path) {
  describe(query, path[0], path[1]);
  query.metric = path[2];
}

std::optional<ApiError> read_custom_path(MetricQuery& query, const RequestTarget& target) {
  const Segments path = Segments(target.segments).subspan(kPrefix);
  const bool in_namespace = !path.empty() && path[0] == "namespaces";
  if (in_namespace && path.size() == 3) return bad_request("invalid request path");
  if (in_namespace && path.size() == 5) {
    read_namespaced(query, path);
  } else if (in_namespace && path.size() == 4 && path[2] == "metrics") {
    read_namespace_itself(query, path);
  } else if (!in_namespace && path.size() == 3) {
    read_cluster_scoped(query, path);
    if (query.resource != nullptr && query.resource->namespaced) {
      return metric_not_found({.metric = query.metric,
                               .resource = query.path_resource,
                               .why = "this resource is namespaced"});
    }
  } else {
    return path_not_found(target.path);
  }
  if (is_impossible_metric(query.metric)) return path_not_found(target.path);
  return std::nullopt;
}

std::optional<ApiError> read_external_path(MetricQuery& query, const RequestTarget& target) {
  const Segments path = Segments(target.segments).subspan(kPrefix);
  if (path.size() != 3 || path[0] != "namespaces" || is_impossible_metric(path[2])) {
    return path_not_found(target.path);
  }
  if (flag_is_set(target.parameter("watch"))) {
    return method_not_allowed(
        fmt::format("watch is not supported on resources of kind \"{}\"", path[2]));
  }
  query.form = QueryForm::kExternal;
  query.namespace_name = query.path_namespace = path[1];
  query.path_resource = query.metric = path[2];
  return std::nullopt;
}

std::optional<ApiError> read_selector(const RequestTarget& target, std::string_view parameter,
                                      LabelSelector& selector) {
  auto parsed = parse_label_selector(target.parameter(parameter).value_or(""));
  if (!parsed) {
    return bad_request(fmt::format("invalid {}: {}", parameter, parsed.error().message));
  }
  selector = std::move(*parsed);
  return std::nullopt;
}

// Go's handler uses one field only: metadata.name, which must be the path's own name.
std::optional<ApiError> check_field_selector(const RequestTarget& target) {
  std::string_view field = target.parameter("fieldSelector").value_or("");
  if (field.empty()) return std::nullopt;
  const auto& segments = target.segments;
  const bool itself = segments.size() == kPrefix + 4;
  const std::string& name = itself ? segments.back() : segments[segments.size() - 2];
  constexpr std::string_view kName = "metadata.name=";
  const bool known = field.starts_with(kName);
  if (known) field.remove_prefix(kName.size());
  if (known && field.starts_with('=')) field.remove_prefix(1);
  if (known && field == name) return std::nullopt;
  return bad_request("fieldSelector metadata.name doesn't match requested name");
}

std::optional<ApiError> read_custom(MetricQuery& query, const RequestTarget& target) {
  if (auto error = read_custom_path(query, target)) return error;
  if (auto error = check_field_selector(target)) return error;
  if (auto error = read_selector(target, "labelSelector", query.label_selector)) return error;
  // A single object is named, not selected: the parameter is checked and then ignored.
  if (query.form != QueryForm::kAllObjects) query.label_selector = {};
  return read_selector(target, "metricLabelSelector", query.metric_label_selector);
}

std::optional<ApiError> read_external(MetricQuery& query, const RequestTarget& target) {
  if (auto error = read_external_path(query, target)) return error;
  return read_selector(target, "labelSelector", query.label_selector);
}

}  // namespace

bool is_metric_path(const RequestTarget& target) {
  return api_of(target).has_value() && target.segments.size() > kPrefix;
}

ApiResult<MetricQuery> parse_metric_query(const RequestTarget& target) {
  const auto api = api_of(target);
  if (!api) return tl::unexpected(path_not_found(target.path));
  MetricQuery query;
  query.api = *api;
  auto error = *api == MetricApi::kExternalV1beta1 ? read_external(query, target)
                                                   : read_custom(query, target);
  if (error) return tl::unexpected(std::move(*error));
  return query;
}

}  // namespace leadline
