// Collector turns a list of pods into views: it keeps one SidecarLink per pod that has a sidecar,
// holds the newest snapshot of each, and publishes an immutable view at most 20 times a second.
//
// Lives on one EventLoop and is used on its thread, except tried_all() and the ViewCell.
// A snapshot replaces everything that was known of its pod; a failed poll changes nothing, since
// what is known goes stale by itself.

#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "adapter/label_collisions.h"
#include "adapter/pod_directory.h"
#include "adapter/self_metrics.h"
#include "adapter/sidecar_link.h"
#include "adapter/view.h"
#include "daemon/edge_log.h"
#include "daemon/event_loop.h"

namespace leadline {

struct CollectorOptions {
  Clock clock = system_now;
  std::chrono::milliseconds least_max_age{5000};  // a pod's is max(this, 4 x its scrape interval)
};

class Collector {
 public:
  // All references outlive it.
  Collector(EventLoop& loop, ViewCell& views, SelfMetrics& metrics, CollectorOptions options);
  ~Collector();
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  // Dials what is new, forgets what is gone.
  void take(const std::shared_ptr<const PodList>& list);

  // Whether every pod of the first list that was Ready was tried once, or 5 s passed since. Until
  // then the views are incomplete. Any thread.
  [[nodiscard]] bool tried_all() const { return tried_all_.load(); }

 private:
  struct Slot {
    Pod pod;
    PodState state;
    bool awaited = false;  // tried_all() waits for it
    std::unique_ptr<SidecarLink> link;
  };
  using Slots = std::unordered_map<std::string, std::unique_ptr<Slot>>;

  std::unique_ptr<Slot> slot_for(const Pod& pod);
  void update(Slot& slot, const Pod& pod);
  void dial_all();
  void expect_first_answers();
  void received(Slot& slot, PollResult result);
  void accept(Slot& slot, SnapshotAnswer answer);
  void log_edge(const Slot& slot, const PollResult& result);
  void note_signals(Slot& slot);
  void note_collisions(const PodSnapshot& snapshot);
  void settle(Slot& slot);
  void publish_soon();
  void publish();

  EventLoop& loop_;
  ViewCell& views_;
  SelfMetrics& metrics_;
  CollectorOptions options_;
  std::shared_ptr<const PodIndex> index_;
  EdgeLog edges_;
  LabelCollisions collisions_;
  Slots slots_;               // by the pod's identity
  std::vector<Slot*> order_;  // as in the list
  std::size_t awaited_ = 0;
  std::atomic<bool> tried_all_ = false;
  SteadyTime published_at_;
  TimerId publish_timer_ = 0, first_answers_timer_ = 0;
};

// The signals that a snapshot gives, as PodObservation::signals_seen. Pure.
[[nodiscard]] std::uint32_t signals_given(const PodObservation& pod, SteadyTime now);

}  // namespace leadline
