// The bucket edges of vLLM 0.32.0's histograms, as its page prints them.
// Source: vllm/v1/metrics/loggers.py, and the recorded page
// tests/data/sim/live-vllm-0.32.0-after.prom, against which a test compares every edge.

#pragma once

#include <cstdint>
#include <vector>

namespace leadline {

inline std::vector<double> ttft_edges() {
  return {.001, .005, .01, .02, .04, .06, .08, .1, .25, .5,  .75,
          1,    2.5,  5,   7.5, 10,  20,  40,  80, 160, 640, 2560};
}

// Inter-token latency and the mean time per output token.
inline std::vector<double> token_gap_edges() {
  return {.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80};
}

// End to end, queue, inference, prefill and decode.
inline std::vector<double> request_time_edges() {
  return {.3, .5, .8, 1,  1.5, 2,   2.5, 5,   10,   15,  20,
          30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680};
}

// 1, 8, 16, 32 … 16384 tokens in one engine step.
inline std::vector<double> step_token_edges() {
  std::vector<double> edges{1};
  for (int edge = 8; edge <= 16384; edge *= 2) edges.push_back(edge);
  return edges;
}

// 1, 2, 5, 10 … up to and including `max_model_len`: the list differs per deployment.
inline std::vector<double> token_count_edges(int max_model_len) {
  std::vector<double> edges;
  for (std::int64_t decade = 1; decade <= max_model_len; decade *= 10) {
    for (const std::int64_t mantissa : {1, 2, 5}) {
      if (mantissa * decade <= max_model_len)
        edges.push_back(static_cast<double>(mantissa * decade));
    }
  }
  return edges;
}

inline std::vector<double> parallel_sample_edges() {
  return {1, 2, 5, 10, 20};
}

inline std::vector<double> preemption_edges() {
  return {1, 2, 3, 4, 5, 10, 20};
}

}  // namespace leadline
