// Reads the objects of the Kubernetes API into what the adapter keeps of them: a dozen fields of a
// pod's two hundred. Pure. A field that is missing or of another type is as if it were empty: the
// API server has validated what it sends.
// Source: kubernetes api/core/v1/types.go (v1.36).

#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "adapter/pod_list.h"

namespace leadline {

// A pod has a sidecar when one of its containers, init containers included, declares a port of this
// name.
inline constexpr std::string_view kSidecarPortName = "leadline";

// Parses one object, list or watch event, leaving out what is large and never read
// (`managedFields`, environments, volumes, …). A discarded value where it is no JSON.
[[nodiscard]] nlohmann::json parse_kube_json(std::string_view text);

// The value at a path of keys; null where there is none.
[[nodiscard]] const nlohmann::json& value_at(const nlohmann::json& object,
                                             std::initializer_list<const char*> path);
[[nodiscard]] std::string text_at(const nlohmann::json& object,
                                  std::initializer_list<const char*> path);

// `namespace/name`, or the name alone where it is cluster-scoped.
[[nodiscard]] std::string object_key(const nlohmann::json& object);

// nullopt: it has ended (Succeeded or Failed) and stands for nothing any more.
[[nodiscard]] std::optional<Pod> pod_from(const nlohmann::json& object);

[[nodiscard]] std::optional<KubeObject> service_from(const nlohmann::json& object);
[[nodiscard]] std::optional<KubeObject> node_from(const nlohmann::json& object);

}  // namespace leadline
