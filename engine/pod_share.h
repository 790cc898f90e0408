// PodShare is what one pod contributes to an aggregate: numbers, histograms, or the reason why it
// contributes nothing. Internal to engine/aggregate. Pure.

#pragma once

#include <boost/container/small_vector.hpp>
#include <chrono>
#include <cstdint>
#include <optional>

#include "engine/aggregate.h"

namespace leadline {

struct PodShare {
  enum class Kind : std::uint8_t {
    kGiven,
    kNothing,  // it says that it observed nothing: it counts, and adds nothing
    kStale,    // why it does not count, from here on
    kNoSidecar,
    kNoAnswer,
    kNoEngine,     // the sidecar has no engine to tell of
    kNoWindowYet,  // no two scrapes 1 s apart yet
    kNotGiven,     // the engine does not tell this signal
    kNotMatching,  // it serves another model or role
  };
  // One series. Weights are KV tokens.
  struct Number {
    double value = 0;
    std::optional<double> capacity;
  };

  Kind kind = Kind::kNotGiven;
  // Of the matching series: nearly always one, so that a share allocates nothing.
  boost::container::small_vector<Number, 1> numbers;  // for kValue
  boost::container::small_vector<const HistogramDelta*, 1>
      histograms;  // for latencies; owned by the snapshot
  std::optional<std::chrono::milliseconds> span;
  bool idle = false;     // latencies: the in-flight maximum over the window is known and 0
  bool assumed = false;  // kNothing only because it is idle: the engine gives no histogram (yet)

  [[nodiscard]] bool counts() const { return kind == Kind::kGiven || kind == Kind::kNothing; }
};

[[nodiscard]] PodShare share_of(const PodObservation& pod, const MetricSelection& selection,
                                const AggregateOptions& options, SteadyTime now);

// Whether a fresh snapshot says that requests wait or run: an unready pod counts only then.
[[nodiscard]] bool has_work(const PodObservation& pod, SteadyTime now);

}  // namespace leadline
