// A View is the adapter's picture of all pods at one moment: immutable, shared by the collector
// with whoever answers. Published at most 20 times a second, never rebuilt per snapshot: publishing
// copies one small PodState per pod (10,000 pods: under a millisecond) and keeps the index.
//
// ViewCell is how the threads share it. Thread-safe.

#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "adapter/pod_index.h"
#include "adapter/self_metrics.h"
#include "base/clock.h"
#include "base/shared_cell.h"
#include "engine/aggregate.h"

namespace leadline {

// What the collector knows of one pod. The newest snapshot stays here when it is too old to be
// served, so that the engine's id is still known; whoever reads it compares ages.
struct PodState {
  std::shared_ptr<const PodSnapshot> snapshot;  // nullptr: never answered
  SteadyTime sampled_at;
  std::chrono::milliseconds max_age{5000};
  std::optional<SteadyTime> seen_becoming_ready;
  std::uint32_t signals_seen = 0;
  bool mismatch = false;  // another pod's sidecar answers there
};

// What one value was found to be, remembered with the view it was computed from.
struct WorkloadValue {
  AggregateResult result;
  Labels labels;           // what all its pods share
  bool matched = false;    // any pod at all
  SteadyTime valid_until;  // until then no pod goes stale and none's grace ends
};

// Thread-safe. Full at kMaxEntries: then values are computed each time.
class ValueMemo {
 public:
  static constexpr std::size_t kMaxEntries = 1024;
  [[nodiscard]] std::shared_ptr<const WorkloadValue> find(const std::string& key,
                                                          SteadyTime now) const;
  void keep(const std::string& key, std::shared_ptr<const WorkloadValue> value);

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const WorkloadValue>> values_;
};

struct View {
  std::shared_ptr<const PodIndex> index;
  std::vector<PodState> states;  // by PodNumber
  // Whether each pod that was Ready at the start had its chance to answer (Collector::tried_all):
  // before, a workload would seem smaller than it is, and nothing is served.
  bool complete = true;
  mutable ValueMemo memo;  // the only part that changes, and only by getting to know

  // The pod as engine/aggregate.h wants it; points into this view.
  [[nodiscard]] PodObservation observe(PodNumber pod) const;

  [[nodiscard]] PodStateCounts count(SteadyTime now) const;
};

[[nodiscard]] inline bool is_fresh(const PodState& state, SteadyTime now) {
  return state.snapshot != nullptr && now - state.sampled_at <= state.max_age;
}

// Why a view that is not complete answers nothing, in the words of every door.
inline constexpr std::string_view kJustStarted =
    "not all pods were heard yet: this replica has just started";

class ViewCell {
 public:
  // Starts with an incomplete view of no pods, so that current() is never null.
  ViewCell();

  void publish(std::shared_ptr<const View> view) { view_.store(std::move(view)); }
  [[nodiscard]] std::shared_ptr<const View> current() const { return view_.load(); }

 private:
  SharedCell<const View> view_;
};

}  // namespace leadline
