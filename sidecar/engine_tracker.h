// EngineTracker is the state machine between scrapes and what is published: which engine we hear,
// whether it is up, and which values may still be served. Pure: time is in its arguments. Owned by
// the scrape loop; not thread-safe.
//
//   scrape came to      values                                   state
//   ok                  replaced                                 up, or asleep where the page says
//   so ok, other engine    all dropped, windows too, then replaced  up; a warning refused, reset
//   dropped at once                          unreachable (searching if never found) other engine
//   that   all dropped, windows too                 searching; a warning we cannot read anything
//   else       kept until max_age after the last good   unchanged; at max_age unreachable
//                       sample: a busy engine answers late
//
// Windows survive an engine that goes and comes back: the odometer sees a restart for what it is.

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "daemon/log.h"
#include "engine/pod_snapshot.h"
#include "engine/reading.h"
#include "engine/windows.h"
#include "sidecar/scrape_outcome.h"

namespace leadline {

// What may be served now. Immutable.
struct EngineView {
  EngineState state = EngineState::kSearching;
  std::string engine;   // engine id; the last known one while unreachable
  std::string variant;  // for people
  std::string version;  // for people; empty where unknown
  std::string endpoint;
  std::chrono::milliseconds interval{0};  // at which these values were scraped
  std::optional<SteadyTime> sampled_at;   // nullopt: no values
  std::vector<SeriesSnapshot> series;     // empty without sampled_at
  std::optional<EngineReading> reading;   // the page behind the values, for cumulative counters
};

// Whether the view's values are too old at `now`.
[[nodiscard]] bool is_stale(const EngineView& view, SteadyTime now);

// A line worth logging once, because something changed.
struct LogEdge {
  LogLevel level;
  std::string line;
};

// What one event changed.
struct TrackerStep {
  bool news = false;  // the view is another one now: publish it
  std::vector<LogEdge> edges;
};

class EngineTracker {
 public:
  EngineTracker() = default;

  // `interval`: the one in force, told to the adapter, who derives max_age from it.
  [[nodiscard]] TrackerStep take(const ScrapeOutcome& outcome, const std::string& endpoint,
                                 std::chrono::milliseconds interval);

  // Drops values that reached max_age.
  [[nodiscard]] TrackerStep expire(SteadyTime now);

  [[nodiscard]] const std::shared_ptr<const EngineView>& view() const { return view_; }

  // What the view says, as the adapter is told it.
  [[nodiscard]] PodSnapshot snapshot() const;

  [[nodiscard]] std::uint64_t engine_changes() const { return engine_changes_; }
  [[nodiscard]] std::uint64_t restarts() const { return windows_.restarts(); }
  [[nodiscard]] std::uint64_t merged_series() const { return windows_.merged_series(); }

 private:
  void take_page(const ScrapeOutcome& outcome, const std::string& endpoint,
                 std::chrono::milliseconds interval, TrackerStep& step);
  void take_failure(const ScrapeOutcome& outcome, const std::string& endpoint, TrackerStep& step);
  void forget_engine(const std::string& now_answers, TrackerStep& step);
  void lose_engine(std::string_view why, TrackerStep& step);
  void log_page_edges(const EngineReading& reading, TrackerStep& step);
  void log_content_type(const std::string& odd, TrackerStep& step);
  void log_found(const ScrapeOutcome& outcome, const std::string& endpoint, TrackerStep& step);

  std::shared_ptr<const EngineView> view_ = std::make_shared<const EngineView>();
  Windows windows_;
  std::uint64_t engine_changes_ = 0;
  std::uint64_t restarts_logged_ = 0;
  std::uint64_t failures_ = 0;              // in a row
  std::set<ScrapeResult> failures_logged_;  // kinds already logged in this row
  std::vector<Signal> drift_logged_;
  bool bad_lines_logged_ = false;
  std::string odd_content_type_logged_;
};

[[nodiscard]] std::string_view state_name(EngineState state);  // "searching", "up" …

}  // namespace leadline
