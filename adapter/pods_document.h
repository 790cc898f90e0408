// Reads the text of a pods file: YAML or JSON. Pure. Shape (only `namespace` and `name` are
// required):
//
//   pods:
//     - {namespace: default, name: llm-7f-x, uid: 0b1c…, ip: 10.0.0.7, port: 9733, node: n1,
//        ready: true, deleting: false, labels: {app: llm},
//        owner: {apiVersion: apps/v1, kind: ReplicaSet, name: llm-7f}}
//   objects:
//     - {apiVersion: v1, kind: Service, namespace: default, name: llm, labels: {},
//        podSelector: {app: llm}}
//
// `port` is the sidecar's; without it the pod has none. `ready` is true unless said otherwise.

#pragma once

#include <string>
#include <string_view>

#include "adapter/pod_list.h"
#include "base/result.h"

namespace leadline {

inline constexpr std::size_t kMaxPods = 200'000;  // the largest Kubernetes cluster has 150,000

// kBadInput with every error of the document, one a line (at most 50): wrong types, unknown keys,
// missing names, and pods that share a uid, a name in a namespace, or an address.
[[nodiscard]] Result<PodList> parse_pods_document(std::string_view text);

}  // namespace leadline
