// The log: one line per event to stderr, a constant message first and then key=value pairs:
//     scrape failed endpoint=http://127.0.0.1:8000 code=unavailable err="connection refused"
// Both daemons use it; engine/ has none and returns what there is to say. spdlog stays out of this
// header. Thread-safe.
//
// critical = the process exits; error = an operator must act; warn = degraded, will heal; info =
// start, stop and changes of state; debug = each tick. Never log tokens or whole bodies.

#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/result.h"

namespace leadline {

enum class LogLevel { kDebug, kInfo, kWarn, kError, kCritical };

// "debug", "info", "warn" or "error": what the configuration's log_level may say; else kBadConfig.
[[nodiscard]] Result<LogLevel> parse_log_level(std::string_view name);

// Lines below `level` are dropped. Until called: info.
void set_log_level(LogLevel level);

[[nodiscard]] bool log_enabled(LogLevel level);

void log_line(LogLevel level, std::string_view line);

inline void log_debug(std::string_view line) {
  log_line(LogLevel::kDebug, line);
}
inline void log_info(std::string_view line) {
  log_line(LogLevel::kInfo, line);
}
inline void log_warn(std::string_view line) {
  log_line(LogLevel::kWarn, line);
}
inline void log_error(std::string_view line) {
  log_line(LogLevel::kError, line);
}
inline void log_critical(std::string_view line) {
  log_line(LogLevel::kCritical, line);
}

// A peer's text made fit for a log line between quotes: control characters, quotes and backslashes
// escaped, bytes that are not UTF-8 text escaped, at most 300 bytes and then "...".
[[nodiscard]] std::string printable(std::string_view text);

// "unavailable": the value of `code=`.
[[nodiscard]] std::string_view errc_name(Errc code);

// `code=unavailable err="connection refused"`.
[[nodiscard]] std::string error_fields(const Error& error);

}  // namespace leadline
