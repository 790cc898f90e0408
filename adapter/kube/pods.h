// KubePods is the PodDirectory of a cluster: pods, services and nodes as the Kubernetes API has
// them, followed by three watches. What it publishes holds the pods of workloads that have a
// sidecar somewhere; the rest stays in its memory (about a kilobyte a pod), since a sidecar may
// come.
//
// Everything happens on the client's thread; destroyed after the client was stopped. Changes are
// published together: at once where nothing was published for a while, else after a pause that
// grows with the cluster (10,000 pods: 0.2 s).

#pragma once

#include <atomic>
#include <cassert>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "adapter/kube/watch.h"
#include "adapter/pod_directory.h"

namespace leadline {

class EventLoop;

// Objects by key, of which a list replaces all: what a list did not name is gone.
template <typename T>
class KubeMirror {
 public:
  void begin_list() { staged_.emplace(); }

  // Both say whether anything has changed for readers: most news of a pod is none for us.
  bool put(const std::string& key, T object) {
    auto& into = staged_ ? *staged_ : objects_;
    const auto known = into.find(key);
    if (known != into.end() && known->second == object) return false;
    into.insert_or_assign(key, std::move(object));
    return !staged_;
  }
  bool drop(const std::string& key) {
    return (staged_ ? *staged_ : objects_).erase(key) > 0 && !staged_;
  }

  void end_list() {  // REQUIRES: begin_list() before it
    assert(staged_.has_value());
    objects_ = std::move(*staged_);
    staged_.reset();
    complete_ = true;
  }

  [[nodiscard]] bool complete() const { return complete_; }  // listed at least once
  [[nodiscard]] const std::map<std::string, T>& objects() const { return objects_; }

 private:
  std::map<std::string, T> objects_;
  std::optional<std::map<std::string, T>> staged_;  // while a list comes in
  bool complete_ = false;
};

class KubePods final : public PodDirectory {
 public:
  // All outlive it; `loop` is where lists are published.
  KubePods(KubeClient& client, EventLoop& loop, SelfMetrics& metrics);
  void start(Publish publish) override;

  // Whether pods, services and nodes were each listed once. Any thread.
  [[nodiscard]] bool listed() const { return listed_.load(); }

 private:
  template <typename T>
  KubeEvents events_into(KubeMirror<T>& mirror, std::optional<T> (*read)(const nlohmann::json&));
  void changed();
  void publish_now();
  [[nodiscard]] std::chrono::milliseconds pause() const;

  KubeClient& client_;
  EventLoop& loop_;
  Publish publish_;
  KubeMirror<Pod> pods_;
  KubeMirror<KubeObject> services_, nodes_;
  std::atomic<bool> listed_ = false;
  SteadyTime published_at_;
  KubeClient::RequestId publication_ = 0;
  KubeWatch pod_watch_, service_watch_, node_watch_;
};

// What is published of a mirror: pods of workloads of which at least one pod has a sidecar, and the
// objects that may describe them. Pure.
[[nodiscard]] PodList pod_list_of(const std::map<std::string, Pod>& pods,
                                  const std::map<std::string, KubeObject>& services,
                                  const std::map<std::string, KubeObject>& nodes);

}  // namespace leadline
