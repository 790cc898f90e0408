// BatchingEngine is the stand-in engine's scheduler: continuous batching as vLLM does it. Requests
// wait first come first served; a step decodes one token for every running sequence and prefills
// the newly admitted ones; KV memory is counted in blocks of 16 tokens, and when it runs out the
// youngest sequence is preempted back to the queue's head, its tokens to be recomputed.
// Source: vllm/v1/core/sched/scheduler.py (v0.32), without chunked prefill and prefix caching.
//
// Pure and deterministic: time is an argument, nothing is random. Used by EngineHost on the wall
// clock and by tests in virtual time. Not synchronised.
//
// Invariants: a request ends exactly once; kv_blocks_used() <= kv_blocks; running() <=
// max_num_seqs.

#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "sim/engine_totals.h"
#include "sim/perf_model.h"

namespace leadline {

inline constexpr int kKvBlockTokens = 16;

struct BatchingConfig {
  int max_num_seqs = 64;
  int kv_blocks = 8192;           // of 16 tokens: 131072 tokens, 1.5 times 64 average conversations
  int max_model_len = 16384;      // longest conversation of the Azure 2023 trace: 14089
  int max_batched_tokens = 2048;  // prompt tokens per step; a longer prompt goes alone
  int max_queued = 0;             // refuses when waiting + running reach it; 0: no limit
  double speed = 1;               // tests only: steps take 1/speed of the measured time
};

// Every value that makes no engine, with its range; kBadConfig.
[[nodiscard]] Result<void> check(const BatchingConfig& config);

using RequestId = std::uint64_t;

enum class FinishReason { kStop, kLength, kAbort };

struct BatchRequest {
  RequestId id = 0;
  int prompt_tokens = 1;  // at least 1
  int max_tokens = 1;     // tokens it will generate, at least 1; with the prompt <= max_model_len
  FinishReason ends_with = FinishReason::kLength;
  bool streaming = true;
};

enum class Admission { kQueued, kQueueFull };

// One token for one request, at the end of a step.
struct TokenEvent {
  RequestId id = 0;
  bool last = false;
};

class BatchingEngine {
 public:
  // REQUIRES: check(config).
  BatchingEngine(const BatchingConfig& config, PerfModel perf);

  // REQUIRES: at least one prompt token and one token asked for, together <= max_model_len.
  Admission enqueue(const BatchRequest& request, SteadyTime now);

  // The client hung up. False when no such request is here any more.
  bool abort(RequestId id, SteadyTime now);

  // Plans the next step and says how long it takes; nullopt when nothing waits or runs.
  // REQUIRES: no step is under way.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> begin_step(SteadyTime now);

  // Ends the step: one event per sequence that was in it and was not aborted meanwhile.
  std::vector<TokenEvent> finish_step(SteadyTime now);

  [[nodiscard]] int waiting() const { return static_cast<int>(waiting_.size()); }
  [[nodiscard]] int running() const { return static_cast<int>(running_.size()); }
  [[nodiscard]] int kv_blocks_used() const { return kv_blocks_used_; }
  [[nodiscard]] const EngineTotals& totals() const { return totals_; }
  [[nodiscard]] const BatchingConfig& config() const { return config_; }

 private:
  struct Sequence {
    BatchRequest request;
    SteadyTime arrived;
    SteadyTime scheduled;    // first admission
    SteadyTime first_token;  // set once generated > 0
    SteadyTime last_token;
    int generated = 0;
    int preemptions = 0;
    int kv_blocks = 0;
    bool in_step = false;  // takes part in the step under way
    [[nodiscard]] int context() const { return request.prompt_tokens + generated; }
  };

  void grow_running();
  void preempt_youngest();
  int admit_waiting(SteadyTime now);
  bool hold_blocks(Sequence& sequence);
  void release_blocks(Sequence& sequence);
  void take_token(Sequence& sequence, SteadyTime now);
  void count_finished(const Sequence& sequence, SteadyTime now);
  void count_finished_as_sglang(const Sequence& sequence, SteadyTime now);

  BatchingConfig config_;
  PerfModel perf_;
  EngineTotals totals_;
  std::deque<Sequence> waiting_;
  std::vector<Sequence> running_;  // in order of admission: the youngest is last
  int kv_blocks_used_ = 0;
  bool preempted_ = false;  // in the step being planned: then nothing is admitted
};

}  // namespace leadline
