#include "sidecar/scrape_interval.h"

#include <algorithm>
#include <cassert>
#include <vector>

namespace leadline {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr std::size_t kRemembered = 9;
constexpr int kShare = 100;  // one part scraping, a hundred parts serving
constexpr milliseconds kLeastMaxAge{5000};

}  // namespace

milliseconds max_age_for(milliseconds interval) {
  return std::max(kLeastMaxAge, 4 * interval);
}

void ScrapeInterval::record(SteadyTime::duration duration) {
  durations_.push_back(std::max(duration, SteadyTime::duration::zero()));
  if (durations_.size() > kRemembered) durations_.pop_front();
}

SteadyTime::duration ScrapeInterval::median() const {
  assert(!durations_.empty());
  std::vector<SteadyTime::duration> sorted(durations_.begin(), durations_.end());
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

milliseconds ScrapeInterval::interval() const {
  if (fixed_) return *fixed_;
  if (durations_.empty()) return kShortestInterval;
  return std::clamp(duration_cast<milliseconds>(kShare * median()), kShortestInterval,
                    kLongestInterval);
}

std::optional<double> ScrapeInterval::load_ratio() const {
  if (durations_.empty()) return std::nullopt;
  using Seconds = std::chrono::duration<double>;
  return Seconds(median()) / Seconds(interval());
}

SteadyTime first_on_phase(SteadyTime start, milliseconds interval, std::size_t identity) {
  assert(interval > milliseconds::zero());
  const auto phase = milliseconds(identity % static_cast<std::size_t>(interval.count()));
  const auto earliest = start + interval / 2;
  const auto past_grid = (earliest.time_since_epoch() - phase) % interval;
  const auto wait = past_grid <= SteadyTime::duration::zero() ? -past_grid : interval - past_grid;
  return earliest + wait;
}

}  // namespace leadline
