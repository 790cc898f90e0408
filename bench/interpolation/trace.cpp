#include "bench/interpolation/trace.h"

#include <cassert>
#include <cstddef>
#include <map>

#include "sim/batching.h"
#include "sim/load_plan.h"

namespace leadline {
namespace {

struct Request {
  SteadyTime arrived;
  SteadyTime last_token;
  bool started = false;
};

double seconds_between(SteadyTime from, SteadyTime to) {
  return std::chrono::duration<double>(to - from).count();
}

// One engine that serves what it is given, and notes every request's times.
class TracedEngine {
 public:
  TracedEngine(PerfModel perf, TraceLatencies& latencies)
      : engine_({}, std::move(perf)), latencies_(latencies) {}

  void send(const TraceRow& row) {
    const SteadyTime now = SteadyTime{} + row.at;
    serve_until(now);
    engine_.enqueue({++last_id_, row.prompt_tokens, row.generation_tokens}, now);
    requests_[last_id_] = {now, now};
    if (!step_end_) begin_step(now);
  }

  void serve_until(SteadyTime until) {
    while (step_end_ && *step_end_ <= until) {
      const SteadyTime now = *step_end_;
      for (const TokenEvent& event : engine_.finish_step(now)) take(event, now);
      begin_step(now);
    }
  }

 private:
  void begin_step(SteadyTime now) {
    const auto duration = engine_.begin_step(now);
    step_end_ = duration ? std::optional(now + *duration) : std::nullopt;
  }

  void take(const TokenEvent& event, SteadyTime now) {
    Request& request = requests_[event.id];
    auto& kind = request.started ? latencies_.token_gaps : latencies_.ttft;
    kind.push_back(seconds_between(request.last_token, now));
    request.started = true;
    request.last_token = now;
    if (!event.last) return;
    latencies_.end_to_end.push_back(seconds_between(request.arrived, now));
    requests_.erase(event.id);
  }

  BatchingEngine engine_;
  TraceLatencies& latencies_;
  std::map<RequestId, Request> requests_;
  std::optional<SteadyTime> step_end_;
  RequestId last_id_ = 0;
};

}  // namespace

TraceLatencies serve_trace(int engines) {
  assert(engines > 0);
  const auto perf = parse_perf_model(embedded_perf_table(), {});
  const auto trace = parse_trace(demo_trace());
  assert(perf && trace);
  TraceLatencies latencies;
  std::vector<TracedEngine> fleet;
  fleet.reserve(static_cast<std::size_t>(engines));
  for (int i = 0; i < engines; ++i) fleet.emplace_back(*perf, latencies);
  for (std::size_t i = 0; i < trace->rows.size(); ++i) {
    fleet[i % fleet.size()].send(trace->rows[i]);
  }
  for (TracedEngine& engine : fleet) engine.serve_until(SteadyTime::max());
  return latencies;
}

}  // namespace leadline
