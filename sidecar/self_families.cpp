#include "sidecar/self_families.h"

#include <chrono>
#include <string>

#include "daemon/http_families.h"

namespace leadline {
namespace {

using prometheus::MetricFamily;

double count(std::uint64_t n) {
  return static_cast<double>(n);
}

double seconds(SteadyTime::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

void add_engine(const EngineView& view, SteadyTime now, Families& all) {
  all.push_back(gauge_of("leadline_engine_up",
                         "1 while the engine's values are served, 0 while there are none.",
                         view.sampled_at ? 1 : 0));
  MetricFamily state = gauge_family("leadline_engine_state", "1 for the state the engine is in.");
  for (const EngineState one : {EngineState::kSearching, EngineState::kUp,
                                EngineState::kUnreachable, EngineState::kAsleep}) {
    add(state, {{"state", std::string(state_name(one))}}, view.state == one ? 1 : 0);
  }
  all.push_back(std::move(state));
  if (!view.engine.empty()) {
    MetricFamily info = gauge_family("leadline_engine_info", "The engine that was found.");
    add(info, {{"engine", view.engine}, {"variant", view.variant}, {"version", view.version}}, 1);
    all.push_back(std::move(info));
  }
  if (view.reading && !view.reading->missing.empty()) {
    MetricFamily drift =
        gauge_family("leadline_dialect_drift",
                     "1 for a signal that this engine used to tell and tells no more.");
    for (const Signal signal : view.reading->missing) {
      add(drift, {{"signal", std::string(row_of(signal).name)}}, 1);
    }
    all.push_back(std::move(drift));
  }
  if (view.sampled_at) {
    all.push_back(gauge_of("leadline_sample_age_seconds", "Age of the engine's values.",
                           seconds(now - *view.sampled_at)));
  }
}

void add_scrapes(const SelfState& self, Families& all) {
  const SelfMetrics& metrics = self.metrics;
  MetricFamily scrapes = counter_family("leadline_scrapes_total", "Scrapes of the engine.");
  for (std::size_t i = 0; i < kScrapeResultCount; ++i) {
    const auto result = static_cast<ScrapeResult>(i);
    add(scrapes, {{"result", std::string(result_name(result))}}, count(metrics.scrapes[i]));
  }
  all.push_back(std::move(scrapes));
  MetricFamily durations =
      histogram_family("leadline_scrape_duration_seconds", "From asking to the page's last byte.");
  add_histogram(durations, {},
                {SelfMetrics::kDurationEdges.begin(), SelfMetrics::kDurationEdges.end()},
                {metrics.durations.begin(), metrics.durations.end()}, metrics.duration_sum);
  all.push_back(std::move(durations));
  all.push_back(gauge_of("leadline_scrape_interval_seconds", "Time between two scrapes, now.",
                         seconds(self.loop.interval().interval())));
  if (const auto load = self.loop.interval().load_ratio()) {
    all.push_back(gauge_of("leadline_scrape_load_ratio",
                           "Share of the time that the engine renders its page for us.", *load));
  }
  all.push_back(counter_of("leadline_scraped_bytes_total", "Bytes of pages read.",
                           count(metrics.scraped_bytes)));
  all.push_back(counter_of("leadline_odd_content_types_total",
                           "Pages read although their Content-Type names no exposition.",
                           count(metrics.odd_content_types)));
  all.push_back(counter_of("leadline_bad_lines_total", "Lines of pages that could not be read.",
                           count(metrics.bad_lines)));
  all.push_back(counter_of("leadline_searches_total", "Rounds of looking for an engine.",
                           count(metrics.searches)));
}

void add_tracker(const EngineTracker& tracker, Families& all) {
  all.push_back(counter_of("leadline_engine_restarts_total", "Engine restarts recognised.",
                           count(tracker.restarts())));
  all.push_back(counter_of("leadline_engine_changes_total",
                           "Times that another engine answered in the known one's place.",
                           count(tracker.engine_changes())));
  all.push_back(counter_of("leadline_merged_series_total", "Series merged for want of room.",
                           count(tracker.merged_series())));
}

void add_polls(const SelfState& self, Families& all) {
  MetricFamily polls = counter_family("leadline_snapshot_polls_total", "Answers of /snapshot.");
  add(polls, {{"result", "body"}}, count(self.polls.bodies));
  add(polls, {{"result", "no_news"}}, count(self.polls.no_news));
  add(polls, {{"result", "refused"}}, count(self.polls.refused));
  add(polls, {{"result", "malformed"}}, count(self.polls.malformed));
  all.push_back(std::move(polls));
  all.push_back(gauge_of("leadline_parked_polls", "Polls of /snapshot that wait for news.",
                         count(self.polls.parked)));
  all.push_back(gauge_of("leadline_snapshot_bytes", "Size of the encoded snapshot.",
                         count(self.snapshot_bytes)));
}

}  // namespace

Families self_families(const SelfState& self, SteadyTime now) {
  Families all;
  MetricFamily build = gauge_family("leadline_build_info", "The sidecar's version.");
  add(build, {{"version", LEADLINE_VERSION}}, 1);
  all.push_back(std::move(build));
  add_engine(*self.loop.tracker().view(), now, all);
  add_scrapes(self, all);
  add_tracker(self.loop.tracker(), all);
  add_polls(self, all);
  add_http_families("leadline_http_", {{"", self.http}}, all);
  return all;
}

}  // namespace leadline
