// Renders the exposition of vLLM 0.32.0: the same families, labels, bucket edges, order and number
// format as the recorded page tests/data/sim/live-vllm-0.32.0-after.prom. Left out: python_* (we
// are no Python) and the http_* families but http_requests_*.
//
// Pure. Content-Type of the real one: kVllmContentType, to any Accept (engines.md §26).

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/batching.h"
#include "sim/process_facts.h"

namespace leadline {

inline constexpr char kVllmContentType[] = "text/plain; version=1.0.0; charset=utf-8";
inline constexpr char kVllmVersion[] = "0.32.0";

// One series of http_requests_total.
struct HttpCount {
  std::string handler;
  std::string method;
  std::string status;  // class: "2xx"
  std::uint64_t count = 0;
  double created_seconds = 0;
};

struct PageInput {
  std::string model_name;
  int waiting = 0;
  int running = 0;
  int kv_blocks_used = 0;
  double process_start_seconds = 0;  // since the Unix epoch
  double created_seconds = 0;        // when the engine made its metrics
  BatchingConfig config;
  EngineTotals totals;
  ProcessFacts process;
  std::vector<HttpCount> http;
  std::string huge_label;  // a fault: an extra label of cache_config_info, when not empty
};

[[nodiscard]] std::string render_vllm_page(const PageInput& input);

// prometheus_client's floatToGoString: Python's repr with Go's exponent from 1e+06 on: 1453.0,
// 0.9133143801053077, 4.803538944e+09.
[[nodiscard]] std::string python_float(double value);

}  // namespace leadline
