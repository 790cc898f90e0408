// What the Kubernetes API says of a Deployment, its pods and its HPA's decisions. Pure; nullopt
// where a text is not what was asked for.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leadline {

// spec.replicas of a Deployment.
[[nodiscard]] std::optional<int> replicas_in(const std::string& deployment);

struct PodsState {
  int existing = 0;                          // not Terminating
  std::vector<std::string> ready_addresses;  // of those that are Ready
};
[[nodiscard]] std::optional<PodsState> pods_in(const std::string& pod_list);

// Why the HPA controller asked for `replicas` pods, from the newest of its SuccessfulRescale events
// that came at `since` (RFC 3339) or later.
[[nodiscard]] std::optional<std::string> reason_in(const std::string& event_list, int replicas,
                                                   std::string_view since);

}  // namespace leadline
