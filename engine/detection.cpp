#include "engine/detection.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/exposition.h"

namespace leadline {
namespace {

constexpr std::string_view kPlain;  // no variant

// A rule holds when every one of its prefixes begins some family's name. Order decides: the first
// rule that holds names the engine. Numbers are those of the survey's table (section 23, step 4).
struct Rule {
  int number;
  std::string_view engine;
  std::array<std::string_view, 2> prefixes;  // both must be there; an empty one always is
  std::string_view variant = kPlain;         // for people
};

constexpr std::array kRules = {
    Rule{1, "dynamo", {"dynamo_frontend_"}, "frontend"},
    Rule{2, "dynamo", {"dynamo_component_"}, "worker"},
    Rule{3, "triton", {"nv_trt_llm_"}, "TensorRT-LLM backend"},
    Rule{4, "triton", {"nv_inference_", "vllm:"}, "vLLM backend"},
    Rule{4, "triton", {"nv_inference_"}},
    Rule{5, "ray", {"ray_serve_"}},
    Rule{5, "ray", {"ray_vllm_"}},
    Rule{6, "nim", {"num_request_max", "vllm:"}, "2.x on vLLM"},
    Rule{6, "nim", {"num_request_max", "sglang:"}, "2.x on SGLang"},
    Rule{6, "nim", {"num_request_max"}},
    Rule{7, "sglang", {"sglang:"}},
    // The gateway in front of engines has no queue of an engine's.
    Rule{7, "sglang-gateway", {"sglang_"}},
    Rule{7, "sglang-gateway", {"smg_"}},
    Rule{8, "trtllm", {"trtllm_"}},
    Rule{8, "trtllm", {"trtllm:"}},
    Rule{9, "lmdeploy", {"lmdeploy:"}},
    Rule{10, "llamacpp", {"llamacpp:"}},
    Rule{11, "tgi", {"tgi_"}},
    Rule{12, "tei", {"te_"}},
    Rule{13, "tensorflow-serving", {":tensorflow:"}},
    Rule{14, "openvino", {"ovms_"}},
    Rule{15, "torchserve", {"ts_inference_"}},
    Rule{15, "torchserve", {"ts_queue_"}},
    Rule{16, "kserve", {"request_predict_seconds", "vllm:"}, "vLLM inside"},
    Rule{16, "kserve", {"request_predict_seconds"}},
    Rule{17, "mlserver", {"model_infer_request_"}},
    Rule{18, "vllm", {"vllm:"}},
    Rule{19, "djl", {"Response_2XX_total", "DJLServingStart_total"}},
    Rule{20, "fastapi", {"http_requests_total", "http_request_duration_highr_seconds"}},
    // OpenMetrics calls the counter `http_requests` on its TYPE line.
    Rule{20, "fastapi", {"http_requests", "http_request_duration_highr_seconds"}},
};

// Families of the process and its language: an engine that shows only these is starting.
constexpr std::array<std::string_view, 4> kProcessPrefixes = {"python_", "process_", "go_",
                                                              "promhttp_"};

// What the names of one page show.
struct Evidence {
  std::array<std::array<bool, 2>, kRules.size()> seen{};
  bool any_name = false;
  bool other_than_process = false;
  std::string_view first_other;     // a name of no rule and no process: tells a person what answers
  bool vllm_rank = false;           // a vllm: series with the label `engine`
  bool vllm_finish_reason = false;  // `finish_reason`, where vLLM itself says `finished_reason`
};

void look_at_name(std::string_view name, Evidence& evidence) {
  evidence.any_name = true;
  const bool process =
      std::any_of(kProcessPrefixes.begin(), kProcessPrefixes.end(),
                  [&](std::string_view prefix) { return name.starts_with(prefix); });
  if (!process && !evidence.other_than_process) evidence.first_other = name;
  evidence.other_than_process = evidence.other_than_process || !process;
  for (std::size_t i = 0; i < kRules.size(); ++i) {
    for (std::size_t j = 0; j < kRules[i].prefixes.size(); ++j) {
      if (name.starts_with(kRules[i].prefixes[j])) evidence.seen[i][j] = true;
    }
  }
}

Evidence look_at(std::string_view text) {
  Evidence evidence;
  NamedLine line;
  std::string_view last;
  while (next_named_line(text, line)) {
    if (line.name != last) look_at_name(line.name, evidence);
    last = line.name;
    if (line.metadata || !line.name.starts_with("vllm:")) continue;
    // Both stand first or after a comma; an escaped quote before them would only be inside a value.
    const std::string_view rest = line.rest.substr(0, 512);
    evidence.vllm_rank = evidence.vllm_rank || rest.find("{engine=\"") != std::string_view::npos ||
                         rest.find(",engine=\"") != std::string_view::npos;
    evidence.vllm_finish_reason =
        evidence.vllm_finish_reason || rest.find("finish_reason=\"") != std::string_view::npos;
  }
  return evidence;
}

bool holds(const Rule& rule, const std::array<bool, 2>& seen) {
  return seen[0] && (rule.prefixes[1].empty() || seen[1]);
}

Detection recognised(std::string_view engine) {
  Detection found;
  found.state = PageState::kFound;
  found.engine = engine;
  return found;
}

// Rule 18 reads on: four programs print `vllm:`.
Detection vllm_or_simulator(const Evidence& evidence, PageShape shape) {
  Detection found = recognised("vllm");
  if (evidence.vllm_finish_reason) {
    found.engine = "llm-d-sim";
    found.why = "family prefix vllm: with label finish_reason: llm-d-inference-sim";
  } else if (!evidence.vllm_rank) {
    found.why = "family prefix vllm: without label engine: V0";
  } else if (shape == PageShape::kOpenMetrics) {
    found.why = "family prefix vllm: with label engine, OpenMetrics: Rust frontend";
  } else {
    found.why = "family prefix vllm: with label engine: V1";
  }
  return found;
}

Detection by_rule(const Rule& rule) {
  Detection found = recognised(rule.engine);
  found.why = fmt::format("family prefix {}", rule.prefixes[0]);
  if (!rule.prefixes[1].empty()) found.why += fmt::format(" and {}", rule.prefixes[1]);
  if (!rule.variant.empty()) found.why += fmt::format(": {}", rule.variant);
  return found;
}

Detection by_names(const PageText& text) {
  const Evidence evidence = look_at(text.text());
  for (std::size_t i = 0; i < kRules.size(); ++i) {
    if (!holds(kRules[i], evidence.seen[i])) continue;
    return kRules[i].engine == "vllm" ? vllm_or_simulator(evidence, text.shape)
                                      : by_rule(kRules[i]);
  }
  Detection none;
  if (!evidence.any_name && text.shape != PageShape::kOpenMetrics) {
    none.why = "no line of the page names a family";
  } else if (!evidence.other_than_process) {
    none.state = PageState::kNoSeries;
    none.why = "families of the process only: the engine has no series yet";
  } else {
    none.why =
        fmt::format("no engine's families; the first is {}", evidence.first_other.substr(0, 80));
  }
  return none;
}

// What an error answer in JSON says of itself; empty where it does not.
struct JsonError {
  std::string type;
  std::string message;
};

// `{"error":{"message":…,"type":…}}`, as OpenAI's API and most that follow it answer.
JsonError json_error_in(std::string_view body) {
  constexpr std::size_t kLargest = 4096;  // of an answer that is only a refusal
  JsonError found;
  const auto json = nlohmann::json::parse(body.substr(0, kLargest), nullptr,
                                          /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("error")) return found;
  const auto& error = json["error"];
  const auto text_of_key = [&](const char* key) {
    return error.is_object() && error.contains(key) && error[key].is_string()
               ? error[key].get<std::string>()
               : std::string();
  };
  found.type = text_of_key("type");
  found.message = text_of_key("message");
  if (found.message.empty()) found.message = "an error";
  return found;
}

// The types of llama.cpp's refusals: 503 while it loads its model, 501 without --metrics (source:
// tools/server/server-common.cpp b10280, format_error_response). Nobody else spells them so.
bool is_llamacpp(const JsonError& error) {
  return error.type == "unavailable_error" || error.type == "not_supported_error";
}

// JSON, HTML, empty, over the cap: `problem` says which.
Detection without_text(const Page& page, std::string_view problem) {
  Detection found;
  found.why = problem;
  const PageShape shape = shape_of(page);
  if (shape == PageShape::kHtml) found.state = PageState::kHtml;
  if (shape == PageShape::kJsonObject) {
    found.state = PageState::kJson;
    const JsonError error = json_error_in(page.body);
    if (is_llamacpp(error)) found.engine = "llamacpp";
    if (!error.message.empty()) found.why = error.message;
  }
  if (shape == PageShape::kJsonArray) {
    found.state = PageState::kJson;
    found.engine = "trtllm";
    found.draining = true;
    found.why += ": trtllm-serve empties it when it is read; its exposition is /prometheus/metrics";
  }
  return found;
}

}  // namespace

Detection detect_engine(const Page& page) {
  const Result<PageText> text = text_of(page);
  Detection found = text ? by_names(*text) : without_text(page, text.error().message);
  found.dialect = find_dialect(found.engine);
  if (text && text->shape == PageShape::kJsonText) found.why += ", inside one JSON string";
  return found;
}

}  // namespace leadline
