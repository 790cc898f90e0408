#include "engine/detection.h"

#include <map>

#include <gtest/gtest.h>

#include "tests/unit/engine/dialects/pages.h"

namespace leadline {
namespace {

Detection detected(std::string_view text) {
  return detect_engine({text, "text/plain; version=0.0.4"});
}

// Every recorded page and the engine that printed it. GPU exporters are no engines.
const std::map<std::string, std::string_view, std::less<>> kEngines = {
    {"amd-device-metrics-exporter-1.5.prom", ""},
    {"amd-device-metrics-exporter-mini-captured.prom", ""},
    {"dcgm-exporter-4.5.prom", ""},
    {"djl-serving-0.36.prom", "djl"},
    {"dynamo-frontend-0.x.prom", "dynamo"},
    {"fastapi-instrumentator-generic.prom", "fastapi"},
    {"gaudi-metric-exporter-1.23.prom", ""},
    {"gke-tpu-device-plugin.prom", ""},
    {"infinity-0.0.77.prom", "fastapi"},  // its page alone does not tell: /models does
    {"kserve-huggingfaceserver-0.20.prom", "kserve"},
    {"live-dynamo-1.6.1-frontend-loaded.prom", "dynamo"},
    {"live-dynamo-1.6.1-mocker-idle.prom", "dynamo"},
    {"live-fastapi-instrumentator-8.1.0-loaded.prom", "fastapi"},
    {"live-infinity-0.0.78-loaded.prom", "fastapi"},
    {"live-kserve-0.21.0-loaded.prom", "kserve"},
    {"live-llamacpp-b11434-idle.prom", "llamacpp"},
    {"live-llamacpp-b11434-loaded.prom", "llamacpp"},
    {"live-mlserver-1.7.1-inproc-loaded.prom", "mlserver"},
    {"live-ray-serve-2.60-loaded.prom", "ray"},
    {"live-sglang-router-0.3.2-idle.prom", "sglang-gateway"},
    {"live-torchserve-0.12.0-idle.prom", "torchserve"},  // by TYPE lines: no series yet
    {"live-triton-pytriton-after.prom", "triton"},
    {"live-triton-pytriton-idle.prom", "triton"},
    {"live-vllm-0.32.0-after.prom", "vllm"},
    {"live-vllm-0.32.0-idle.prom", "vllm"},
    {"llamacpp-b10280.prom", "llamacpp"},
    {"llamacpp-b4700-nan.prom", "llamacpp"},
    {"llamacpp-b4900.prom", "llamacpp"},
    {"llmd-inference-sim-0.10.prom", "llm-d-sim"},
    {"mlserver.prom", "mlserver"},
    {"nasty-huge-label.prom", "vllm"},
    {"nasty-text-escapes.prom", "triton"},  // holds everybody's families: the order decides
    {"nasty-triton-8gpu-12model.prom", "triton"},
    {"nasty-vllm-dp8-lora.prom", "vllm"},
    {"nim-1.x.prom", "nim"},
    {"openvino-model-server-docs-captured.prom", "openvino"},
    {"ray-serve-llm-2.48.prom", "ray"},
    {"sglang-0.4.0-docs-captured.prom", "sglang"},
    {"sglang-0.4.9.prom", "sglang"},
    {"sglang-0.5.18-dp2.prom", "sglang"},
    {"tei-1.9.prom", "tei"},
    {"tensorflow-serving-2.x.prom", "tensorflow-serving"},
    {"tgi-3.3.7.prom", "tgi"},
    {"torchserve-docs-captured.prom", "torchserve"},
    {"triton-2.71.prom", "triton"},
    {"triton-25.x-vllm-backend.prom", "triton"},  // vllm:* on it, and still no bare vLLM
    {"triton-trtllm-backend-docs-captured.prom", "triton"},
    {"trtllm-serve-1.1-basic.prom", "trtllm"},
    {"vllm-0.10.2-v1-multiproc-4api.prom", "vllm"},
    {"vllm-0.10.2-v1.prom", "vllm"},
    {"vllm-0.12.0-v1.prom", "vllm"},
    {"vllm-0.6.6-v0.prom", "vllm"},
    {"vllm-0.8.5-v1.prom", "vllm"},
    {"vllm-0.9.2-v1.prom", "vllm"},
    {"vllm-main-2026-08-rust-frontend.om", "vllm"},
    {"vllm-main-2026-08-v1.prom", "vllm"},
};

TEST(DetectionTest, EveryRecordedPageIsItsEngines) {
  std::vector<std::string> names = recorded_names(".prom");
  for (std::string& name : recorded_names(".om")) names.push_back(std::move(name));
  EXPECT_EQ(names.size(), kEngines.size());
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const auto want = kEngines.find(name);
    ASSERT_NE(want, kEngines.end());
    const std::string body = recorded(name);
    const Detection found = detect_engine({body, content_type_of(name)});
    EXPECT_EQ(found.engine, want->second) << found.why;
    EXPECT_EQ(found.state, want->second.empty() ? PageState::kNothing : PageState::kFound);
    EXPECT_EQ(found.dialect, find_dialect(want->second));
    EXPECT_FALSE(found.draining);
  }
}

TEST(DetectionTest, RulesHoldInTheirOrder) {
  const auto f = [](std::string_view text, std::string_view want, std::string_view why) {
    SCOPED_TRACE(text);
    EXPECT_EQ(detected(text).engine, want);
    EXPECT_EQ(detected(text).why, why);
  };
  f("dynamo_component_x 1\nvllm:a 1\ndynamo_frontend_x 1", "dynamo",
    "family prefix dynamo_frontend_: frontend");
  f("vllm:a 1\ndynamo_component_x 1", "dynamo", "family prefix dynamo_component_: worker");
  f("nv_inference_count 1\nnv_trt_llm_x 1", "triton",
    "family prefix nv_trt_llm_: TensorRT-LLM backend");
  f("vllm:a 1\nnv_inference_count 1", "triton",
    "family prefix nv_inference_ and vllm:: vLLM backend");
  f("ray_vllm_x 1", "ray", "family prefix ray_vllm_");
  f("vllm:a{engine=\"0\"} 1\nnum_request_max 4", "nim",
    "family prefix num_request_max and vllm:: 2.x on vLLM");
  f("sglang:a 1\nnum_request_max 4", "nim",
    "family prefix num_request_max and sglang:: 2.x on SGLang");
  f("vllm:a 1\nsglang:a 1\nsglang_x 1", "sglang", "family prefix sglang:");
  f("sglang_x 1", "sglang-gateway", "family prefix sglang_");
  f("smg_worker_requests_active 1", "sglang-gateway", "family prefix smg_");
  f("llamacpp:requests_deferred 1", "llamacpp", "family prefix llamacpp:");
  f("trtllm:x 1", "trtllm", "family prefix trtllm:");
  f("lmdeploy:x 1", "lmdeploy", "family prefix lmdeploy:");
  f("ts_queue_latency_microseconds 1", "torchserve", "family prefix ts_queue_");
  f("vllm:a 1\nrequest_predict_seconds_sum 1", "kserve",
    "family prefix request_predict_seconds and vllm:: vLLM inside");
  f("DJLServingStart_total 1\nResponse_2XX_total 1", "djl",
    "family prefix Response_2XX_total and DJLServingStart_total");
  f("Response_2XX_total 1", "", "no engine's families; the first is Response_2XX_total");
  f("http_requests_total 1", "", "no engine's families; the first is http_requests_total");
}

TEST(DetectionTest, VllmIsToldFromItsRelatives) {
  const auto f = [](std::string_view type, std::string_view text, std::string_view want) {
    SCOPED_TRACE(text);
    const Detection found = detect_engine({text, type});
    EXPECT_EQ(found.why, want);
    EXPECT_EQ(found.dialect != nullptr, found.engine == "vllm");
  };
  f("text/plain", "vllm:num_requests_running{engine=\"0\",model_name=\"m\"} 1",
    "family prefix vllm: with label engine: V1");
  f("text/plain", "vllm:num_requests_running{model_name=\"m\",engine=\"3\"} 1",
    "family prefix vllm: with label engine: V1");
  f("text/plain", "vllm:num_requests_running{model_name=\"m\"} 1",
    "family prefix vllm: without label engine: V0");
  f("text/plain", "# TYPE vllm:num_requests_running gauge",
    "family prefix vllm: without label engine: V0");
  f("application/openmetrics-text", "vllm:x{model_name=\"m\",engine=\"0\"} 1\n# EOF",
    "family prefix vllm: with label engine, OpenMetrics: Rust frontend");
  f("text/plain", "vllm:request_success_total{finish_reason=\"stop\"} 1",
    "family prefix vllm: with label finish_reason: llm-d-inference-sim");
}

TEST(DetectionTest, AnEngineThatStartsIsNotUnknown) {
  const auto f = [](std::string_view type, std::string_view text, PageState want) {
    SCOPED_TRACE(text);
    EXPECT_EQ(detect_engine({text, type}).state, want);
  };
  f("text/plain", "python_info{} 1\nprocess_start_time_seconds 2\n", PageState::kNoSeries);
  f("application/openmetrics-text", "# EOF\n", PageState::kNoSeries);
  f("text/plain", "", PageState::kNothing);
  f("text/plain", "%!$\n", PageState::kNothing);
  f("text/plain", "node_load1 3\n", PageState::kNothing);
}

TEST(DetectionTest, WhatIsNoExpositionIsNamed) {
  const std::string array = recorded("trtllm-serve-metrics.json");
  const Detection draining = detect_engine({array, "application/json"});
  EXPECT_EQ(draining.state, PageState::kJson);
  EXPECT_EQ(draining.engine, "trtllm");
  EXPECT_TRUE(draining.draining);
  EXPECT_TRUE(detect_engine({"[]", "application/json"}).draining);

  const Detection refusal = detect_engine({R"({"error":{"code":401}})", "application/json"});
  EXPECT_EQ(refusal.state, PageState::kJson);
  EXPECT_EQ(refusal.engine, "");
  EXPECT_FALSE(refusal.draining);
  EXPECT_EQ(refusal.why, "an error");

  EXPECT_EQ(detected("<html>").state, PageState::kHtml);
  EXPECT_EQ(detected("<html>").why, "page is HTML, no exposition");
}

TEST(DetectionTest, RefusalsAreToldInTheEnginesWords) {
  const auto f = [](std::string_view body, std::string_view engine, std::string_view why) {
    SCOPED_TRACE(body);
    const Detection found = detect_engine({body, "application/json; charset=utf-8"});
    EXPECT_EQ(found.state, PageState::kJson);
    EXPECT_EQ(found.engine, engine);
    EXPECT_EQ(found.why, why);
  };
  f(R"({"error":{"code":503,"message":"Loading model","type":"unavailable_error"}})", "llamacpp",
    "Loading model");
  f(R"({"error":{"code":501,"message":"This server does not support metrics endpoint. )"
    R"(Start it with `--metrics`","type":"not_supported_error"}})",
    "llamacpp", "This server does not support metrics endpoint. Start it with `--metrics`");
  f(R"({"error":{"message":"No such model","type":"NotFoundError","param":null,"code":404}})", "",
    "No such model");
  f(R"({"error":"no"})", "", "an error");
  f(R"({"error":{"message":7,"type":[]}})", "", "an error");
  f(R"({"detail":"Not Found"})", "", "page is a JSON object, no exposition");
  f(R"({"error":)", "", "page is a JSON object, no exposition");
}

TEST(DetectionTest, OneJsonStringIsReadAsItsText) {
  const Detection found =
      detect_engine({R"("llamacpp:requests_processing 1\n")", "application/json"});
  EXPECT_EQ(found.engine, "llamacpp");
  EXPECT_EQ(found.why, "family prefix llamacpp:, inside one JSON string");
}

TEST(DetectionTest, BuiltInDialectsAreFoundById) {
  for (const Dialect* dialect : dialects()) EXPECT_EQ(find_dialect(dialect->id()), dialect);
  for (const char* id : {"vllm", "sglang", "llamacpp"}) EXPECT_NE(find_dialect(id), nullptr) << id;
  EXPECT_EQ(find_dialect("triton"), nullptr);
  EXPECT_EQ(find_dialect(""), nullptr);
}

}  // namespace
}  // namespace leadline
