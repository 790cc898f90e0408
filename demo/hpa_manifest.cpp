#include "demo/hpa_manifest.h"

#include <yaml-cpp/yaml.h>

#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "engine/scaling/quantity.h"

namespace leadline {
namespace {

// Collects every problem of the manifest; a field that cannot be read keeps its default.
class Problems {
 public:
  template <typename... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    text_ += (text_.empty() ? "" : "\n") + fmt::format(format, std::forward<Args>(args)...);
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// What stands under `key`; undefined where `node` is no map or has no such key.
YAML::Node child(const YAML::Node& node, const char* key) {
  return node && node.IsMap() ? node[key] : YAML::Node(YAML::NodeType::Undefined);
}

std::string text_at(const YAML::Node& node, const char* key, Problems& problems,
                    const char* otherwise = nullptr) {
  const YAML::Node value = child(node, key);
  if (value && value.IsScalar()) return value.Scalar();
  if (otherwise != nullptr) return otherwise;
  problems.add("{}: missing", key);
  return {};
}

std::int32_t number_at(const YAML::Node& node, const char* key, std::int32_t otherwise,
                       Problems& problems) {
  const YAML::Node value = child(node, key);
  if (!value) return otherwise;
  std::int32_t number = otherwise;
  if (!YAML::convert<std::int32_t>::decode(value, number) || number < 0) {
    problems.add("{} = {}, must be a whole number >= 0", key,
                 value.IsScalar() ? value.Scalar() : "?");
  }
  return number;
}

std::int64_t milli_of(const std::string& quantity, const char* key, Problems& problems) {
  const auto value = milli_of_quantity(quantity);
  if (value && *value > 0) return *value;
  problems.add("{} = \"{}\", must be a quantity above 0 such as 20 or 500m", key, quantity);
  return 1;
}

std::string kind_to_resource(const std::string& kind, Problems& problems) {
  if (kind == "Deployment") return "deployments.apps";
  if (kind == "StatefulSet") return "statefulsets.apps";
  if (kind == "Service") return "services";
  if (kind == "Namespace") return "namespaces";
  problems.add("describedObject.kind = {}: the demo knows Deployment, StatefulSet, Service", kind);
  return {};
}

void read_goal(const YAML::Node& goal, MetricSpec& metric, Problems& problems) {
  const std::string type = text_at(goal, "type", problems);
  const bool average = type == "AverageValue";
  if (!average && type != "Value") problems.add("type = {}, must be Value or AverageValue", type);
  metric.goal_type = average ? GoalType::kAverageValue : GoalType::kValue;
  const char* key = average ? "averageValue" : "value";
  metric.goal_milli = milli_of(text_at(goal, key, problems), key, problems);
}

std::string encoded_labels(const YAML::Node& selector) {
  std::string text;
  if (!selector || !child(selector, "matchLabels")) return text;
  for (const auto& label : child(selector, "matchLabels")) {
    text += (text.empty() ? "" : "%2C") + label.first.Scalar() + "%3D" + label.second.Scalar();
  }
  return text;
}

constexpr const char* kCustom = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/";
constexpr const char* kExternal = "/apis/external.metrics.k8s.io/v1beta1/namespaces/";

// Appends one entry of spec.metrics and the path that the HPA controller would ask for it.
void read_metric(const YAML::Node& node, HpaManifest& manifest, Problems& problems) {
  const std::string type = text_at(node, "type", problems);
  MetricSpec metric;
  std::string path;
  if (type == "Object") {
    const YAML::Node object = child(node, "object");
    const YAML::Node described = child(object, "describedObject");
    metric.type = MetricType::kObject;
    metric.name = text_at(child(object, "metric"), "name", problems);
    metric.object_kind = text_at(described, "kind", problems);
    metric.object_name = text_at(described, "name", problems);
    path = fmt::format("{}{}/{}/{}/{}", kCustom, manifest.namespace_name,
                       kind_to_resource(metric.object_kind, problems), metric.object_name,
                       metric.name);
    read_goal(child(object, "target"), metric, problems);
  } else if (type == "External") {
    const YAML::Node external = child(node, "external");
    metric.type = MetricType::kExternal;
    metric.name = text_at(child(external, "metric"), "name", problems);
    metric.selector = encoded_labels(child(child(external, "metric"), "selector"));
    path = fmt::format("{}{}/{}?labelSelector={}", kExternal, manifest.namespace_name, metric.name,
                       metric.selector);
    read_goal(child(external, "target"), metric, problems);
  } else {
    problems.add(
        "metrics: type = {}: the demo reads Object and External metrics (Resource metrics "
        "come from metrics-server, not from Leadline)",
        type);
    return;
  }
  manifest.spec.metrics.push_back(std::move(metric));
  manifest.paths.push_back(std::move(path));
}

void read_policies(const YAML::Node& list, ScalingRules& rules, Problems& problems) {
  if (!list) return;
  rules.policies.clear();
  for (const YAML::Node& entry : list) {
    const std::string type = text_at(entry, "type", problems);
    if (type != "Pods" && type != "Percent") problems.add("policies: type = {}", type);
    rules.policies.push_back(
        {.type = type == "Percent" ? PolicyType::kPercent : PolicyType::kPods,
         .value = number_at(entry, "value", 1, problems),
         .period = std::chrono::seconds{number_at(entry, "periodSeconds", 15, problems)}});
  }
}

void read_rules(const YAML::Node& node, ScalingRules& rules, Problems& problems) {
  if (!node) return;
  if (child(node, "stabilizationWindowSeconds")) {
    rules.stabilization_window =
        std::chrono::seconds{number_at(node, "stabilizationWindowSeconds", 0, problems)};
  }
  const std::string select = text_at(node, "selectPolicy", problems, "Max");
  if (select == "Min") rules.select_policy = SelectPolicy::kMin;
  if (select == "Disabled") rules.select_policy = SelectPolicy::kDisabled;
  read_policies(child(node, "policies"), rules, problems);
}

void read_behavior(const YAML::Node& node, HpaSpec& spec, Problems& problems) {
  if (!node) return;
  Behavior behavior;
  read_rules(child(node, "scaleUp"), behavior.scale_up, problems);
  read_rules(child(node, "scaleDown"), behavior.scale_down, problems);
  spec.behavior = std::move(behavior);
}

HpaManifest read_document(const YAML::Node& root, Problems& problems) {
  HpaManifest manifest;
  if (text_at(root, "kind", problems) != "HorizontalPodAutoscaler") {
    problems.add("kind: must be HorizontalPodAutoscaler");
  }
  if (text_at(root, "apiVersion", problems) != "autoscaling/v2") {
    problems.add("apiVersion: must be autoscaling/v2");
  }
  manifest.name = text_at(child(root, "metadata"), "name", problems);
  manifest.namespace_name = text_at(child(root, "metadata"), "namespace", problems, "default");
  const YAML::Node spec = child(root, "spec");
  manifest.workload = text_at(child(spec, "scaleTargetRef"), "name", problems);
  manifest.spec.namespace_name = manifest.namespace_name;
  manifest.spec.min_replicas = number_at(spec, "minReplicas", 1, problems);
  manifest.spec.max_replicas = number_at(spec, "maxReplicas", 1, problems);
  if (manifest.spec.max_replicas < manifest.spec.min_replicas) {
    problems.add("maxReplicas = {}, must be >= minReplicas = {}", manifest.spec.max_replicas,
                 manifest.spec.min_replicas);
  }
  for (const YAML::Node& metric : child(spec, "metrics")) read_metric(metric, manifest, problems);
  if (manifest.spec.metrics.empty()) problems.add("metrics: none that the demo can read");
  read_behavior(child(spec, "behavior"), manifest.spec, problems);
  return manifest;
}

}  // namespace

Result<HpaManifest> parse_hpa_manifest(std::string_view yaml) {
  Problems problems;
  HpaManifest manifest;
  try {  // yaml-cpp throws on bad syntax and on a scalar where a map was expected.
    manifest = read_document(YAML::Load(std::string(yaml)), problems);
  } catch (const YAML::Exception& error) {
    problems.add("{}", error.what());
  }
  if (!problems.text().empty()) return fail(Errc::kBadConfig, "{}", problems.text());
  return manifest;
}

Result<HpaManifest> read_hpa_manifest(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) return fail(Errc::kBadConfig, "{}: cannot be read", file);
  std::ostringstream text;
  text << stream.rdbuf();
  auto manifest = parse_hpa_manifest(text.str());
  if (!manifest) return fail(manifest.error().with_context(file));
  return manifest;
}

}  // namespace leadline
