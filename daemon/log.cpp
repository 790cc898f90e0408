#include "daemon/log.h"

#include <memory>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace leadline {

namespace {

constexpr std::size_t kMaxPrintable = 300;

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> kLogger = [] {
    auto made = std::make_shared<spdlog::logger>("leadline",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    made->set_level(spdlog::level::info);
    return made;
  }();
  return *kLogger;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kCritical:
      return spdlog::level::critical;
  }
  return spdlog::level::info;
}

// How many bytes at the front of `text` are one well-formed UTF-8 character; 0 where none is.
// Source: RFC 3629 §4; overlong forms and surrogates are let through, they harm no terminal.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const std::size_t length = lead < 0x80             ? 1
                             : (lead & 0xe0) == 0xc0 ? 2
                             : (lead & 0xf0) == 0xe0 ? 3
                             : (lead & 0xf8) == 0xf0 ? 4
                                                     : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // U+0080..U+009F are control characters too: C2 9B is a terminal's escape sequence.
  return lead == 0xc2 && byte(1) < 0xa0 ? 0 : length;
}

std::string escaped(std::string_view character) {
  const char c = character.front();
  if (c == '\n') return "\\n";
  if (c == '\t') return "\\t";
  if (c == '"' || c == '\\') return std::string("\\") + c;
  const auto byte = static_cast<unsigned char>(c);
  if (utf8_length(character) == 0 || byte < 0x20 || byte == 0x7f) {
    return fmt::format("\\x{:02x}", byte);
  }
  return std::string(character);
}

}  // namespace

Result<LogLevel> parse_log_level(std::string_view name) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError}) {
    const auto spelled = spdlog::level::to_string_view(spdlog_level(level));
    if (name == std::string_view(spelled.data(), spelled.size())) return level;
    if (name == "warn" && level == LogLevel::kWarn) return level;  // spdlog spells it "warning"
  }
  return fail(Errc::kBadConfig, "log level '{}' must be one of debug, info, warn, error",
              printable(name));
}

void set_log_level(LogLevel level) {
  logger().set_level(spdlog_level(level));
}

bool log_enabled(LogLevel level) {
  return logger().should_log(spdlog_level(level));
}

void log_line(LogLevel level, std::string_view line) {
  logger().log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(utf8_length(text), 1);
    const std::string next = escaped(text.substr(0, length));
    if (shown.size() + next.size() > kMaxPrintable) return shown + "...";
    shown += next;
    text.remove_prefix(length);
  }
  return shown;
}

std::string_view errc_name(Errc code) {
  switch (code) {
    case Errc::kBadConfig:
      return "bad_config";
    case Errc::kBadInput:
      return "bad_input";
    case Errc::kUnavailable:
      return "unavailable";
    case Errc::kNotFound:
      return "not_found";
    case Errc::kStale:
      return "stale";
  }
  return "unknown";
}

std::string error_fields(const Error& error) {
  return fmt::format("code={} err=\"{}\"", errc_name(error.code), printable(error.message));
}

}  // namespace leadline
