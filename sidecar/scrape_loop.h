// ScrapeLoop decides when: it looks for an engine, scrapes the one it found on the adaptive
// interval, feeds the tracker, publishes what changed, and lets values expire between scrapes. The
// loop's thread only.
//
//   no engine found yet     search all candidates every second
//   found                   scrape its endpoint every interval
//   found and unreachable   the same, and search every 5 s: it may be back elsewhere

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "sidecar/engine_finder.h"
#include "sidecar/engine_tracker.h"
#include "sidecar/scrape_interval.h"
#include "sidecar/scraper.h"
#include "sidecar/self_metrics.h"
#include "sidecar/snapshot_publisher.h"
#include "sidecar/timers.h"

namespace leadline {

struct ScrapeLoopSettings {
  std::optional<std::chrono::milliseconds> fixed_interval;
  std::size_t phase_identity = 0;  // hash of who we are
};

// What the loop works with; all outlive it.
struct ScrapeLoopParts {
  Timers& timers;
  Clock clock;
  Scraper& scraper;
  EngineFinder& finder;
  SnapshotPublisher& publisher;
  SelfMetrics& metrics;
};

class ScrapeLoop {
 public:
  ScrapeLoop(ScrapeLoopParts parts, ScrapeLoopSettings settings);
  ~ScrapeLoop();
  ScrapeLoop(const ScrapeLoop&) = delete;
  ScrapeLoop& operator=(const ScrapeLoop&) = delete;

  // First tick at once, so that data exists early.
  void start();

  // No more ticks; what is in flight changes nothing any more.
  void stop();

  // Drops values that reached max_age. Everything that serves values calls it first: after the
  // process was stopped (SIGSTOP), a request may run before the timer does.
  void expire_values();

  [[nodiscard]] const EngineTracker& tracker() const { return tracker_; }
  [[nodiscard]] const ScrapeInterval& interval() const { return interval_; }

  // Whether the engine was looked for at least once: readiness, which follows nothing else.
  [[nodiscard]] bool tried_once() const { return tried_once_; }

  // Whether the loop still turns: its last tick or GET began less than 1.5 x the longest period
  // ago.
  [[nodiscard]] bool alive() const;

 private:
  void tick();
  void search();
  void scrape();
  void take(const ScrapeOutcome& outcome, const std::string& endpoint);
  void take_search(const FindOutcome& found);
  void apply(const TrackerStep& step);
  void schedule();
  void arm_expiry();
  [[nodiscard]] bool should_search(SteadyTime now) const;
  [[nodiscard]] std::chrono::milliseconds period() const;
  [[nodiscard]] SteadyTime next_tick(SteadyTime now);

  ScrapeLoopParts parts_;
  ScrapeLoopSettings settings_;
  ScrapeInterval interval_;
  EngineTracker tracker_;
  std::optional<HttpUrl> endpoint_;  // where the engine was last found
  SteadyTime tick_began_;
  SteadyTime due_;  // when the tick should have begun
  std::optional<SteadyTime> searched_at_;
  TimerId tick_timer_ = 0;
  TimerId expiry_timer_ = 0;
  bool in_phase_ = false;
  bool tried_once_ = false;
  std::shared_ptr<bool> running_ = std::make_shared<bool>(false);  // held by what is in flight
};

}  // namespace leadline
