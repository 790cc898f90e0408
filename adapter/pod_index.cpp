#include "adapter/pod_index.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include "adapter/label_value.h"

namespace leadline {
namespace {

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

// Source: kubernetes/kubernetes pkg/apis/apps (DefaultDeploymentUniqueLabelKey);
// kubernetes-sigs/lws api/leaderworkerset/v1 (SetNameLabelKey); kserve pkg/constants
// (InferenceServicePodLabelKey).
constexpr std::string_view kTemplateHash = "pod-template-hash";
constexpr std::string_view kLeaderWorkerSet = "leaderworkerset.sigs.k8s.io/name";
constexpr std::string_view kInferenceService = "serving.kserve.io/inferenceservice";

const std::string* label_of(const Pod& pod, std::string_view key) {
  const auto found = pod.labels.find(key);
  return found == pod.labels.end() || found->second.empty() ? nullptr : &found->second;
}

std::optional<PodOwner> deployment_of(const Pod& pod) {
  if (!pod.owner || pod.owner->kind != "ReplicaSet") return std::nullopt;
  const std::string* hash = label_of(pod, kTemplateHash);
  if (hash == nullptr) return std::nullopt;
  const std::string& name = pod.owner->name;
  const std::string suffix = "-" + *hash;
  if (name.size() <= suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  return PodOwner{"apps/v1", "Deployment", name.substr(0, name.size() - suffix.size())};
}

bool selects(const Labels& selector, const Labels& labels) {
  return !selector.empty() &&
         std::all_of(selector.begin(), selector.end(), [&](const auto& wanted) {
           const auto found = labels.find(wanted.first);
           return found != labels.end() && found->second == wanted.second;
         });
}

}  // namespace

std::vector<PodOwner> controllers_of(const Pod& pod) {
  std::vector<PodOwner> controllers;
  if (pod.owner) controllers.push_back(*pod.owner);
  if (auto deployment = deployment_of(pod)) controllers.push_back(std::move(*deployment));
  if (const std::string* set = label_of(pod, kLeaderWorkerSet)) {
    controllers.push_back({"leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", *set});
  }
  if (const std::string* service = label_of(pod, kInferenceService)) {
    controllers.push_back({"serving.kserve.io/v1beta1", "InferenceService", *service});
  }
  return controllers;
}

std::optional<PodOwner> scaled_controller_of(const Pod& pod) {
  std::optional<PodOwner> scaled;
  for (PodOwner& controller : controllers_of(pod)) {
    // An InferenceService is scaled through the Deployment that it makes.
    if (controller.kind == "InferenceService" && scaled) continue;
    scaled = std::move(controller);
  }
  return scaled;
}

PodIndex::PodIndex(std::shared_ptr<const PodList> list)
    : list_(std::move(list)), workload_of_(list_->pods.size(), kNone) {
  assert(list_->pods.size() < kNone);
  for (PodNumber number = 0; number < list_->pods.size(); ++number) {
    if (!list_->pods[number].deleting) add_pod(number);
  }
  for (const KubeObject& object : list_->objects) add_object(object);
}

ObjectPods& PodIndex::object_for(const Key& key, std::string_view api_version) {
  ObjectPods& object = objects_[{key.kind, key.namespace_name}][key.name];
  if (!object.kind.empty()) return object;
  object.api_version = api_version;
  object.kind = key.kind;
  object.namespace_name = key.namespace_name;
  object.name = key.name;
  return object;
}

void PodIndex::add_pod(PodNumber number) {
  const Pod& pod = list_->pods[number];
  by_namespace_[pod.namespace_name].push_back(number);
  ObjectPods& itself = object_for({"Pod", pod.namespace_name, pod.name}, "v1");
  itself.labels = pod.labels;
  itself.pods = {number};
  object_for({"Namespace", "", pod.namespace_name}, "v1").pods.push_back(number);
  if (!pod.node.empty()) object_for({"Node", "", pod.node}, "v1").pods.push_back(number);
  add_to_owners(number);
  add_to_workload(number);
}

void PodIndex::add_to_owners(PodNumber number) {
  const Pod& pod = list_->pods[number];
  for (const PodOwner& owner : controllers_of(pod)) {
    // A Node that owns its static pods already describes them.
    if (owner.kind == "Node" || owner.kind == "Pod" || owner.kind == "Namespace") continue;
    object_for({owner.kind, pod.namespace_name, owner.name}, owner.api_version)
        .pods.push_back(number);
  }
}

void PodIndex::add_to_workload(PodNumber number) {
  const Pod& pod = list_->pods[number];
  const auto owner = scaled_controller_of(pod);
  const Key key = owner ? Key{owner->kind, pod.namespace_name, owner->name}
                        : Key{"Pod", pod.namespace_name, pod.name};
  const auto next = static_cast<std::uint32_t>(workloads_.size());
  const auto [place, fresh] = workload_numbers_.emplace(key, next);
  if (fresh) {
    workloads_.push_back(
        {.kind = key.kind,
         .name = key.name,
         .pods = {},
         .has_sidecar = false,
         .labels = {{"workload", label_value_of(key.name)}, {"kind", label_value_of(key.kind)}}});
  }
  Workload& workload = workloads_[place->second];
  workload.pods.push_back(number);
  workload.has_sidecar = workload.has_sidecar || pod.has_sidecar();
  workload_of_[number] = place->second;
}

// Objects that are listed bring their labels, exist without any pod, and a Service finds its pods.
void PodIndex::add_object(const KubeObject& listed) {
  if (listed.kind == "Pod") return;
  ObjectPods& object =
      object_for({listed.kind, listed.namespace_name, listed.name}, listed.api_version);
  object.api_version = listed.api_version;
  object.labels = listed.labels;
  for (const PodNumber number : in_namespace(listed.namespace_name)) {
    if (selects(listed.pod_selector, list_->pods[number].labels)) object.pods.push_back(number);
  }
  std::sort(object.pods.begin(), object.pods.end());
  object.pods.erase(std::unique(object.pods.begin(), object.pods.end()), object.pods.end());
}

const std::vector<PodNumber>& PodIndex::in_namespace(const std::string& name) const {
  static const std::vector<PodNumber> kNoPods;
  const auto found = by_namespace_.find(name);
  return found == by_namespace_.end() ? kNoPods : found->second;
}

const ObjectPods* PodIndex::object(std::string_view kind, std::string_view namespace_name,
                                   std::string_view name) const {
  const Objects& all = objects(kind, namespace_name);
  const auto found = all.find(name);
  return found == all.end() ? nullptr : &found->second;
}

const PodIndex::Objects& PodIndex::objects(std::string_view kind,
                                           std::string_view namespace_name) const {
  static const Objects kNoObjects;
  const auto found = objects_.find({std::string(kind), std::string(namespace_name)});
  return found == objects_.end() ? kNoObjects : found->second;
}

PodIndex::PodNumbers PodIndex::matching_pods(const std::string& namespace_name,
                                             const LabelSelector& selector) const {
  const std::string key = namespace_name + "/" + selector.to_string();
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = selections_.find(key); known != selections_.end()) return known->second;
  }
  auto numbers = std::make_shared<std::vector<PodNumber>>();
  for (const auto& [name, pod] : objects("Pod", namespace_name)) {
    if (selector.matches(pod.labels)) numbers->push_back(pod.pods.front());
  }
  const std::lock_guard lock(mutex_);
  if (selections_.size() < kMaxSelections) selections_[key] = numbers;
  return numbers;
}

const Workload& PodIndex::workload_of(PodNumber pod) const {
  assert(workload_of_.at(pod) != kNone);
  return workloads_[workload_of_[pod]];
}

}  // namespace leadline
