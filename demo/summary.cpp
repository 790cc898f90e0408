#include "demo/summary.h"

#include <algorithm>

#include <fmt/format.h>

namespace leadline {
namespace {

using Lines = std::vector<nlohmann::json>;

bool is_kind(const nlohmann::json& line, const char* kind) {
  return line.value("kind", "") == kind;
}

const nlohmann::json* find_start(const Lines& recording) {
  for (const auto& line : recording) {
    if (is_kind(line, "start")) return &line;
  }
  return nullptr;
}

// Seconds from `since` to the first line of `kind` at or after it that `accepts`.
template <typename Accepts>
std::optional<double> time_to(const Lines& recording, const char* kind, double since,
                              Accepts accepts) {
  for (const auto& line : recording) {
    if (!is_kind(line, kind) || line.value("t", 0.0) < since || !accepts(line)) continue;
    return line.value("t", 0.0) - since;
  }
  return std::nullopt;
}

// Replicas that exist, integrated over time: 3 replicas for 10 s are 30 replica-seconds.
double replica_seconds_of(const Lines& recording) {
  double total = 0;
  const nlohmann::json* before = nullptr;
  for (const auto& line : recording) {
    if (!is_kind(line, "replicas")) continue;
    if (before != nullptr) {
      total += before->value("exists", 0.0) * (line.value("t", 0.0) - before->value("t", 0.0));
    }
    before = &line;
  }
  return total;
}

void count_replicas(const Lines& recording, Summary& summary) {
  for (const auto& line : recording) {
    if (is_kind(line, "replicas")) {
      summary.most_replicas = std::max(summary.most_replicas, line.value("wanted", 0));
    }
    if (is_kind(line, "sync") && line.value("desired", 0) != line.value("spec_replicas", 0)) {
      ++summary.decisions;
    }
  }
}

void count_requests(const Lines& recording, Summary& summary) {
  for (const auto& line : recording) {
    if (!is_kind(line, "load_end")) continue;
    const nlohmann::json& counted = line["summary"];
    summary.requests = counted.value("sent", std::int64_t{0});
    summary.finished = counted.value("finished", std::int64_t{0});
    summary.refused = counted.value("refused", std::int64_t{0});
    if (counted.contains("slo_share") && counted["slo_share"].is_number()) {
      summary.slo_percent = 100 * counted["slo_share"].get<double>();
    }
  }
}

std::string seconds_or_dash(const std::optional<double>& seconds) {
  return seconds ? fmt::format("{:.1f} s", *seconds) : "-";
}

}  // namespace

Summary summarise(const Lines& recording) {
  Summary summary;
  count_replicas(recording, summary);
  count_requests(recording, summary);
  summary.replica_seconds = replica_seconds_of(recording);
  const nlohmann::json* start = find_start(recording);
  if (start == nullptr || !start->contains("burst_s")) return summary;

  const double burst = start->value("burst_s", 0.0);
  const double lull = start->value("lull_s", 0.0);
  const int least = start->value("min_replicas", 1);
  summary.burst_to_decision_s = time_to(recording, "sync", burst, [](const nlohmann::json& sync) {
    return sync.value("desired", 0) > sync.value("spec_replicas", 0);
  });
  summary.burst_to_ready_s =
      time_to(recording, "replicas", burst,
              [least](const nlohmann::json& now) { return now.value("ready", 0) > least; });
  summary.back_to_minimum_s =
      time_to(recording, "replicas", lull,
              [least](const nlohmann::json& now) { return now.value("wanted", 0) <= least; });
  return summary;
}

std::string render(const Summary& summary, double slo_ttft_seconds) {
  std::string text = "\nSummary\n";
  const auto row = [&text](std::string_view name, const std::string& value) {
    text += fmt::format("  {:<34}{}\n", name, value);
  };
  row("burst to decision", seconds_or_dash(summary.burst_to_decision_s));
  row("burst to more replicas Ready", seconds_or_dash(summary.burst_to_ready_s));
  row("lull to minReplicas", seconds_or_dash(summary.back_to_minimum_s));
  row("replicas at most", fmt::format("{}", summary.most_replicas));
  row("changes of the replica count", fmt::format("{}", summary.decisions));
  row("replica-seconds", fmt::format("{:.0f}", summary.replica_seconds));
  row("requests sent, finished, refused",
      fmt::format("{}, {}, {}", summary.requests, summary.finished, summary.refused));
  row(fmt::format("TTFT within {:.1f} s", slo_ttft_seconds),
      summary.slo_percent ? fmt::format("{:.1f} %", *summary.slo_percent) : "-");
  return text;
}

}  // namespace leadline
