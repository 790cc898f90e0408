#include "sim/batching.h"

#include <cstddef>
#include <map>
#include <random>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace leadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// Prefill 1 ms a token, decode 10 ms whatever the batch.
PerfModel round_model() {
  return {{{1, .001}, {1000, 1.}}, {{1, .01}, {100, .01}}};
}

BatchingConfig small_config() {
  return {.max_num_seqs = 4, .kv_blocks = 64, .max_model_len = 1024, .max_batched_tokens = 512};
}

// Steps an engine through virtual time.
struct Stepper {
  BatchingEngine engine;
  SteadyTime now;
  std::map<RequestId, int> tokens;
  std::map<RequestId, int> ends;

  explicit Stepper(const BatchingConfig& config, PerfModel perf = round_model())
      : engine(config, std::move(perf)) {}

  // False when there was nothing to do.
  bool step() {
    const auto duration = engine.begin_step(now);
    EXPECT_LE(engine.kv_blocks_used(), engine.config().kv_blocks);
    EXPECT_LE(engine.running(), engine.config().max_num_seqs);
    if (!duration) return false;
    now += *duration;
    for (const TokenEvent& event : engine.finish_step(now)) {
      ++tokens[event.id];
      ends[event.id] += event.last ? 1 : 0;
    }
    return true;
  }

  void run_dry() {
    int steps = 0;
    while (step()) ASSERT_LT(++steps, 1'000'000);
  }
};

TEST(BatchingTest, ConfigIsCheckedWithValueAndRange) {
  const auto f = [](const BatchingConfig& config, std::string_view want) {
    SCOPED_TRACE(want);
    const auto checked = check(config);
    ASSERT_FALSE(checked.has_value());
    EXPECT_EQ(checked.error().code, Errc::kBadConfig);
    EXPECT_NE(checked.error().message.find(want), std::string::npos) << checked.error().message;
  };
  EXPECT_TRUE(check(BatchingConfig{}).has_value());
  f({.max_num_seqs = 0}, "max_num_seqs 0");
  f({.kv_blocks = 10, .max_model_len = 161}, "needs at least 11");
  f({.max_model_len = 1}, "max_model_len 1");
  f({.max_batched_tokens = 0}, "max_batched_tokens 0");
  f({.max_queued = -1}, "max_queued -1");
  f({.speed = 0}, "speed 0");
}

TEST(BatchingTest, StepTakesPrefillOfAdmittedPlusDecodeOfRunning) {
  BatchingEngine engine(small_config(), round_model());
  const SteadyTime start{};
  engine.enqueue({.id = 1, .prompt_tokens = 100, .max_tokens = 3}, start);
  EXPECT_EQ(engine.begin_step(start), milliseconds(100));  // prefill alone
  EXPECT_EQ(engine.finish_step(start + milliseconds(100)).size(), 1U);
  engine.enqueue({.id = 2, .prompt_tokens = 50, .max_tokens = 1}, start + milliseconds(100));
  EXPECT_EQ(engine.begin_step(start + milliseconds(100)), milliseconds(60));  // 50 + 10
  EXPECT_EQ(engine.finish_step(start + milliseconds(160)).size(), 2U);
  EXPECT_EQ(engine.begin_step(start + milliseconds(160)), milliseconds(10));  // decode alone
}

TEST(BatchingTest, LatenciesAreObservedFromArrivalAdmissionAndTokens) {
  Stepper stepper(small_config());
  stepper.engine.enqueue({.id = 1, .prompt_tokens = 100, .max_tokens = 5}, stepper.now);
  stepper.run_dry();
  const EngineTotals& totals = stepper.engine.totals();
  EXPECT_NEAR(totals.ttft.sum, .1, 1e-9);
  EXPECT_NEAR(totals.e2e.sum, .14, 1e-9);
  EXPECT_NEAR(totals.decode_time.sum, .04, 1e-9);
  EXPECT_NEAR(totals.prefill_time.sum, .1, 1e-9);
  EXPECT_NEAR(totals.inference_time.sum, .14, 1e-9);
  EXPECT_NEAR(totals.time_per_output_token.sum, .01, 1e-9);
  EXPECT_EQ(totals.inter_token.total(), 4U);
  EXPECT_EQ(totals.queue_time.counts[0], 1U);
}

// The real engine observes queue time when a request ends, TTFT when its first token is made.
TEST(BatchingTest, QueueTimeLagsUntilTheEndWhileTtftDoesNot) {
  Stepper stepper(small_config());
  stepper.engine.enqueue({.id = 1, .prompt_tokens = 10, .max_tokens = 50}, stepper.now);
  stepper.step();
  EXPECT_EQ(stepper.engine.totals().ttft.total(), 1U);
  EXPECT_EQ(stepper.engine.totals().queue_time.total(), 0U);
  stepper.run_dry();
  EXPECT_EQ(stepper.engine.totals().queue_time.total(), 1U);
}

TEST(BatchingTest, SlotsAreFilledFirstComeFirstServed) {
  Stepper stepper(small_config());
  for (RequestId id = 1; id <= 6; ++id) {
    stepper.engine.enqueue({.id = id, .prompt_tokens = 8, .max_tokens = 10}, stepper.now);
  }
  stepper.step();
  EXPECT_EQ(stepper.engine.running(), 4);
  EXPECT_EQ(stepper.engine.waiting(), 2);
  EXPECT_EQ(stepper.tokens, (std::map<RequestId, int>{{1, 1}, {2, 1}, {3, 1}, {4, 1}}));
}

TEST(BatchingTest, PromptTokensOfOneStepAreLimitedButALongPromptGoesAlone) {
  BatchingConfig config = small_config();
  config.max_batched_tokens = 100;
  Stepper stepper(config);
  stepper.engine.enqueue({.id = 1, .prompt_tokens = 400, .max_tokens = 9}, stepper.now);
  stepper.engine.enqueue({.id = 2, .prompt_tokens = 60, .max_tokens = 9}, stepper.now);
  stepper.engine.enqueue({.id = 3, .prompt_tokens = 60, .max_tokens = 9}, stepper.now);
  stepper.step();
  EXPECT_EQ(stepper.engine.running(), 1);
  stepper.step();
  EXPECT_EQ(stepper.engine.running(), 2);
  stepper.step();
  EXPECT_EQ(stepper.engine.running(), 3);
}

TEST(BatchingTest, AdmissionWaitsForBlocksOfTheWholePrompt) {
  BatchingConfig config = small_config();
  config.kv_blocks = 64;
  Stepper stepper(config);
  stepper.engine.enqueue({.id = 1, .prompt_tokens = 40 * 16, .max_tokens = 2}, stepper.now);
  stepper.engine.enqueue({.id = 2, .prompt_tokens = 25 * 16, .max_tokens = 2}, stepper.now);
  stepper.step();
  stepper.step();
  EXPECT_EQ(stepper.engine.waiting(), 1) << "40 + 25 blocks do not fit into 64";
  stepper.run_dry();
  EXPECT_EQ(stepper.engine.kv_blocks_used(), 0);
  EXPECT_EQ(stepper.engine.totals().preemptions, 0U);
}

TEST(BatchingTest, YoungestIsPreemptedToTheHeadOfTheQueueAndFinishesLater) {
  BatchingConfig config = small_config();
  config.max_num_seqs = 3;
  config.kv_blocks = 64;
  config.max_batched_tokens = 4096;
  Stepper stepper(config);
  // Together 63 blocks at first; each grows by four.
  for (RequestId id = 1; id <= 3; ++id) {
    stepper.engine.enqueue({.id = id, .prompt_tokens = 21 * 16, .max_tokens = 64}, stepper.now);
  }
  stepper.engine.enqueue({.id = 4, .prompt_tokens = 16, .max_tokens = 1}, stepper.now);
  while (stepper.engine.totals().preemptions == 0) ASSERT_TRUE(stepper.step());
  EXPECT_EQ(stepper.engine.running(), 2);
  EXPECT_EQ(stepper.engine.waiting(), 2);
  EXPECT_GT(stepper.tokens[1], stepper.tokens[3]) << "the youngest missed this step";
  stepper.run_dry();
  EXPECT_EQ(stepper.tokens, (std::map<RequestId, int>{{1, 64}, {2, 64}, {3, 64}, {4, 1}}));
  EXPECT_EQ(stepper.engine.totals().prompt_tokens, 3U * 21 * 16 + 16)
      << "recomputed, not recounted";
  EXPECT_EQ(stepper.engine.totals().request_preemptions.sum,
            static_cast<double>(stepper.engine.totals().preemptions));
}

TEST(BatchingTest, QueueLimitCountsWaitingAndRunning) {
  BatchingConfig config = small_config();
  config.max_queued = 2;
  BatchingEngine engine(config, round_model());
  EXPECT_EQ(engine.enqueue({.id = 1}, {}), Admission::kQueued);
  ASSERT_TRUE(engine.begin_step({}).has_value());
  EXPECT_EQ(engine.enqueue({.id = 2}, {}), Admission::kQueued);
  EXPECT_EQ(engine.enqueue({.id = 3}, {}), Admission::kQueueFull);
  EXPECT_EQ(engine.totals().rejected, 1U);
  EXPECT_EQ(engine.totals().accepted, 2U);
}

TEST(BatchingTest, AbortEndsARequestOnceWhereverItIs) {
  BatchingConfig config = small_config();
  config.max_num_seqs = 1;
  BatchingEngine engine(config, round_model());
  engine.enqueue({.id = 1, .prompt_tokens = 32, .max_tokens = 10}, {});
  engine.enqueue({.id = 2, .prompt_tokens = 32, .max_tokens = 10}, {});
  ASSERT_TRUE(engine.begin_step({}).has_value());
  EXPECT_TRUE(engine.abort(1, {}));   // in the step under way
  EXPECT_TRUE(engine.abort(2, {}));   // waiting
  EXPECT_FALSE(engine.abort(2, {}));  // gone
  EXPECT_TRUE(engine.finish_step({}).empty());
  EXPECT_EQ(engine.kv_blocks_used(), 0);
  EXPECT_EQ(engine.totals().finished_abort, 2U);
  EXPECT_EQ(engine.totals().ttft.total(), 0U);
}

struct RandomRun {
  std::string trail;  // one line per step: what the engine looked like
  EngineTotals totals{1024};
};

// Random arrivals and aborts under memory pressure; checks what must hold of any run.
RandomRun run_randomly(unsigned seed) {
  BatchingConfig config = small_config();
  config.max_num_seqs = 8;
  Stepper stepper(config);
  std::mt19937 random(seed);
  std::map<RequestId, std::pair<int, int>> asked;  // prompt, max tokens
  std::map<RequestId, bool> aborted;
  RandomRun run;
  for (RequestId id = 1; id <= 400; ++id) {
    const int prompt = 1 + static_cast<int>(random() % 500);
    const int tokens = 1 + static_cast<int>(random() % 120);
    asked[id] = {prompt, tokens};
    stepper.engine.enqueue({.id = id, .prompt_tokens = prompt, .max_tokens = tokens}, stepper.now);
    for (unsigned steps = random() % 25; steps > 0; --steps) stepper.step();
    if (random() % 7 == 0) {
      const RequestId victim = 1 + random() % id;
      if (stepper.engine.abort(victim, stepper.now)) aborted[victim] = true;
    }
    run.trail += std::to_string(stepper.engine.waiting()) + ' ' +
                 std::to_string(stepper.engine.kv_blocks_used()) + '\n';
  }
  stepper.run_dry();
  std::uint64_t tokens = 0;
  for (const auto& [id, request] : asked) {
    tokens += static_cast<std::uint64_t>(stepper.tokens[id]);
    EXPECT_EQ(stepper.ends[id], aborted.contains(id) ? 0 : 1) << id;
    if (!aborted.contains(id)) EXPECT_EQ(stepper.tokens[id], request.second) << id;
  }
  run.totals = stepper.engine.totals();
  EXPECT_EQ(run.totals.generation_tokens, tokens);
  EXPECT_EQ(run.totals.finished_abort, aborted.size());
  EXPECT_EQ(stepper.engine.kv_blocks_used(), 0);
  return run;
}

TEST(BatchingTest, EveryRequestEndsOnceAndTheCountersAddUp) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    const EngineTotals totals = run_randomly(seed).totals;
    EXPECT_EQ(totals.accepted, 400U);
    EXPECT_EQ(totals.finished(), 400U);
    EXPECT_EQ(totals.e2e.total(), 400U);
    EXPECT_EQ(totals.generation_tokens, totals.ttft.total() + totals.inter_token.total());
    EXPECT_EQ(totals.queue_time.total(), totals.decode_time.total());
    EXPECT_GT(totals.preemptions, 0U) << "the memory was never short: a weak test";
  }
}

TEST(BatchingTest, SameArrivalsGiveTheSameRun) {
  EXPECT_EQ(run_randomly(7).trail, run_randomly(7).trail);
  EXPECT_NE(run_randomly(7).trail, run_randomly(8).trail);
}

}  // namespace
}  // namespace leadline
