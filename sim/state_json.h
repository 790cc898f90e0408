// `GET /sim/state`: the engine's exact truth, for tests and oracles that compare what the chain of
// sidecar and adapter says with what was. Pure.
//
//   {"waiting":3,"running":64,"kv_blocks":8192,"kv_blocks_used":5100,
//    "marks":{"waiting":null,"running":null},"start_time_seconds":1.7e9,
//    "steady_ns":…,"wall_seconds":…,
//    "totals":{"accepted":…,"admission_rejections":…,"prompt_tokens":…,"generation_tokens":…,
//              "preemptions":…,"finished_requests":…,"finished_stop":…,"finished_length":…,
//              "finished_abort":…,"ttft_seconds_count":…,"ttft_seconds_sum":…, …},
//    "histograms":{"ttft_seconds":{"edges":[…],"counts":[…],"sum":…}, …}}
//
// `waiting` and `running` are the truth whatever the marks say; counts are not cumulative and one
// longer than edges. steady_ns is CLOCK_MONOTONIC, comparable between processes of one machine.

#pragma once

#include <string>

#include "sim/engine_host.h"

namespace leadline {

[[nodiscard]] std::string state_json(const EngineState& state, const BatchingConfig& config);

// {"waiting":7} sets, {"waiting":null} lifts; a key that is absent keeps its mark. kBadInput.
[[nodiscard]] Result<GaugeMarks> with_marks(const GaugeMarks& current, const std::string& json);

// {"waiting":7,"running":null,"steady_ns":…,"wall_seconds":…}
[[nodiscard]] std::string marks_json(const GaugeMarks& marks, const Instant& at);

}  // namespace leadline
