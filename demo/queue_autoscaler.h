// QueueAutoscaler is an HPA with the feature gate HPAScaleToZero for the workers of one queue: it
// asks the adapter for the jobs that wait and for those in flight, and decides with engine/scaling.
// It goes by their sum, as KEDA's trigger of the adapter does; of two metrics an HPA takes the one
// that wants more replicas. Owned by the demo's loop.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "demo/autoscaler.h"
#include "engine/scaling/hpa.h"

namespace leadline {

struct QueueScaling {
  std::string namespace_name;
  std::string queue;
  int jobs_per_worker = 10;
  int most_workers = 5;
  std::chrono::seconds stabilization{3};  // of a scale-down
};

class QueueAutoscaler {
 public:
  QueueAutoscaler(const QueueScaling& scaling, Autoscaler::Ask ask);

  // What was answered, nullopt: nothing; and the decision, which is on hold then.
  struct Sync {
    std::optional<std::int64_t> waiting, in_flight;
    Decision decision;
  };
  // `wanted`: what the last decision asked for; `existing`: the workers that there are.
  [[nodiscard]] Sync sync(int wanted, int existing, SteadyTime now);

 private:
  [[nodiscard]] MetricReading read(const char* metric);

  QueueScaling scaling_;
  HpaSpec spec_;
  HpaMemory memory_;
  Autoscaler::Ask ask_;
};

}  // namespace leadline
