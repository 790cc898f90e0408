// ViewBuilder makes views by hand: pods as one line each, and what their sidecars said.

#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "adapter/view.h"

namespace leadline::test {

// Noon of some day, on both clocks.
inline Instant noon() {
  return {SteadyTime{std::chrono::hours{1000}},
          WallTime{std::chrono::seconds{1'787'227'200}}};  // 2026-08-20T12:00:00Z
}

inline Pod pod_of(std::string name, std::string deployment = "llm") {
  static std::uint16_t port = 1000;
  Pod pod;
  pod.namespace_name = "ns";
  pod.name = std::move(name);
  pod.uid = "uid-" + pod.name;
  pod.ip = "10.0.0.1";
  pod.port = ++port;
  pod.node = "n1";
  pod.labels = {{"app", deployment}, {"pod-template-hash", "7f"}};
  pod.owner = PodOwner{"apps/v1", "ReplicaSet", deployment + "-7f"};
  return pod;
}

struct Said {
  double queue_depth = 0;
  double running = 0;
  std::string model = "meta-llama/Llama-3-8B";
  std::string engine = "vllm";
};

inline SeriesSnapshot series_of(const Said& said) {
  SeriesSnapshot series;
  series.model = said.model;
  series.gauges[index_of(Gauge::kQueueDepth)] = said.queue_depth;
  series.gauges[index_of(Gauge::kRunningRequests)] = said.running;
  for (std::size_t i = 0; i < kWindowCount; ++i) {
    WindowValues& window = series.windows[i];
    window.span = kWindowSpans[i] - std::chrono::milliseconds{300};
    window.increases[index_of(Counter::kFinishedRequests)] = 60;
    window.in_flight_max = said.queue_depth + said.running;
    window.latencies[index_of(Latency::kTtft)] =
        HistogramDelta{.edges = {0.5, 1, 2}, .counts = {50, 30, 20, 0}, .sum = 70};
  }
  return series;
}

inline std::shared_ptr<PodSnapshot> snapshot_of(const Pod& pod, const Said& said) {
  auto snapshot = std::make_shared<PodSnapshot>();
  snapshot->pod = {pod.namespace_name, pod.name, pod.uid};
  snapshot->boot_id = 1;
  snapshot->sequence = 1;
  snapshot->scrape_interval = std::chrono::seconds{1};
  snapshot->engine = said.engine;
  snapshot->state = EngineState::kUp;
  snapshot->series = {series_of(said)};
  return snapshot;
}

class ViewBuilder {
 public:
  // A pod whose sidecar said so `age` before noon.
  ViewBuilder& with(Pod pod, const Said& said,
                    std::chrono::milliseconds age = std::chrono::milliseconds{1500}) {
    PodState state;
    state.snapshot = snapshot_of(pod, said);
    state.sampled_at = noon().steady - age;
    return add(std::move(pod), state);
  }

  // A pod that never answered.
  ViewBuilder& silent(Pod pod) { return add(std::move(pod), {}); }

  ViewBuilder& add(Pod pod, PodState state) {
    list_.pods.push_back(std::move(pod));
    states_.push_back(std::move(state));
    return *this;
  }

  ViewBuilder& object(KubeObject object) {
    list_.objects.push_back(std::move(object));
    return *this;
  }

  // As a collector's that has not tried all pods yet.
  ViewBuilder& incomplete() {
    complete_ = false;
    return *this;
  }

  [[nodiscard]] std::shared_ptr<const View> build() const {
    auto view = std::make_shared<View>();
    view->index = std::make_shared<const PodIndex>(std::make_shared<const PodList>(list_));
    view->states = states_;
    view->complete = complete_;
    return view;
  }

 private:
  PodList list_;
  std::vector<PodState> states_;
  bool complete_ = true;
};

}  // namespace leadline::test
