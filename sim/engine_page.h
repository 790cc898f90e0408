// The pages that the stand-in engine prints, one per engine that it can pass for: what they are
// rendered from, and the table of them. A further engine is a renderer of its own and a row here.
// Pure.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/batching.h"
#include "sim/process_facts.h"

namespace leadline {

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

struct EnginePage {
  std::string_view engine;  // id, as detection names it
  std::string (*render)(const PageInput& input);
  std::string_view content_type;  // of the answer to the sidecar's Accept
  std::string_view server;        // header Server; empty: none
  // Header Process-Start-Time-Unix is sent: microseconds, other after a restart.
  bool start_in_header;
  std::string_view loading;  // body of the 503 while the model loads; empty: as vLLM's errors are
};

// The first is the one that is printed unless another is asked for.
[[nodiscard]] std::span<const EnginePage> engine_pages();
[[nodiscard]] const EnginePage* find_engine_page(std::string_view engine);  // nullptr: none

}  // namespace leadline
