// EngineTotals is everything the stand-in engine has counted since it started: what its page prints
// and what tests take as the truth. Plain data, copied out under the owner's lock.

#pragma once

#include <cstdint>

#include "sim/histogram.h"
#include "sim/sglang_totals.h"
#include "sim/vllm_edges.h"

namespace leadline {

struct EngineTotals {
  explicit EngineTotals(int max_model_len)
      : prompt_length(token_count_edges(max_model_len)),
        generation_length(token_count_edges(max_model_len)),
        max_generation_length(token_count_edges(max_model_len)),
        max_tokens_asked(token_count_edges(max_model_len)),
        prefill_computed(token_count_edges(max_model_len)) {}

  std::uint64_t accepted = 0;  // requests that entered the queue
  std::uint64_t rejected = 0;  // refused by the queue limit, never queued
  std::uint64_t prompt_tokens = 0;
  std::uint64_t generation_tokens = 0;
  std::uint64_t preemptions = 0;
  std::uint64_t finished_stop = 0;
  std::uint64_t finished_length = 0;
  std::uint64_t finished_abort = 0;

  EdgeHistogram prompt_length;
  EdgeHistogram generation_length;
  EdgeHistogram step_tokens{step_token_edges()};
  EdgeHistogram max_generation_length;
  EdgeHistogram parallel_samples{parallel_sample_edges()};
  EdgeHistogram max_tokens_asked;
  EdgeHistogram ttft{ttft_edges()};
  EdgeHistogram inter_token{token_gap_edges()};
  EdgeHistogram time_per_output_token{token_gap_edges()};
  EdgeHistogram e2e{request_time_edges()};
  EdgeHistogram queue_time{request_time_edges()};
  EdgeHistogram inference_time{request_time_edges()};
  EdgeHistogram prefill_time{request_time_edges()};
  EdgeHistogram decode_time{request_time_edges()};
  EdgeHistogram request_preemptions{preemption_edges()};
  EdgeHistogram prefill_computed;
  SglangTotals sglang;

  [[nodiscard]] std::uint64_t finished() const {
    return finished_stop + finished_length + finished_abort;
  }
};

}  // namespace leadline
