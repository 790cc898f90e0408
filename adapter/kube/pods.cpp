#include "adapter/kube/pods.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "adapter/kube/objects.h"
#include "adapter/pod_index.h"
#include "daemon/event_loop.h"

namespace leadline {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// A list of 10,000 pods takes some 50 ms to make and to index: at most a quarter of the time.
constexpr milliseconds kLeastPause{20}, kLongestPause{1'000};
constexpr std::size_t kPodsPerMillisecond = 50;

// What is scaled as one, by what it is called.
using WorkloadName = std::tuple<std::string, std::string, std::string>;

WorkloadName workload_of(const Pod& pod) {
  const auto owner = scaled_controller_of(pod);
  return owner ? WorkloadName{pod.namespace_name, owner->kind, owner->name}
               : WorkloadName{pod.namespace_name, "Pod", pod.name};
}

}  // namespace

PodList pod_list_of(const std::map<std::string, Pod>& pods,
                    const std::map<std::string, KubeObject>& services,
                    const std::map<std::string, KubeObject>& nodes) {
  std::set<WorkloadName> measured;
  for (const auto& [key, pod] : pods) {
    if (pod.port != 0) measured.insert(workload_of(pod));
  }
  PodList list;
  std::set<std::string_view> namespaces;
  for (const auto& [key, pod] : pods) {
    if (!measured.contains(workload_of(pod))) continue;
    namespaces.insert(pod.namespace_name);
    list.pods.push_back(pod);
  }
  for (const auto& [key, service] : services) {
    if (namespaces.contains(service.namespace_name)) list.objects.push_back(service);
  }
  for (const auto& [key, node] : nodes) list.objects.push_back(node);
  return list;
}

KubePods::KubePods(KubeClient& client, EventLoop& loop, SelfMetrics& metrics)
    : client_(client),
      loop_(loop),
      pod_watch_(client, {"pods", "/api/v1/pods", {}}, events_into(pods_, pod_from), metrics),
      service_watch_(client, {"services", "/api/v1/services", {}},
                     events_into(services_, service_from), metrics),
      node_watch_(client, {"nodes", "/api/v1/nodes", {}}, events_into(nodes_, node_from), metrics) {
}

void KubePods::start(Publish publish) {
  publish_ = std::move(publish);
  pod_watch_.start();
  service_watch_.start();
  node_watch_.start();
}

template <typename T>
KubeEvents KubePods::events_into(KubeMirror<T>& mirror, std::optional<T> (*read)(const json&)) {
  return {.begin_list = [&mirror] { mirror.begin_list(); },
          .upsert =
              [this, &mirror, read](const json& object) {
                const std::string key = object_key(object);
                auto kept = read(object);
                if (kept ? mirror.put(key, std::move(*kept)) : mirror.drop(key)) changed();
              },
          .remove =
              [this, &mirror](const json& object) {
                if (mirror.drop(object_key(object))) changed();
              },
          .end_list =
              [this, &mirror] {
                mirror.end_list();
                changed();
              }};
}

milliseconds KubePods::pause() const {
  const milliseconds by_size{pods_.objects().size() / kPodsPerMillisecond};
  return std::clamp(by_size, kLeastPause, kLongestPause);
}

void KubePods::changed() {
  const bool complete = pods_.complete() && services_.complete() && nodes_.complete();
  if (!complete || publication_ != 0) return;
  const auto since = system_now().steady - published_at_;
  const auto wait = std::chrono::ceil<milliseconds>(pause() - since);
  publication_ = client_.call_after(std::max(wait, milliseconds{0}), [this] { publish_now(); });
}

void KubePods::publish_now() {
  publication_ = 0;
  published_at_ = system_now().steady;
  auto list = std::make_shared<const PodList>(
      pod_list_of(pods_.objects(), services_.objects(), nodes_.objects()));
  listed_ = true;
  loop_.post([publish = publish_, list = std::move(list)] { publish(list); });
}

}  // namespace leadline
