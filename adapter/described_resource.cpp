#include "adapter/described_resource.h"

#include <algorithm>
#include <array>

namespace leadline {
namespace {

// clang-format off
constexpr std::array kResources = {
  DescribedResource{"pods", "pods", "pod", "", "Pod", "v1", true},
  DescribedResource{"deployments.apps", "deployments", "deployment", "apps", "Deployment",
                    "apps/v1", true},
  DescribedResource{"statefulsets.apps", "statefulsets", "statefulset", "apps", "StatefulSet",
                    "apps/v1", true},
  DescribedResource{"replicasets.apps", "replicasets", "replicaset", "apps", "ReplicaSet",
                    "apps/v1", true},
  DescribedResource{"leaderworkersets.leaderworkerset.x-k8s.io", "leaderworkersets",
                    "leaderworkerset", "leaderworkerset.x-k8s.io", "LeaderWorkerSet",
                    "leaderworkerset.x-k8s.io/v1", true},
  DescribedResource{"inferenceservices.serving.kserve.io", "inferenceservices", "inferenceservice",
                    "serving.kserve.io", "InferenceService", "serving.kserve.io/v1beta1", true},
  DescribedResource{"services", "services", "service", "", "Service", "v1", true},
  DescribedResource{"namespaces", "namespaces", "namespace", "", "Namespace", "v1", false},
  DescribedResource{"nodes", "nodes", "node", "", "Node", "v1", false},
};
// clang-format on

}  // namespace

std::span<const DescribedResource> described_resources() {
  return kResources;
}

const DescribedResource* find_described_resource(std::string_view text) {
  const std::size_t dot = text.find('.');
  const std::string_view name = text.substr(0, dot);
  const bool grouped = dot != std::string_view::npos;
  const std::string_view group = grouped ? text.substr(dot + 1) : std::string_view();
  const auto* const found = std::ranges::find_if(kResources, [&](const DescribedResource& known) {
    return (name == known.plural || name == known.singular) && (!grouped || group == known.group);
  });
  return found == kResources.end() ? nullptr : found;
}

}  // namespace leadline
