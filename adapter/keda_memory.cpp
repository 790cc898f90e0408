#include "adapter/keda_memory.h"

#include <utility>

#include <fmt/format.h>

namespace leadline {
namespace {

constexpr std::chrono::hours kForgetAfter{1};  // KEDA asks at least each few minutes

std::string key_of(const Pod& pod) {
  return fmt::format("{}/{}/{}", pod.namespace_name, pod.name, pod.uid);
}

}  // namespace

void KedaMemory::look(const View& view, SteadyTime now) {
  if (!view.complete) return;
  const std::lock_guard lock(mutex_);
  if (view.index == index_) return;
  index_ = view.index;
  index_since_ = now;
  look_at_workloads(now);
  look_at_pods(now);
}

bool KedaMemory::is_listed(const WorkloadKey& key) const {
  const ObjectPods* object = index_->object(key.kind, key.namespace_name, key.name);
  return object != nullptr && !object->pods.empty();
}

void KedaMemory::look_at_workloads(SteadyTime now) {
  std::erase_if(workloads_,
                [&](const auto& each) { return now - each.second.last_asked > kForgetAfter; });
  for (auto& [key, emptiness] : workloads_) {
    if (is_listed(key)) {
      emptiness.since.reset();
    } else if (!emptiness.since) {
      emptiness.since = now;
    }
  }
}

// Only those that are not Ready, or were so lately, are kept: a few of all.
void KedaMemory::look_at_pods(SteadyTime now) {
  std::unordered_map<std::string, Loading> still;
  for (const Pod& pod : index_->pods()) {
    if (pod.deleting || (pod.ready && loading_.empty())) continue;
    std::string key = key_of(pod);
    const auto known = loading_.find(key);
    if (pod.ready && known == loading_.end()) continue;
    Loading loading = known == loading_.end() ? Loading{.since = now} : known->second;
    if (!pod.ready) {
      loading.ready_since.reset();
    } else if (!loading.ready_since) {
      loading.ready_since = now;
    } else if (now - *loading.ready_since >= kSettled) {
      continue;
    }
    still.emplace(std::move(key), loading);
  }
  loading_ = std::move(still);
}

void KedaMemory::make_room_in(const std::string& namespace_name) {
  const auto begin = workloads_.lower_bound({namespace_name, "", ""});
  std::size_t count = 0;
  auto oldest = begin;
  for (auto it = begin; it != workloads_.end() && it->first.namespace_name == namespace_name;
       ++it) {
    ++count;
    if (it->second.last_asked < oldest->second.last_asked) oldest = it;
  }
  if (count >= kMaxWorkloadsOfNamespace) workloads_.erase(oldest);
}

std::optional<SteadyTime::duration> KedaMemory::empty_for(const std::string& kind,
                                                          const std::string& namespace_name,
                                                          const std::string& name, SteadyTime now) {
  const WorkloadKey key{namespace_name, kind, name};
  const std::lock_guard lock(mutex_);
  if (index_ == nullptr) return SteadyTime::duration::zero();
  const bool listed = is_listed(key);
  auto found = workloads_.find(key);
  if (found == workloads_.end()) {
    make_room_in(namespace_name);
    if (workloads_.size() >= kMaxWorkloads) {
      return listed ? std::nullopt : std::optional(SteadyTime::duration::zero());
    }
    const auto since = listed ? std::nullopt : std::optional(index_since_);
    found = workloads_.emplace(key, Emptiness{.since = since, .last_asked = now}).first;
  }
  found->second.last_asked = now;
  if (!found->second.since) return std::nullopt;
  return now - *found->second.since;
}

std::optional<SteadyTime::duration> KedaMemory::loading_for(const Pod& pod, SteadyTime now) const {
  if (pod.ready) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto found = loading_.find(key_of(pod));
  return found == loading_.end() ? SteadyTime::duration::zero() : now - found->second.since;
}

}  // namespace leadline
