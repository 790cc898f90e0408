#include "adapter/kube/objects.h"

#include <algorithm>
#include <array>
#include <limits>

namespace leadline {
namespace {

using nlohmann::json;

// Half of a pod's bytes and more. `status.conditions` and `metadata.ownerReferences` stay.
constexpr std::array<std::string_view, 9> kUnread = {
    "managedFields", "annotations",       "env",  "envFrom",    "volumes",
    "volumeMounts",  "containerStatuses", "args", "tolerations"};

// Maps whose keys are somebody's words: a label may well be called `env`.
constexpr std::array<std::string_view, 3> kVerbatim = {"labels", "selector", "data"};

template <std::size_t kSize>
bool is_one_of(const std::array<std::string_view, kSize>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

const json& array_at(const json& object, std::initializer_list<const char*> path) {
  static const json kNone = json::array();
  const json& found = value_at(object, path);
  return found.is_array() ? found : kNone;
}

Labels labels_at(const json& object, std::initializer_list<const char*> path) {
  Labels labels;
  const json& found = value_at(object, path);
  if (!found.is_object()) return labels;
  for (const auto& [name, value] : found.items()) {
    if (value.is_string()) labels[name] = value.get<std::string>();
  }
  return labels;
}

// The sidecar's port among these containers; 0 where none declares it.
std::uint16_t sidecar_port(const json& containers) {
  for (const json& container : containers) {
    for (const json& port : array_at(container, {"ports"})) {
      if (text_at(port, {"name"}) != kSidecarPortName) continue;
      const json& number = value_at(port, {"containerPort"});
      const auto wide = number.is_number_integer() ? number.get<std::int64_t>() : 0;
      if (wide > 0 && wide <= std::numeric_limits<std::uint16_t>::max())
        return static_cast<std::uint16_t>(wide);
    }
  }
  return 0;
}

bool is_ready(const json& pod) {
  const json& conditions = array_at(pod, {"status", "conditions"});
  return std::any_of(conditions.begin(), conditions.end(), [](const json& condition) {
    return text_at(condition, {"type"}) == "Ready" && text_at(condition, {"status"}) == "True";
  });
}

std::optional<PodOwner> controller_of(const json& pod) {
  for (const json& owner : array_at(pod, {"metadata", "ownerReferences"})) {
    if (value_at(owner, {"controller"}) != json(true)) continue;
    return PodOwner{.api_version = text_at(owner, {"apiVersion"}),
                    .kind = text_at(owner, {"kind"}),
                    .name = text_at(owner, {"name"})};
  }
  return std::nullopt;
}

}  // namespace

json parse_kube_json(std::string_view text) {
  std::optional<int> verbatim;  // how deep the map lies whose keys are all kept
  const auto keep = [&verbatim](int depth, json::parse_event_t event, json& parsed) {
    if (event != json::parse_event_t::key) return true;
    if (verbatim && depth > *verbatim) return true;
    const auto& key = parsed.get_ref<const std::string&>();
    verbatim = is_one_of(kVerbatim, key) ? std::optional(depth) : std::nullopt;
    return !is_one_of(kUnread, key);
  };
  return json::parse(text, keep, /*allow_exceptions=*/false);
}

const json& value_at(const json& object, std::initializer_list<const char*> path) {
  static const json kNull;
  const json* at = &object;
  for (const char* key : path) {
    if (!at->is_object()) return kNull;
    const auto found = at->find(key);
    if (found == at->end()) return kNull;
    at = &*found;
  }
  return *at;
}

std::string text_at(const json& object, std::initializer_list<const char*> path) {
  const json& found = value_at(object, path);
  return found.is_string() ? found.get<std::string>() : std::string();
}

std::string object_key(const json& object) {
  const std::string name = text_at(object, {"metadata", "name"});
  const std::string space = text_at(object, {"metadata", "namespace"});
  return space.empty() ? name : space + "/" + name;
}

std::optional<Pod> pod_from(const json& object) {
  const std::string phase = text_at(object, {"status", "phase"});
  if (phase == "Succeeded" || phase == "Failed") return std::nullopt;
  Pod pod;
  pod.namespace_name = text_at(object, {"metadata", "namespace"});
  pod.name = text_at(object, {"metadata", "name"});
  pod.uid = text_at(object, {"metadata", "uid"});
  pod.ip = text_at(object, {"status", "podIP"});
  pod.port = sidecar_port(array_at(object, {"spec", "initContainers"}));
  if (pod.port == 0) pod.port = sidecar_port(array_at(object, {"spec", "containers"}));
  pod.node = text_at(object, {"spec", "nodeName"});
  pod.ready = is_ready(object);
  pod.deleting = !text_at(object, {"metadata", "deletionTimestamp"}).empty();
  pod.labels = labels_at(object, {"metadata", "labels"});
  pod.owner = controller_of(object);
  if (pod.name.empty()) return std::nullopt;
  return pod;
}

std::optional<KubeObject> service_from(const json& object) {
  KubeObject service{.api_version = "v1",
                     .kind = "Service",
                     .namespace_name = text_at(object, {"metadata", "namespace"}),
                     .name = text_at(object, {"metadata", "name"}),
                     .labels = labels_at(object, {"metadata", "labels"}),
                     .pod_selector = labels_at(object, {"spec", "selector"})};
  if (service.name.empty()) return std::nullopt;
  return service;
}

std::optional<KubeObject> node_from(const json& object) {
  KubeObject node{.api_version = "v1",
                  .kind = "Node",
                  .namespace_name = {},
                  .name = text_at(object, {"metadata", "name"}),
                  .labels = labels_at(object, {"metadata", "labels"}),
                  .pod_selector = {}};
  if (node.name.empty()) return std::nullopt;
  return node;
}

}  // namespace leadline
