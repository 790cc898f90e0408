// A sidecar beside each engine that we speak, the stand-in printing that engine's page: `--once`
// recognises it and reads it, and a running sidecar notices when one takes another's place.

#include <string>

#include <gtest/gtest.h>

#include "sim/engine_page.h"
#include "tests/process/program_run.h"
#include "tests/process/rig.h"

namespace leadline {
namespace {

using nlohmann::json;

std::string url_of(const Rig::Pod& pod) {
  return fmt::format("http://{}:{}", pod.address, Rig::kEnginePort);
}

// What `--once` says of the pod's engine; null where it says no JSON.
json asked_once(const Rig::Pod& pod, int exit_code) {
  const ProgramRun run =
      run_program("leadline-sidecar", {"--engine", url_of(pod), "--once", "--output", "json"});
  EXPECT_EQ(run.exit_code, exit_code) << run.output;
  const std::size_t begin = run.output.find('{');
  if (begin == std::string::npos) return nullptr;
  return json::parse(run.output.substr(begin), nullptr, /*allow_exceptions=*/false);
}

Rig::Pod& add_engine(Rig& rig, const std::string& engine, std::vector<std::string> more = {}) {
  more.insert(more.end(), {"--page", engine});
  PodOptions options;
  options.name = engine;
  options.with_sidecar = false;
  options.engine_arguments = std::move(more);
  return rig.add_pod(std::move(options));
}

class EveryEngineTest : public testing::TestWithParam<std::string> {};

TEST_P(EveryEngineTest, OnceRecognisesItAndReadsQueueAndRunning) {
  Rig rig;
  Rig::Pod& pod = add_engine(rig, GetParam());
  Rig::mark(pod, {{"waiting", 5}, {"running", 3}});
  const json said = asked_once(pod, 0);
  ASSERT_TRUE(said.is_object());
  EXPECT_EQ(said["engine"], GetParam());
  EXPECT_EQ(said["signals"]["queue_depth"], 5);
  EXPECT_EQ(said["signals"]["running_requests"], 3);
  EXPECT_EQ(said["signals"]["in_flight_requests"], 8);
}

INSTANTIATE_TEST_SUITE_P(Engines, EveryEngineTest, testing::ValuesIn([] {
                           std::vector<std::string> engines;
                           for (const EnginePage& page : engine_pages())
                             engines.emplace_back(page.engine);
                           return engines;
                         }()),
                         [](const auto& info) { return info.param; });

TEST(LlamacppProcessTest, WhatItDoesNotTellIsAbsentWithAReason) {
  Rig rig;
  Rig::Pod& pod = add_engine(rig, "llamacpp");
  Rig::mark(pod, {{"waiting", 0}, {"running", 0}});
  const json said = asked_once(pod, 0);
  ASSERT_TRUE(said.is_object());
  for (const char* metric : {"inference_requests_per_second", "ttft_seconds_p95"}) {
    EXPECT_FALSE(said["signals"].contains(metric));
    const std::string reason = said["absent_reasons"].value(metric, "");
    EXPECT_TRUE(reason.starts_with("llama.cpp exposes no ")) << metric << ": " << reason;
  }
}

TEST(LlamacppProcessTest, WhileItsModelLoadsItSaysSo) {
  Rig rig;
  Rig::Pod& pod =
      add_engine(rig, "llamacpp", {"--startup-mode", "503", "--startup-delay-ms", "600000"});
  Rig::mark(pod, {{"waiting", 5}});  // it listens
  const json said = asked_once(pod, 3);
  ASSERT_TRUE(said.is_object());
  const std::string error = said.value("error", "");
  EXPECT_NE(error.find("the engine is up and tells nothing yet: HTTP 503: Loading model"),
            std::string::npos)
      << error;
}

TEST(EngineSuccessionTest, ARunningSidecarFollowsFromEngineToEngine) {
  Rig rig;
  Rig::Pod& pod = rig.add_pod({.name = "pod"});
  Rig::mark(pod, {{"waiting", 5}, {"running", 3}});
  const auto depth = [&] {
    const std::string page = Rig::fetch(pod.address, Rig::kSidecarPort, "/metrics");
    for (const char* model : {"llama2-70b", ""}) {
      const auto value =
          sample_of(page, fmt::format("leadline_queue_depth{{model=\"{}\",role=\"both\"}}", model));
      if (value) return *value;
    }
    return -1.0;
  };
  EXPECT_TRUE(Rig::eventually([&] { return depth() == 5; }));
  const auto follow = [&](const char* was, const char* now, int waiting) {
    Rig::mark(pod, {{"waiting", waiting}, {"running", 3}});
    Rig::set_faults(pod, {{"become", now}});
    EXPECT_TRUE(Rig::eventually([&] { return depth() == waiting; })) << rig.log_of("pod-sidecar");
    EXPECT_EQ(lines_with(rig.log_of("pod-sidecar"),
                         {"another engine answers", fmt::format("was={} now={}", was, now)}),
              1)
        << rig.log_of("pod-sidecar");
  };
  follow("vllm", "sglang", 7);
  follow("sglang", "llamacpp", 9);
}

}  // namespace
}  // namespace leadline
