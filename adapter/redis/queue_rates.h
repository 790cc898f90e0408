// What follows from counts of a queue over time, and from the times that its jobs carry: jobs that
// came and went a second, and the age of the oldest. Pure; each number may be a hostile server's.
// Used by RedisPoller. Not thread-safe: a queue's poller owns its window.

#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace leadline {

struct QueueRates {
  double arrivals = 0;                // jobs a second, >= 0
  Result<double> completions = 0;     // jobs a second, >= 0; or why it is not known
  std::chrono::milliseconds span{0};  // the time that they are of: a second to a minute
};

// The samples of the last minute, at most one a second.
class QueueRateWindow {
 public:
  static constexpr std::chrono::seconds kWindow{60};
  static constexpr std::chrono::seconds kStep{1};

  // `added`: jobs ever added to each of the queue's keys; one that fell (deleted, lost with its
  // server) begins the window anew. `jobs`: waiting and in flight then; nullopt: not known exactly.
  // A sample less than kStep after the last one, or before it, is left out.
  void add(SteadyTime at, const std::vector<std::int64_t>& added, std::optional<std::int64_t> jobs);

  // kUnavailable: less than two samples.
  [[nodiscard]] Result<QueueRates> rates() const;

 private:
  struct Sample {
    SteadyTime at;
    std::int64_t added = 0;  // to all keys
    std::optional<std::int64_t> jobs;
  };
  [[nodiscard]] static Result<double> completions(const Sample& first, const Sample& last);

  std::deque<Sample> samples_;
  std::vector<std::int64_t> added_;  // of the last sample
};

// The time in a stream entry's ID, `1700000000123-0`, since the epoch; nullopt: it is no ID.
[[nodiscard]] std::optional<std::chrono::milliseconds> time_of_entry(std::string_view id);

// For how many seconds a job has been there, both times by Redis' clock, since the epoch; 0 for one
// that is of the same moment, or came before that clock was set back. kUnavailable: the job's is no
// time at all, as with IDs that a producer makes up.
[[nodiscard]] Result<double> job_age(std::chrono::milliseconds came, std::chrono::milliseconds now);

}  // namespace leadline
