#include "sidecar/engine_tracker.h"

#include <array>
#include <cassert>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/signal.h"
#include "sidecar/scrape_interval.h"

namespace leadline {
namespace {

void edge(TrackerStep& step, LogLevel level, std::string line) {
  step.edges.push_back({level, std::move(line)});
}

std::string names_of(const std::vector<Signal>& signals) {
  std::vector<std::string_view> names;
  names.reserve(signals.size());
  for (const Signal signal : signals) names.push_back(row_of(signal).name);
  return fmt::format("{}", fmt::join(names, ","));
}

}  // namespace

std::string_view state_name(EngineState state) {
  constexpr std::array<std::string_view, 4> kNames = {"searching", "up", "unreachable", "asleep"};
  return kNames.at(static_cast<std::size_t>(state));
}

bool is_stale(const EngineView& view, SteadyTime now) {
  return view.sampled_at && now - *view.sampled_at >= max_age_for(view.interval);
}

TrackerStep EngineTracker::take(const ScrapeOutcome& outcome, const std::string& endpoint,
                                std::chrono::milliseconds interval) {
  TrackerStep step;
  if (outcome.result == ScrapeResult::kOk) {
    take_page(outcome, endpoint, interval, step);
  } else {
    take_failure(outcome, endpoint, step);
  }
  return step;
}

void EngineTracker::take_page(const ScrapeOutcome& outcome, const std::string& endpoint,
                              std::chrono::milliseconds interval, TrackerStep& step) {
  assert(outcome.reading);
  const EngineReading& reading = *outcome.reading;
  const bool moved = !view_->endpoint.empty() && view_->endpoint != endpoint;
  if (!view_->engine.empty() && view_->engine != reading.engine) {
    forget_engine(reading.engine, step);
  } else if (moved) {
    windows_.clear();  // another process: its counters have nothing to do with the old ones
  }
  log_found(outcome, endpoint, step);
  auto view = std::make_shared<EngineView>();
  view->state = reading.asleep ? EngineState::kAsleep : EngineState::kUp;
  view->engine = reading.engine;
  view->variant = reading.variant;
  view->endpoint = endpoint;
  view->interval = interval;
  view->sampled_at = outcome.started.steady;
  view->series = windows_.record(reading, outcome.started.steady);
  view->reading = reading;
  view_ = std::move(view);
  step.news = true;
  log_page_edges(reading, step);
  log_content_type(outcome.odd_content_type, step);
}

void EngineTracker::log_found(const ScrapeOutcome& outcome, const std::string& endpoint,
                              TrackerStep& step) {
  assert(outcome.reading);
  if (view_->engine.empty() || view_->endpoint != endpoint) {
    edge(step, LogLevel::kInfo,
         fmt::format("engine found engine={} variant=\"{}\" endpoint={} why=\"{}\"",
                     outcome.reading->engine, printable(outcome.reading->variant), endpoint,
                     printable(outcome.why)));
  }
  if (failures_ > 0) {
    edge(step, LogLevel::kInfo,
         fmt::format("scrapes succeed again endpoint={} failed={}", endpoint, failures_));
  }
  failures_ = 0;
  failures_logged_.clear();
}

void EngineTracker::log_page_edges(const EngineReading& reading, TrackerStep& step) {
  if (windows_.restarts() != restarts_logged_) {
    restarts_logged_ = windows_.restarts();
    edge(step, LogLevel::kInfo, fmt::format("engine restarted engine={}", reading.engine));
  }
  if (reading.missing != drift_logged_) {
    drift_logged_ = reading.missing;
    edge(step, reading.missing.empty() ? LogLevel::kInfo : LogLevel::kWarn,
         fmt::format("dialect drift changed engine={} missing={}", reading.engine,
                     names_of(reading.missing)));
  }
  if ((reading.bad_lines > 0) != bad_lines_logged_) {
    bad_lines_logged_ = reading.bad_lines > 0;
    edge(step, bad_lines_logged_ ? LogLevel::kWarn : LogLevel::kInfo,
         fmt::format("unreadable lines in the engine's page engine={} lines={}", reading.engine,
                     reading.bad_lines));
  }
}

void EngineTracker::log_content_type(const std::string& odd, TrackerStep& step) {
  if (odd == odd_content_type_logged_) return;
  odd_content_type_logged_ = odd;
  if (odd.empty()) {
    edge(step, LogLevel::kInfo, "the engine's page has an exposition's content type again");
  } else {
    edge(step, LogLevel::kWarn,
         fmt::format("the engine's page is an exposition by its content, not by its type: read all "
                     "the same content_type=\"{}\"",
                     printable(odd)));
  }
}

void EngineTracker::take_failure(const ScrapeOutcome& outcome, const std::string& endpoint,
                                 TrackerStep& step) {
  ++failures_;
  const bool first = failures_logged_.insert(outcome.result).second;
  const bool known = !view_->engine.empty();
  const std::string why =
      fmt::format("result={} err=\"{}\"", result_name(outcome.result), printable(outcome.why));
  if (known && engine_gone(outcome.result) && view_->state != EngineState::kUnreachable) {
    lose_engine(why, step);
  } else if (first) {
    edge(step, LogLevel::kWarn,
         fmt::format("{} endpoint={} {}", known ? "scrape failed" : "no engine found yet", endpoint,
                     why));
  }
  if (known && outcome.result == ScrapeResult::kNoDialect && outcome.engine != view_->engine) {
    forget_engine(outcome.engine, step);
  }
}

TrackerStep EngineTracker::expire(SteadyTime now) {
  TrackerStep step;
  if (!is_stale(*view_, now)) return step;
  lose_engine(fmt::format("err=\"no good scrape for {} ms\"", max_age_for(view_->interval).count()),
              step);
  return step;
}

void EngineTracker::forget_engine(const std::string& now_answers, TrackerStep& step) {
  edge(step, LogLevel::kWarn,
       fmt::format("another engine answers: everything known is dropped was={} now={}",
                   view_->engine, now_answers));
  ++engine_changes_;
  windows_.clear();
  drift_logged_.clear();
  bad_lines_logged_ = false;
  view_ = std::make_shared<const EngineView>();
  step.news = true;
}

void EngineTracker::lose_engine(std::string_view why, TrackerStep& step) {
  edge(step, LogLevel::kWarn,
       fmt::format("engine unreachable: its values are dropped engine={} endpoint={} {}",
                   view_->engine, view_->endpoint, why));
  auto view = std::make_shared<EngineView>();
  view->state = EngineState::kUnreachable;
  view->engine = view_->engine;
  view->variant = view_->variant;
  view->endpoint = view_->endpoint;
  view->interval = view_->interval;
  view_ = std::move(view);
  step.news = true;
}

PodSnapshot EngineTracker::snapshot() const {
  PodSnapshot snapshot;
  snapshot.scrape_interval = view_->interval;
  snapshot.engine = view_->engine;
  snapshot.state = view_->state;
  snapshot.series = view_->series;
  return snapshot;
}

}  // namespace leadline
