// EdgeLog says a repeated failure twice instead of every second: when it begins and when it is
// over.
//     scrape failed endpoint=http://10.0.0.7:8000 code=unavailable err="connection refused"
//     scrape recovered endpoint=http://10.0.0.7:8000 failures=37 for=41.0s
// In between a metric tells the rate. A failure whose message changes (`what`, not its fields) logs
// again.
//
// Not thread-safe: one loop owns one. Bounded: at most kMaxKeys failures are remembered; while that
// many are open, further ones are counted in dropped() and logged neither at their begin nor at
// their end.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "daemon/log.h"

namespace leadline {

class EdgeLog {
 public:
  static constexpr std::size_t kMaxKeys = 256;

  // `sink` gets each line; by default log_line.
  explicit EdgeLog(std::function<void(LogLevel, std::string_view)> sink = log_line);

  // `key` says what fails (an endpoint), `what` the constant message ("scrape failed"), `fields`
  // the rest of the line. Logs a warning where this failure begins.
  void failed(std::string_view key, std::string_view what, std::string_view fields, Instant now);

  // Logs `what` ("scrape recovered") with the count and duration, where a failure of `key` was
  // open.
  void recovered(std::string_view key, std::string_view what, std::string_view fields, Instant now);

  // Forgets `key` silently: what could fail is gone, a deleted pod.
  void forget(std::string_view key);

  [[nodiscard]] std::size_t open() const { return open_.size(); }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  struct Failure {
    std::string what;
    SteadyTime since;
    std::uint64_t count = 0;
  };

  std::function<void(LogLevel, std::string_view)> sink_;
  std::map<std::string, Failure, std::less<>> open_;
  std::uint64_t dropped_ = 0;
};

}  // namespace leadline
