// Autoscaler is the HPA controller in small: every sync it asks the adapter's API what the manifest
// names, decides with engine/scaling, and says how many replicas there shall be. It reads nothing
// else: no engine, no sidecar, no load. Owned by the demo's loop.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "demo/hpa_manifest.h"
#include "engine/scaling/hpa.h"

namespace leadline {

// One answer of the metrics API. status 0 = no answer at all; `body` then says why.
struct ApiAnswer {
  int status = 0;
  std::string body;
};

// What the metrics API answered, as the HPA controller reads it: an Object metric must have exactly
// one item; everything that cannot be read is NoReading with the server's message, never 0.
[[nodiscard]] MetricReading read_answer(const MetricSpec& metric, const ApiAnswer& answer);

class Autoscaler {
 public:
  using Ask = std::function<ApiAnswer(const std::string& path)>;

  Autoscaler(HpaManifest manifest, Ask ask);

  // What the workload looks like to the HPA: its scale sub-resource and its pods.
  struct Workload {
    std::int32_t spec_replicas = 0;
    std::int32_t status_replicas = 0;
    std::vector<ObservedPod> pods;
  };

  // One sync: the decision, and its line for the recording (without "t").
  struct Sync {
    Decision decision;
    nlohmann::json record;
  };
  [[nodiscard]] Sync sync(const Workload& workload, SteadyTime now);

  [[nodiscard]] const HpaManifest& manifest() const { return manifest_; }

 private:
  HpaManifest manifest_;
  Ask ask_;
  HpaMemory memory_;
};

}  // namespace leadline
