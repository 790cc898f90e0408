// PodList is what the adapter knows of the cluster: its pods, and the objects that may describe
// them. Made by a PodDirectory (the pods file now, the kube API later), immutable once published,
// so any thread may read it.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapter/label_selector.h"

namespace leadline {

// The controller in a pod's owner references.
struct PodOwner {
  std::string api_version;  // "apps/v1"
  std::string kind;
  std::string name;

  [[nodiscard]] bool operator==(const PodOwner&) const = default;
};

struct Pod {
  std::string namespace_name;
  std::string name;
  std::string uid;         // empty: not known, then a sidecar's is not compared
  std::string ip;          // empty: none yet
  std::uint16_t port = 0;  // of its sidecar; 0: it has none
  std::string node;
  bool ready = true;
  bool deleting = false;  // has a deletionTimestamp
  Labels labels;
  std::optional<PodOwner> owner;

  [[nodiscard]] bool has_sidecar() const { return port != 0 && !ip.empty(); }
  [[nodiscard]] bool operator==(const Pod&) const = default;
};

// Something that may be described by a metric besides a pod: its labels for the label selector, and
// for a Service which pods it stands for.
struct KubeObject {
  std::string api_version;
  std::string kind;
  std::string namespace_name;  // empty: cluster-scoped
  std::string name;
  Labels labels;
  Labels pod_selector;  // empty: selects nothing

  [[nodiscard]] bool operator==(const KubeObject&) const = default;
};

struct PodList {
  std::vector<Pod> pods;
  std::vector<KubeObject> objects;

  [[nodiscard]] bool operator==(const PodList&) const = default;
};

}  // namespace leadline
