// Pods for the tests of aggregation: a pod is written in one line.

#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/aggregate.h"

namespace leadline::testing_pods {

inline const SteadyTime kNow{std::chrono::hours(1)};
inline const std::vector<double> kEdges = {0.1, 0.5, 1, 5};

inline SteadyTime seconds_ago(double seconds) {
  return kNow - std::chrono::milliseconds(static_cast<int>(seconds * 1000));
}

// Observations only view their pod's name; here it lives as long as the process.
inline std::string_view interned(const std::string& name) {
  static std::set<std::string> names;
  return *names.insert(name).first;
}

// A Ready pod with a fresh vLLM of one idle model; each method changes one thing.
class Pod {
 public:
  explicit Pod(const std::string& name) {
    observation_.name = interned(name);
    observation_.ready = true;
    observation_.sampled_at = seconds_ago(0.5);
    snapshot_.engine = "vllm";
    snapshot_.state = EngineState::kUp;
    snapshot_.series.push_back(idle_series("m"));
  }

  Pod& load(double waiting, double running) {
    SeriesSnapshot& series = snapshot_.series.front();
    series.gauges[index_of(Gauge::kQueueDepth)] = waiting;
    series.gauges[index_of(Gauge::kRunningRequests)] = running;
    for (WindowValues& window : series.windows) window.in_flight_max = waiting + running;
    return *this;
  }
  // Tokens, requests in each window.
  Pod& counted(Counter which, double increase) {
    for (WindowValues& window : series().windows) window.increases[index_of(which)] = increase;
    return *this;
  }
  Pod& ttft(std::vector<std::uint64_t> counts, double sum, std::vector<double> edges = kEdges) {
    for (WindowValues& window : series().windows) {
      window.latencies[index_of(Latency::kTtft)] = HistogramDelta{edges, counts, sum};
    }
    return *this;
  }
  Pod& no_ttft() {
    for (WindowValues& window : series().windows)
      window.latencies[index_of(Latency::kTtft)].reset();
    return *this;
  }
  Pod& gauge(Gauge which, std::optional<double> value) {
    series().gauges[index_of(which)] = value;
    return *this;
  }
  Pod& capacity(double tokens) {
    series().kv_capacity_tokens = tokens;
    return *this;
  }
  Pod& sampled(double seconds) {
    observation_.sampled_at = seconds_ago(seconds);
    return *this;
  }
  Pod& not_ready() {
    observation_.ready = false;
    return *this;
  }
  Pod& terminating() {
    observation_.terminating = true;
    return *this;
  }
  Pod& became_ready(double seconds, std::uint32_t signals_seen = 0) {
    observation_.seen_becoming_ready = seconds_ago(seconds);
    observation_.signals_seen = signals_seen;
    return *this;
  }
  Pod& silent(bool has_sidecar = false) {
    answered_ = false;
    observation_.has_sidecar = has_sidecar;
    return *this;
  }
  Pod& without_engine() {
    snapshot_.series.clear();
    snapshot_.state = EngineState::kUnreachable;
    return *this;
  }
  Pod& model(std::string name, std::string role = "both") {
    series().model = std::move(name);
    series().role = std::move(role);
    return *this;
  }
  // A second model, which the later calls then speak of.
  Pod& also(std::string model) {
    snapshot_.series.insert(snapshot_.series.begin(), idle_series(std::move(model)));
    return *this;
  }
  Pod& span(std::chrono::milliseconds span) {
    for (WindowValues& window : series().windows) window = {.span = span};
    return *this;
  }
  SeriesSnapshot& series() { return snapshot_.series.front(); }

  [[nodiscard]] PodObservation observe() const {
    PodObservation observation = observation_;
    if (answered_) observation.snapshot = std::make_shared<const PodSnapshot>(snapshot_);
    return observation;
  }

 private:
  static SeriesSnapshot idle_series(std::string model) {
    SeriesSnapshot series;
    series.model = std::move(model);
    series.gauges[index_of(Gauge::kQueueDepth)] = 0;
    series.gauges[index_of(Gauge::kRunningRequests)] = 0;
    for (std::size_t w = 0; w < kWindowCount; ++w) {
      series.windows[w].span = kWindowSpans[w];
      series.windows[w].in_flight_max = 0;
      series.windows[w].latencies[index_of(Latency::kTtft)] =
          HistogramDelta{kEdges, std::vector<std::uint64_t>(kEdges.size() + 1), 0};
    }
    return series;
  }

  PodObservation observation_;
  PodSnapshot snapshot_;
  bool answered_ = true;
};

inline std::vector<PodObservation> observe(const std::vector<Pod>& pods) {
  std::vector<PodObservation> observations;
  for (const Pod& pod : pods) observations.push_back(pod.observe());
  return observations;
}

inline MetricSelection select(std::string_view metric) {
  return {.metric = *find_metric(metric)};
}

}  // namespace leadline::testing_pods
