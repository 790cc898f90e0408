// What SGLang counts otherwise than vLLM: other bucket edges, streaming requests apart from the
// others, tokens of requests that finished. Part of EngineTotals. Plain data.
//
// Source of the edges: python/sglang/srt/observability/metrics_collector.py at v0.5.18, as the
// recorded page tests/data/expositions/sglang-0.5.18-dp2.prom prints them; a test compares them.

#pragma once

#include <cstdint>
#include <vector>

#include "sim/histogram.h"

namespace leadline {

inline std::vector<double> sglang_ttft_edges() {
  return {.1, .2, .4, .6, .8, 1, 2, 4, 6, 8, 10, 20, 40, 60, 80, 100, 200, 400};
}

inline std::vector<double> sglang_e2e_edges() {
  return {.1, .2, .4, .6, .8,  1,   2,   4,   6,    8,    10,
          20, 40, 60, 80, 100, 200, 400, 600, 1200, 1800, 2400};
}

inline std::vector<double> sglang_token_gap_edges() {
  return {.002, .004, .006, .008, .01, .015, .02, .025, .03, .035, .04, .06,
          .08,  .1,   .2,   .4,   .6,  .8,   1,   2,    4,   6,    8};
}

inline std::vector<double> sglang_queue_time_edges() {
  return {0,   .001, .005, .01, .05,  .1,   .2,   .5,   1,    2,    3,    4,   5,   10,
          15,  20,   30,   40,  50,   60,   70,   80,   90,   100,  200,  300, 400, 500,
          600, 700,  800,  900, 1000, 1200, 1400, 1600, 1800, 2000, 2500, 3000};
}

struct SglangTotals {
  // Of streaming requests, or of the others.
  struct Requests {
    EdgeHistogram ttft{sglang_ttft_edges()};
    EdgeHistogram e2e{sglang_e2e_edges()};
    std::uint64_t finished = 0;
    std::uint64_t prompt_tokens = 0;      // of finished ones
    std::uint64_t generation_tokens = 0;  // of finished ones
  };
  Requests streaming;
  Requests whole;
  EdgeHistogram inter_token{sglang_token_gap_edges()};
  EdgeHistogram queue_time{sglang_queue_time_edges()};
};

}  // namespace leadline
