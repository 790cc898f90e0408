#include "sim/state_json.h"

#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

namespace leadline {
namespace {

using nlohmann::json;

json mark_value(const std::optional<int>& mark) {
  return mark ? json(*mark) : json();
}

void put_time(const Instant& at, json& object) {
  object["steady_ns"] =
      std::chrono::duration_cast<std::chrono::nanoseconds>(at.steady.time_since_epoch()).count();
  object["wall_seconds"] = std::chrono::duration<double>(at.wall.time_since_epoch()).count();
}

json counters(const EngineTotals& t) {
  return {{"accepted", t.accepted},
          {"admission_rejections", t.rejected},
          {"prompt_tokens", t.prompt_tokens},
          {"generation_tokens", t.generation_tokens},
          {"preemptions", t.preemptions},
          {"finished_requests", t.finished()},
          {"finished_stop", t.finished_stop},
          {"finished_length", t.finished_length},
          {"finished_abort", t.finished_abort}};
}

}  // namespace

std::string state_json(const EngineState& state, const BatchingConfig& config) {
  json object = {{"waiting", state.waiting},
                 {"running", state.running},
                 {"kv_blocks", config.kv_blocks},
                 {"kv_blocks_used", state.kv_blocks_used},
                 {"start_time_seconds", state.start_seconds},
                 {"marks",
                  {{"waiting", mark_value(state.marks.waiting)},
                   {"running", mark_value(state.marks.running)}}}};
  put_time(state.seen, object);
  object["totals"] = counters(state.totals);
  const std::pair<const char*, const EdgeHistogram*> histograms[] = {
      {"ttft_seconds", &state.totals.ttft},
      {"inter_token_latency_seconds", &state.totals.inter_token},
      {"e2e_latency_seconds", &state.totals.e2e},
      {"queue_time_seconds", &state.totals.queue_time},
      {"step_tokens", &state.totals.step_tokens}};
  for (const auto& [name, h] : histograms) {
    object["totals"][std::string(name) + "_count"] = h->total();
    object["totals"][std::string(name) + "_sum"] = h->sum;
    object["histograms"][name] = {{"edges", h->edges}, {"counts", h->counts}, {"sum", h->sum}};
  }
  return object.dump();
}

Result<GaugeMarks> with_marks(const GaugeMarks& current, const std::string& text) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return fail(Errc::kBadInput, "mark: not a JSON object");
  GaugeMarks marks = current;
  for (const auto& [key, value] : object.items()) {
    if (key != "waiting" && key != "running") {
      return fail(Errc::kBadInput, "mark: unknown gauge \"{}\"", key);
    }
    if (!value.is_null() && !(value.is_number_integer() && value >= 0 && value < 1'000'000'000)) {
      return fail(Errc::kBadInput, "mark: {}: bad value {}", key, value.dump());
    }
    auto& mark = key == "waiting" ? marks.waiting : marks.running;
    mark = value.is_null() ? std::nullopt : std::optional<int>(value.get<int>());
  }
  return marks;
}

std::string marks_json(const GaugeMarks& marks, const Instant& at) {
  json object = {{"waiting", mark_value(marks.waiting)}, {"running", mark_value(marks.running)}};
  put_time(at, object);
  return object.dump();
}

}  // namespace leadline
