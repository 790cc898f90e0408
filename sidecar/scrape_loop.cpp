#include "sidecar/scrape_loop.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include <fmt/format.h>

#include "daemon/log.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSearchPeriod{1000};    // while no engine was ever found
constexpr milliseconds kResearchPeriod{5000};  // while the known one does not answer

}  // namespace

ScrapeLoop::ScrapeLoop(ScrapeLoopParts parts, ScrapeLoopSettings settings)
    : parts_(std::move(parts)),
      settings_(settings),
      interval_(settings.fixed_interval),
      tick_began_(parts_.clock().steady),
      due_(tick_began_) {}

ScrapeLoop::~ScrapeLoop() {
  stop();
}

void ScrapeLoop::start() {
  *running_ = true;
  tick();
}

void ScrapeLoop::stop() {
  *running_ = false;
  parts_.timers.cancel(tick_timer_);
  parts_.timers.cancel(expiry_timer_);
}

void ScrapeLoop::tick() {
  tick_timer_ = 0;
  tick_began_ = parts_.clock().steady;
  expire_values();
  if (should_search(tick_began_)) {
    search();
  } else {
    scrape();
  }
}

bool ScrapeLoop::should_search(SteadyTime now) const {
  if (!endpoint_) return true;
  if (tracker_.view()->sampled_at) return false;
  return !searched_at_ || now - *searched_at_ >= kResearchPeriod;
}

void ScrapeLoop::search() {
  ++parts_.metrics.searches;
  searched_at_ = tick_began_;
  parts_.finder.search([this, running = running_](const FindOutcome& found) {
    if (*running) take_search(found);
  });
}

void ScrapeLoop::take_search(const FindOutcome& found) {
  if (found.endpoint) endpoint_ = found.endpoint;
  if (found.telling) return take(found.outcome, to_text(*found.telling));
  tried_once_ = true;  // every candidate was skipped: there is nothing to say, again
  schedule();
}

void ScrapeLoop::scrape() {
  assert(endpoint_);
  const std::string endpoint = to_text(*endpoint_);
  parts_.scraper.scrape(*endpoint_,
                        [this, endpoint, running = running_](const ScrapeOutcome& outcome) {
                          if (*running) take(outcome, endpoint);
                        });
}

void ScrapeLoop::take(const ScrapeOutcome& outcome, const std::string& endpoint) {
  tried_once_ = true;
  const bool of_engine = endpoint_ && endpoint == to_text(*endpoint_);
  if (of_engine && !engine_gone(outcome.result)) {
    interval_.record(std::min<SteadyTime::duration>(outcome.duration, kScrapeTimeout));
  }
  if (outcome.result == ScrapeResult::kDraining) endpoint_.reset();
  apply(tracker_.take(outcome, endpoint, interval_.interval()));
  log_debug(
      fmt::format("tick endpoint={} result={} bytes={} duration_us={}", endpoint,
                  result_name(outcome.result), outcome.bytes,
                  std::chrono::duration_cast<std::chrono::microseconds>(outcome.duration).count()));
  schedule();
}

void ScrapeLoop::apply(const TrackerStep& step) {
  for (const LogEdge& edge : step.edges) log_line(edge.level, edge.line);
  if (!step.news) return;
  parts_.publisher.publish(tracker_.snapshot(), tracker_.view()->sampled_at);
  arm_expiry();
}

void ScrapeLoop::expire_values() {
  apply(tracker_.expire(parts_.clock().steady));
}

void ScrapeLoop::arm_expiry() {
  parts_.timers.cancel(expiry_timer_);
  expiry_timer_ = 0;
  const auto& view = *tracker_.view();
  if (!view.sampled_at) return;
  const auto left = *view.sampled_at + max_age_for(view.interval) - parts_.clock().steady;
  const auto delay = std::max(std::chrono::ceil<milliseconds>(left), milliseconds(0));
  expiry_timer_ = parts_.timers.call_after(delay, [this] {
    expiry_timer_ = 0;
    expire_values();
  });
}

milliseconds ScrapeLoop::period() const {
  return endpoint_ ? interval_.interval() : std::max(kSearchPeriod, interval_.interval());
}

SteadyTime ScrapeLoop::next_tick(SteadyTime now) {
  const milliseconds every = period();
  if (endpoint_ && !in_phase_) {
    in_phase_ = true;
    return first_on_phase(tick_began_, every, settings_.phase_identity);
  }
  // From when the tick was due, not from when the timer rang: lateness does not add up. Ticks that
  // were missed (a slow page, a stopped process) are dropped, and the phase is kept.
  SteadyTime next = due_ + every;
  if (next <= now) next += ((now - next) / every + 1) * every;
  // An engine too slow for the interval gets a rest.
  const bool slow = now - tick_began_ >= every;
  return slow && next - now < every / 2 ? next + every : next;
}

void ScrapeLoop::schedule() {
  const SteadyTime now = parts_.clock().steady;
  due_ = next_tick(now);
  const auto wait = std::chrono::ceil<milliseconds>(due_ - now);
  tick_timer_ = parts_.timers.call_after(std::max(wait, milliseconds(0)), [this] { tick(); });
}

bool ScrapeLoop::alive() const {
  const milliseconds longest = std::max({kLongestInterval, period()}) + kScrapeTimeout;
  const SteadyTime last = std::max(tick_began_, parts_.scraper.last_began());
  return parts_.clock().steady - last < longest * 3 / 2;
}

}  // namespace leadline
