#include "demo/workload_state.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace leadline {
namespace {

using nlohmann::json;

// What stands at a path such as /status/podIP; null where there is nothing.
json at(const json& object, const char* path) {
  const json::json_pointer pointer(path);
  return object.contains(pointer) ? object.at(pointer) : json();
}

std::string text_at(const json& object, const char* path) {
  const json found = at(object, path);
  return found.is_string() ? found.get<std::string>() : "";
}

std::optional<json> items_in(const std::string& list) {
  const json body = json::parse(list, nullptr, /*allow_exceptions=*/false);
  json items = at(body, "/items");
  if (!items.is_array()) return std::nullopt;
  return items;
}

bool is_ready(const json& pod) {
  for (const json& condition : at(pod, "/status/conditions")) {
    if (text_at(condition, "/type") == "Ready") return text_at(condition, "/status") == "True";
  }
  return false;
}

}  // namespace

std::optional<int> replicas_in(const std::string& deployment) {
  const json body = json::parse(deployment, nullptr, /*allow_exceptions=*/false);
  const json replicas = at(body, "/spec/replicas");
  if (!replicas.is_number_integer()) return std::nullopt;
  return replicas.get<int>();
}

std::optional<PodsState> pods_in(const std::string& pod_list) {
  const auto items = items_in(pod_list);
  if (!items) return std::nullopt;
  PodsState state;
  for (const json& pod : *items) {
    if (!at(pod, "/metadata/deletionTimestamp").is_null()) continue;
    ++state.existing;
    if (is_ready(pod)) state.ready_addresses.push_back(text_at(pod, "/status/podIP"));
  }
  return state;
}

// `New size: 3; reason: deployment metric in_flight_requests above target`, as
// pkg/controller/podautoscaler/horizontal.go of Kubernetes 1.36 writes it.
std::optional<std::string> reason_in(const std::string& event_list, int replicas,
                                     std::string_view since) {
  const std::string beginning = fmt::format("New size: {}; reason: ", replicas);
  const auto items = items_in(event_list);
  std::optional<std::string> reason;
  std::string newest(since);
  for (const json& event : items.value_or(json::array())) {
    const std::string message = text_at(event, "/message");
    const std::string time = text_at(event, "/lastTimestamp");
    if (message.compare(0, beginning.size(), beginning) != 0 || time < newest) continue;
    newest = time;
    reason = message.substr(beginning.size());
  }
  return reason;
}

}  // namespace leadline
