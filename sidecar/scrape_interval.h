// ScrapeInterval decides how often the engine may be asked, so that scraping never takes more than
// about a hundredth of the time in which the engine renders its page (often in its serving thread).
//
//   interval = clamp(100 x median of the last 9 scrape durations, 250 ms, 5 s), or fixed by the
//   flag.
//
// Worked: a 2.4 ms page gives 250 ms (240 would be too eager), a 12 ms page 1.2 s; a 74 ms page
// would want 7.4 s and gets 5 s: the cap wins and load_ratio() says 0.0148. Pure; the scrape loop
// owns one.

#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>

#include "base/clock.h"

namespace leadline {

inline constexpr std::chrono::milliseconds kShortestInterval{250};
inline constexpr std::chrono::milliseconds kLongestInterval{5000};

// A scrape that does not answer by then failed, and counts as having taken all of it.
inline constexpr std::chrono::milliseconds kScrapeTimeout{4000};

// Nothing that was sampled longer ago is served, by anything: max(5 s, 4 x interval).
[[nodiscard]] std::chrono::milliseconds max_age_for(std::chrono::milliseconds interval);

class ScrapeInterval {
 public:
  // nullopt: adaptive.
  explicit ScrapeInterval(std::optional<std::chrono::milliseconds> fixed) : fixed_(fixed) {}

  // What one scrape took, from asking to the last byte. Refused ones are not told: they cost
  // nothing.
  void record(SteadyTime::duration duration);

  [[nodiscard]] std::chrono::milliseconds interval() const;

  // Median duration / interval; 0.01 or less while the rule holds. nullopt: nothing scraped yet.
  [[nodiscard]] std::optional<double> load_ratio() const;

 private:
  [[nodiscard]] SteadyTime::duration median() const;  // REQUIRES: something was recorded

  std::optional<std::chrono::milliseconds> fixed_;
  std::deque<SteadyTime::duration> durations_;  // newest last, at most 9
};

// When the second tick comes: on the steady clock's grid of `interval`, moved by a phase that only
// `identity` decides, so that a node's sidecars do not all ask at the same moment and a restarted
// one keeps its place. Half an interval to one and a half after `start`.
[[nodiscard]] SteadyTime first_on_phase(SteadyTime start, std::chrono::milliseconds interval,
                                        std::size_t identity);

}  // namespace leadline
