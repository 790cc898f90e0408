// KedaMemory is what a scaler must know of the past and a view does not tell: since when a workload
// has no pod, and since when a pod is loading. Everything is as this replica saw it, so that one
// that has just started waits longer than its peers, and never less.
//
// Thread-safe: unary calls and streams ask, each of them may be the first to see a new list.

#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "adapter/pod_index.h"
#include "adapter/view.h"
#include "base/clock.h"

namespace leadline {

class KedaMemory {
 public:
  // A namespace that asks for more forgets those it asked for longest ago, so that made-up names
  // harm nobody else; above the first number no time is known of those that are new.
  static constexpr std::size_t kMaxWorkloads = 20'000;
  static constexpr std::size_t kMaxWorkloadsOfNamespace = 1'000;

  // Sees what changed with the view's list of pods; the same list again costs nothing. Views that
  // are not complete are left alone. To be called several times a second.
  void look(const View& view, SteadyTime now);

  // For how long no pod of the workload has been listed; nullopt where one is. At least since the
  // newest list came, where the workload is asked for the first time.
  [[nodiscard]] std::optional<SteadyTime::duration> empty_for(const std::string& kind,
                                                              const std::string& namespace_name,
                                                              const std::string& name,
                                                              SteadyTime now);

  // For how long the pod has been loading: since it was first seen not Ready, even when it was
  // Ready in between for less than kSettled, as one that crashes again and again is. nullopt for a
  // pod that is Ready.
  [[nodiscard]] std::optional<SteadyTime::duration> loading_for(const Pod& pod,
                                                                SteadyTime now) const;

  static constexpr std::chrono::minutes kSettled{15};

 private:
  struct WorkloadKey {
    std::string namespace_name, kind, name;
    auto operator<=>(const WorkloadKey&) const = default;
  };
  struct Emptiness {
    std::optional<SteadyTime> since;  // nullopt: a pod is listed
    SteadyTime last_asked;
  };
  struct Loading {
    SteadyTime since;
    std::optional<SteadyTime> ready_since;
  };

  [[nodiscard]] bool is_listed(const WorkloadKey& key) const;
  void make_room_in(const std::string& namespace_name);
  void look_at_workloads(SteadyTime now);
  void look_at_pods(SteadyTime now);

  mutable std::mutex mutex_;
  std::shared_ptr<const PodIndex> index_;  // nullptr: no complete view came yet
  SteadyTime index_since_;
  std::map<WorkloadKey, Emptiness> workloads_;  // those that were asked for; a namespace's together
  std::unordered_map<std::string, Loading> loading_;
};

}  // namespace leadline
