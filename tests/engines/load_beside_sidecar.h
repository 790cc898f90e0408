// Puts a real engine under load with a real sidecar beside it, and keeps what both counted: the
// client its own requests, tokens and times, the sidecar what the engine told it. A test holds the
// one against the other. One load a program: the engine must be fresh, so that totals are the
// load's.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/result.h"
#include "sim/load.h"
#include "tests/engines/real_engine.h"
#include "tests/engines/signal_page.h"

namespace leadline {

// What the load generator counted. Tokens are those of the answers' usage.
struct ClientCount {
  std::uint64_t sent = 0, finished = 0;
  std::uint64_t prompt_tokens = 0, generation_tokens = 0;
  nlohmann::json summary;     // as LoadRunner::summary_json() describes it
  SteadyTime first_answer{};  // seen at a look, so up to a fifth of a second late
  SteadyTime last_answer{};   // likewise
};

// One look at the sidecar's page, five a second.
struct Look {
  SteadyTime asked{};
  SteadyTime sampled{};         // when the engine printed it, or a little before
  std::uint64_t in_flight = 0;  // the client's requests, when asked
  double queue_depth = 0, running = 0;
};

struct Loaded {
  ClientCount client;
  std::vector<Look> looks;  // by time, from before the load until ten seconds after it
  SignalPage page;          // the sidecar's, of the idle engine afterwards
  nlohmann::json once;      // what `leadline-sidecar --once --output json` then says
};

// Sixteen requests at once, then one every two seconds, of 16 to 128 prompt tokens and 50 to 200
// generated: more than an engine of four slots takes at once, and no pause until the end.
[[nodiscard]] LoadPlan crowd_plan();

// kUnavailable: the sidecar does not start or sees no engine, or the load does not end within the
// longest window, of which the quantiles could then say nothing.
[[nodiscard]] Result<Loaded> load_beside_sidecar(const RealEngine& engine, const std::string& model,
                                                 LoadPlan plan);

// The looks whose sample was taken while requests must have waited: from the first answer on, with
// `slots` and four more requests in flight before and after the sample. Not from the first token
// on: vLLM's gauges are those of the last step that ended, and the first of a crowd runs alone in
// it.
[[nodiscard]] std::vector<Look> looks_while_waiting(const Loaded& loaded, std::uint64_t slots);
// Those whose sample was taken after the last answer.
[[nodiscard]] std::vector<Look> looks_afterwards(const Loaded& loaded);

}  // namespace leadline
