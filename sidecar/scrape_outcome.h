// What one scrape came to: the word for logs and self metrics, and the reading where there is one.
// The scraper makes it, the finder and the engine tracker act on it. Plain values.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "engine/reading.h"

namespace leadline {

enum class ScrapeResult : std::uint8_t {
  kOk,            // a page of an engine that we speak
  kRefused,       // nobody listens there, or no route leads there: the engine is gone
  kReset,         // it hung up in the middle: the engine is gone
  kTimeout,       // busy: says nothing about whether it lives
  kTooLarge,      // the page is over kPageLimit
  kBadAnswer,     // not HTTP
  kBadStatus,     // HTTP, but not 200
  kUnauthorized,  // 401 or 403: the page needs a key
  kBadPage,       // 200, but no exposition that we recognise: HTML, JSON, garbage, other families
  kNoSeries,      // an exposition without any engine's families: the engine is still starting
  kNoDialect,     // an engine that we recognise and cannot read yet
  kDraining,      // a JSON array: reading it empties it, so it must never be read again
};
inline constexpr std::size_t kScrapeResultCount = 12;

// "ok", "refused", "bad_page": the label `result` and the `result=` of log lines.
[[nodiscard]] constexpr std::string_view result_name(ScrapeResult result) {
  constexpr std::array<std::string_view, kScrapeResultCount> kNames = {
      "ok",         "refused",      "reset",    "timeout",   "too_large",  "bad_answer",
      "bad_status", "unauthorized", "bad_page", "no_series", "no_dialect", "draining_page"};
  return kNames.at(static_cast<std::size_t>(result));
}

// Whether nobody is there: all values are dropped at once. Anything else empties nothing until the
// last good sample reaches max_age.
[[nodiscard]] constexpr bool engine_gone(ScrapeResult result) {
  return result == ScrapeResult::kRefused || result == ScrapeResult::kReset;
}

struct ScrapeOutcome {
  ScrapeResult result = ScrapeResult::kBadAnswer;
  std::string why;     // for a person: what we saw; for kOk how the engine was recognised
  std::string engine;  // engine id; empty where the page does not say
  std::optional<EngineReading> reading;  // with kOk only
  Instant started{};                     // when we asked: the page is no older
  SteadyTime::duration duration{};       // until the answer was complete, or given up
  std::size_t bytes = 0;                 // of the page
  std::string odd_content_type;          // what the page was called, where that is no exposition's
};

}  // namespace leadline
