// Real llama.cpp, sixteen streams on four slots: it tells tokens and requests at work, in six
// digits, and nothing else. Our sidecar says what it tells, and that the rest is not known.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "demo/work_folder.h"
#include "tests/engines/load_beside_sidecar.h"
#include "tests/engines/real_engine.h"

namespace leadline {
namespace {

constexpr std::uint64_t kSlots = 4;

// Without the prompt cache: prompt tokens that it saves are not counted, but are the client's.
EngineCommand llamacpp(const std::string& log_file) {
  return {.name = "llamacpp",
          .program = "build/bin/llama-server",
          .arguments = {"-m", "{}/model.gguf", "--metrics", "-np", std::to_string(kSlots), "-c",
                        "8192", "-t", "2", "--no-cache-prompt"},
          .environment = {},
          .log_file = log_file};
}

Result<Loaded> load_llamacpp() {
  const auto folder = WorkFolder::make();
  if (!folder) return fail(folder.error());
  const auto engine = RealEngine::start(llamacpp(folder->file("llamacpp.log")));
  if (!engine) return fail(engine.error());
  return load_beside_sidecar(*engine, "tiny", crowd_plan());
}

// One load serves all cases.
class LlamacppTest : public testing::Test {
 protected:
  static const Result<Loaded>& loaded() {
    static const Result<Loaded> kLoaded = load_llamacpp();
    return kLoaded;
  }
  void SetUp() override { ASSERT_TRUE(loaded()) << loaded().error().message; }

  static const SignalPage& page() { return loaded()->page; }
  static const ClientCount& client() { return loaded()->client; }
};

// What a number can differ by when it is printed in six digits.
double six_digits(double value) {
  return value < 1 ? 0 : 0.5 * std::pow(10, std::max(0.0, std::floor(std::log10(value)) - 5));
}

TEST_F(LlamacppTest, AnswersEveryRequestOfTheLoad) {
  EXPECT_EQ(client().sent, crowd_plan().arrivals.size());
  EXPECT_EQ(client().finished, client().sent) << client().summary;
  EXPECT_EQ(loaded()->once["engine"], "llamacpp");
}

TEST_F(LlamacppTest, TokenTotalsAreTheClientsInSixDigits) {
  const auto prompt = page().value("leadline_prompt_tokens_total");
  const auto generated = page().value("leadline_generation_tokens_total");
  ASSERT_TRUE(prompt && generated);
  const auto prompt_sent = static_cast<double>(client().prompt_tokens);
  const auto received = static_cast<double>(client().generation_tokens);
  fmt::print("prompt tokens: client {}, sidecar {}; generated: client {}, sidecar {}\n",
             prompt_sent, *prompt, received, *generated);
  EXPECT_NEAR(*prompt, prompt_sent, six_digits(prompt_sent));
  EXPECT_NEAR(*generated, received, six_digits(received));
}

TEST_F(LlamacppTest, WhatItDoesNotTellIsAbsent) {
  for (const char* name :
       {"leadline_inference_requests_total", "leadline_request_errors_total",
        "leadline_ttft_seconds_count", "leadline_ttft_window_seconds",
        "leadline_e2e_latency_seconds_count", "leadline_queue_time_seconds_count"}) {
    EXPECT_FALSE(page().value(name)) << name;
  }
  const auto absent = loaded()->once["absent"].get<std::vector<std::string>>();
  for (const char* name :
       {"inference_requests_per_second", "ttft_seconds_p95", "ttft_seconds_avg"}) {
    EXPECT_EQ(std::count(absent.begin(), absent.end(), name), 1) << name;
    EXPECT_FALSE(loaded()->once["signals"].contains(name)) << name;
  }
}

TEST_F(LlamacppTest, DeferredRequestsAreSeenWheneverRequestsWait) {
  const auto looks = looks_while_waiting(*loaded(), kSlots);
  EXPECT_GE(looks.size(), 10U) << "of " << loaded()->looks.size() << " looks";
  for (const Look& look : looks) {
    EXPECT_GT(look.queue_depth, 0) << look.in_flight << " in flight, " << look.running << " run";
    EXPECT_LE(look.running, kSlots);
  }
}

TEST_F(LlamacppTest, NoneIsSeenAfterTheLoad) {
  const auto looks = looks_afterwards(*loaded());
  EXPECT_GE(looks.size(), 5U) << "of " << loaded()->looks.size() << " looks";
  for (const Look& look : looks) EXPECT_EQ(look.queue_depth, 0);
}

}  // namespace
}  // namespace leadline
