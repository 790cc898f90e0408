// PodIndex answers "which pods" without a walk over all of them: by namespace, by described object
// and by workload. Built once per pod list, immutable, so any thread may read it. Pods are named by
// their place in the list. A pod with a deletionTimestamp is in the list and in none of the
// answers.

#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adapter/pod_list.h"

namespace leadline {

using PodNumber = std::uint32_t;

// What a metric of the custom metrics API may describe, with the pods that it stands for.
struct ObjectPods {
  std::string api_version, kind;
  std::string namespace_name;  // empty: cluster-scoped
  std::string name;
  Labels labels;
  std::vector<PodNumber> pods;
};

// What is scaled as one: pods that expect the same of each other. A pod without a known controller
// is a workload of its own.
struct Workload {
  std::string kind, name;
  std::vector<PodNumber> pods;
  bool has_sidecar = false;  // at least one of its pods does
  Labels labels;             // `workload` and `kind`, as a selector can say them
};

class PodIndex {
 public:
  explicit PodIndex(std::shared_ptr<const PodList> list);

  [[nodiscard]] const std::vector<Pod>& pods() const { return list_->pods; }

  [[nodiscard]] const std::vector<PodNumber>& in_namespace(const std::string& name) const;

  // nullptr where there is none. `namespace_name` is empty for a cluster-scoped kind.
  [[nodiscard]] const ObjectPods* object(std::string_view kind, std::string_view namespace_name,
                                         std::string_view name) const;

  // All of a kind in a namespace, by name.
  using Objects = std::map<std::string, ObjectPods, std::less<>>;
  [[nodiscard]] const Objects& objects(std::string_view kind,
                                       std::string_view namespace_name) const;

  // The pods of a namespace whose labels match, by name. Remembered: scalers send the same few
  // selectors for ever, and what they match changes with the list of pods only.
  using PodNumbers = std::shared_ptr<const std::vector<PodNumber>>;
  [[nodiscard]] PodNumbers matching_pods(const std::string& namespace_name,
                                         const LabelSelector& selector) const;

  // REQUIRES: the pod is not being deleted.
  [[nodiscard]] const Workload& workload_of(PodNumber pod) const;

 private:
  struct Key {
    std::string kind, namespace_name, name;
    auto operator<=>(const Key&) const = default;
  };
  using Scope = std::pair<std::string, std::string>;  // kind, namespace

  ObjectPods& object_for(const Key& key, std::string_view api_version);
  void add_pod(PodNumber number);
  void add_to_owners(PodNumber number);
  void add_to_workload(PodNumber number);
  void add_object(const KubeObject& object);

  std::shared_ptr<const PodList> list_;
  std::unordered_map<std::string, std::vector<PodNumber>> by_namespace_;
  std::map<Scope, Objects> objects_;
  std::map<Key, std::uint32_t> workload_numbers_;
  std::vector<Workload> workloads_;
  std::vector<std::uint32_t> workload_of_;  // by pod; kNone while it is being deleted

  static constexpr std::size_t kMaxSelections = 256;  // full: the selector is evaluated each time
  mutable std::mutex mutex_;
  mutable std::unordered_map<std::string, PodNumbers> selections_;  // by namespace and selector
};

// The controllers of a pod, nearest first: for a pod of a Deployment its ReplicaSet and then the
// Deployment, whose name is the ReplicaSet's without `-<pod-template-hash>`; for one of a
// LeaderWorkerSet or an InferenceService what its well-known labels say, too. Pure.
[[nodiscard]] std::vector<PodOwner> controllers_of(const Pod& pod);

// The kinds of what is scaled, the most usual one first.
inline constexpr std::array<std::string_view, 5> kScaledKinds = {
    "Deployment", "StatefulSet", "ReplicaSet", "LeaderWorkerSet", "InferenceService"};

// The one of them that a scaler scales; nullopt where the pod has none. Pure.
[[nodiscard]] std::optional<PodOwner> scaled_controller_of(const Pod& pod);

}  // namespace leadline
