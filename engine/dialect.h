// A dialect is how one engine spells the signals: read() turns its page into an EngineReading.
// Dialects are tables (engine/dialects/, one file per engine): each row names the families that
// tell a gauge, a counter or a latency, oldest knowledge last, and where that is written down; one
// interpreter reads them all. Used by the sidecar. Pure; dialects are constant and thread-safe.
//
// Rules that the interpreter keeps for every table (engine survey, sections 0.1, 0.2, 1.5, 1.6,
// 25):
//  - Alternatives are names of one thing over the versions: the first that has a series on the page
//    is read, never a sum of two.
//    For a latency: a series under its filter.
//  - Series that only another rank inside the data-parallel rank prints again are read once.
//  - A gauge that several processes print (label `pid`) is taken once per rank, the highest.
//  - NaN, infinite and impossible values (a negative count, a ratio above 1) are absent. A sum with
//    an absent rank is absent; a mean is that of the ranks that tell.
//  - Counters and histograms stay split by their source series (engine/reading.h), so that a rank
//    that leaves is no restart.
//  - A counter with a label filter on a family that is there without such a series is 0, and known.

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/page.h"
#include "engine/reading.h"
#include "engine/signal.h"

namespace leadline {

struct AbsentSignal {
  Signal signal;
  std::string reason;  // for a person: `vLLM exposes no queue_tokens: …`
};

class Dialect {
 public:
  Dialect() = default;
  virtual ~Dialect() = default;
  Dialect(const Dialect&) = delete;
  Dialect& operator=(const Dialect&) = delete;

  [[nodiscard]] virtual std::string_view id() const = 0;
  // kBadInput where the page is no exposition, is over a cap, or is another engine's by now. No
  // series in the answer: an exposition that has none of ours yet (the engine is starting).
  [[nodiscard]] virtual Result<EngineReading> read(const Page& page) const = 0;
  // Signals that a page of this engine in use has; one that lacks them drifted (reading.missing).
  [[nodiscard]] virtual std::vector<Signal> promised() const = 0;
  // What this engine cannot tell, and why.
  [[nodiscard]] virtual std::vector<AbsentSignal> absent() const = 0;
};

// Built-in dialects, in no order that matters. `generic` is not among them: it needs a mapping
// (engine/dialects/generic.h).
[[nodiscard]] std::span<const Dialect* const> dialects();
[[nodiscard]] const Dialect* find_dialect(std::string_view id);  // nullptr: none by that name

}  // namespace leadline
