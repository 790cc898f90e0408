// The two renderings of an OnceReport.

#include "sidecar/once_report.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/log.h"

namespace leadline {
namespace {

using Json = nlohmann::ordered_json;

// 3, 0.2135, 1235: four digits tell a person enough.
std::string number_text(double value) {
  if (value == std::floor(value) || std::abs(value) >= 1000) return fmt::format("{:.0f}", value);
  return fmt::format("{:.4g}", value);
}

// A whole number without ".0", as people and jq expect of counts.
Json number_json(double value) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (value == std::floor(value) && std::abs(value) < kExact)
    return static_cast<std::int64_t>(value);
  return value;
}

std::string engine_lines(const OnceReport& report) {
  const EngineView& view = report.view;
  std::string text = fmt::format("engine    {}", view.engine);
  if (!view.variant.empty()) text += fmt::format(" ({})", view.variant);
  if (!view.version.empty()) text += fmt::format(" {}", view.version);
  text += fmt::format(" at {}\nbecause   {}\n", view.endpoint, printable(report.why));
  for (const SeriesSnapshot& series : view.series) {
    text += fmt::format("model     {}{}\n",
                        series.model.empty() ? "(not named)" : printable(series.model),
                        series.role == "both" ? "" : " (" + series.role + ")");
  }
  if (view.state == EngineState::kAsleep) text += "state     asleep: weights are offloaded\n";
  if (report.span) {
    text += fmt::format("measured  over {:.2f} s\n",
                        std::chrono::duration<double>(*report.span).count());
  }
  return text;
}

std::string signal_table_text(const OnceReport& report) {
  std::string text = fmt::format("\n{:<36}{:>14}  {}\n", "SIGNAL", "VALUE", "UNIT");
  for (const SignalLine& line : report.signals) {
    if (!line.value) continue;
    text += fmt::format("{:<36}{:>14}  {}", line.name, number_text(*line.value), line.unit);
    if (!line.note.empty()) text += fmt::format("  ({})", line.note);
    text += '\n';
  }
  return text;
}

std::string totals_text(const OnceReport& report) {
  if (report.totals.empty()) return {};
  std::string text = fmt::format("\n{:<36}{:>14}\n", "SINCE THE ENGINE STARTED", "TOTAL");
  for (const auto& [name, value] : report.totals) {
    text += fmt::format("{:<36}{:>14}\n", name, number_text(value));
  }
  return text;
}

std::string absent_text(const OnceReport& report) {
  std::string text;
  std::string last;
  for (const SignalLine& line : report.signals) {
    const std::string entry = fmt::format("{:<36}{}\n", line.group, line.note);
    if (line.value || entry == last) continue;
    text += entry;
    last = entry;
  }
  return text.empty() ? text : fmt::format("\n{:<36}{}\n{}", "ABSENT", "WHY", text);
}

Json tried_json(const OnceReport& report) {
  Json tried = Json::array();
  for (const FindAttempt& attempt : report.tried) {
    tried.push_back({{"endpoint", to_text(attempt.endpoint)},
                     {"result", result_name(attempt.result)},
                     {"why", attempt.why}});
  }
  return tried;
}

// Peers' bytes that are no UTF-8 become U+FFFD: dump() would throw.
std::string dumped(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string once_table(const OnceReport& report) {
  if (report.error.empty()) {
    return engine_lines(report) + signal_table_text(report) + totals_text(report) +
           absent_text(report);
  }
  std::string text = fmt::format("leadline-sidecar: {}\n", report.error);
  if (!report.tried.empty()) text += "tried:\n";
  for (const FindAttempt& attempt : report.tried) {
    text += fmt::format("  {:<50} {:<12} {}\n", to_text(attempt.endpoint),
                        result_name(attempt.result), printable(attempt.why));
  }
  return text;
}

std::string once_json(const OnceReport& report) {
  if (!report.error.empty())
    return dumped({{"error", report.error}, {"tried", tried_json(report)}});
  Json json{{"engine", report.view.engine},
            {"variant", report.view.variant},
            {"dialect", report.view.engine},
            {"version", report.view.version},
            {"endpoint", report.view.endpoint},
            {"why", report.why},
            {"asleep", report.view.state == EngineState::kAsleep},
            {"signals", Json::object()},
            {"totals", Json::object()},
            {"absent", Json::array()},
            {"absent_reasons", Json::object()}};
  if (report.span) json["span_seconds"] = std::chrono::duration<double>(*report.span).count();
  for (const SignalLine& line : report.signals) {
    if (line.value) {
      json["signals"][line.name] = number_json(*line.value);
    } else {
      json["absent"].push_back(line.name);
      json["absent_reasons"][line.name] = line.note;
    }
  }
  for (const auto& [name, value] : report.totals) json["totals"][name] = number_json(value);
  return dumped(json);
}

}  // namespace leadline
