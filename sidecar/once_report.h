// What `--once` prints: which engine and why, every signal with unit and value, what is absent and
// why. Pure: the report is plain values, rendered as a table for people or as JSON for scripts.
//
// JSON, with metrics named as in the Kubernetes APIs (absent ones left out of `signals`):
//   {"engine":"vllm","variant":"V1","dialect":"vllm","endpoint":"http://127.0.0.1:8000/metrics",
//    "why":"...","asleep":false,"span_seconds":1.01,
//    "signals":{"queue_depth":3,"ttft_seconds_p95":0.21},
//    "totals":{"prompt_tokens":20,"generation_tokens":123,"finished_requests":7,
//              "ttft_seconds_count":7,"ttft_seconds_sum":1.4},
//    "absent":["queue_tokens"],"absent_reasons":{"queue_tokens":"vLLM exposes no ..."}}
// Where no engine was found:
// {"error":"...","tried":[{"endpoint":"...","result":"refused","why":"..."}]}

#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "sidecar/engine_finder.h"
#include "sidecar/engine_tracker.h"

namespace leadline {

struct SignalLine {
  std::string name;   // of the metric: `ttft_seconds_p95`
  std::string group;  // what `absent` lines are gathered under: `ttft_seconds_*`
  std::string unit;
  std::optional<double> value;  // nullopt: absent
  std::string note;             // why absent; for a value what to know about it, mostly empty
};

struct OnceReport {
  EngineView view;  // after the second scrape; without values where none was found
  std::string why;  // how the engine was recognised
  std::optional<std::chrono::milliseconds> span;       // between the scrapes
  std::vector<SignalLine> signals;                     // in the catalogue's order
  std::vector<std::pair<std::string, double>> totals;  // since the engine started
  std::string error;                                   // not empty: no engine was found
  std::vector<FindAttempt> tried;
};

// REQUIRES: the view has values.
[[nodiscard]] OnceReport report_of(const EngineView& view, std::string why, SteadyTime now);

// REQUIRES: !found.endpoint.
[[nodiscard]] OnceReport failure_report(const FindOutcome& found);

[[nodiscard]] std::string once_table(const OnceReport& report);
[[nodiscard]] std::string once_json(const OnceReport& report);

}  // namespace leadline
