// PodSelection is a selector of the metrics APIs taken apart: which of its requirements speak of a
// pod, of its workload, of the engine in it, and which is the window. Pure, immutable.
//
// Keys: workload, kind (of the workload); model, engine, role (of the series in a pod's snapshot);
// queue (Redis queues: no pod has one); window, a parameter: `window=15s`, nothing else. Every
// other key is a pod's label. Values are compared with what adapter/label_value.h makes of ours,
// since a selector cannot hold `/` or `:`.

#pragma once

#include <optional>
#include <vector>

#include "adapter/label_selector.h"
#include "adapter/view.h"
#include "base/result.h"

namespace leadline {

class PodSelection {
 public:
  // kBadInput where `window` is not `=` one of 15s, 60s, 300s.
  [[nodiscard]] static Result<PodSelection> from(const LabelSelector& selector);

  [[nodiscard]] std::optional<Window> window() const { return window_; }

  // By what the pod list knows of it.
  [[nodiscard]] bool matches_pod(const PodIndex& index, PodNumber pod) const;

  // By what its snapshot says. Unknown: it has none, or none with values, and might match.
  enum class Match { kYes, kNo, kUnknown };
  struct SnapshotMatch {
    Match match = Match::kUnknown;
    std::shared_ptr<const PodSnapshot> snapshot;  // with kYes: only its matching series
  };
  [[nodiscard]] SnapshotMatch match_snapshot(std::shared_ptr<const PodSnapshot> snapshot) const;

  [[nodiscard]] bool asks_for_series() const { return !series_.empty(); }

  // The pod labels that it names: they are told back where all pods share them.
  [[nodiscard]] const std::vector<Requirement>& pod_labels() const { return pod_; }

 private:
  [[nodiscard]] bool matches_series(const PodSnapshot& snapshot,
                                    const SeriesSnapshot& series) const;

  std::vector<Requirement> pod_, workload_, series_;
  std::optional<Window> window_;
};

// The pods that one value is made of.
struct SelectedPods {
  std::vector<PodObservation> pods;  // point into the view
  Labels shared;                     // model, engine, role, workload, kind: what all matched share
};

// `candidates` narrowed to the pods that match, and to those that cannot say but belong to a
// workload of which a pod matches: they are expected to count. Workloads without any sidecar are
// left out.
[[nodiscard]] SelectedPods select_pods(const View& view, const std::vector<PodNumber>& candidates,
                                       const PodSelection& selection);

}  // namespace leadline
