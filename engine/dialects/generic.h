// The generic dialect: an engine that we have no table for, read by a mapping that the operator
// writes. Made by the sidecar from its configuration; constant after that, thread-safe.
//
//   {"model_label": "model", "rank_label": "replica", "process_start":
//   "process_start_time_seconds",
//    "rows": [{"signal": "queue_depth", "family": "my_queue_length", "labels": {"state":
//    "waiting"}},
//             {"signal": "e2e_latency_seconds", "family": "my_request_ms", "scale": 0.001}]}
//
// Only `rows` must be there. `signal` is a name of the signal table, or prefix_cache_hits and
// prefix_cache_queries, the two counters behind the hit ratio. Of several rows for one signal the
// first whose family is on the page is read. `kind` may be given and must then fit the signal.

#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "engine/dialect.h"

namespace leadline {

inline constexpr std::size_t kMaxMappingRows = 64;

struct GenericRow {
  std::string signal;  // `queue_depth`, `ttft_seconds`, …
  std::string family;  // a sample's name as printed; of a histogram without `_bucket`
  std::vector<std::pair<std::string, std::string>> labels;  // every one must be equal
  std::string kind;  // `gauge`, `counter` or `histogram`; empty: what the signal has
  double scale = 1;  // to the signal's unit: 0.001 from milliseconds, 0.01 from percent to a ratio
};

struct GenericMapping {
  std::vector<GenericRow> rows;
  std::string model_label;    // empty: the engine names no model
  std::string rank_label;     // empty: no data-parallel ranks
  std::string process_start;  // family; empty: not told
};

// kBadConfig with every fault, not the first: a message of several lines `rows[2].scale: …`.
[[nodiscard]] Result<GenericMapping> generic_mapping_from(const nlohmann::json& json);

// kBadConfig as above.
[[nodiscard]] Result<std::unique_ptr<Dialect>> make_generic_dialect(GenericMapping mapping);

}  // namespace leadline
