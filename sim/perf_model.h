// PerfModel says how long an engine step takes: prefill time by prompt tokens and decode time by
// batch size, from a measured table (sim/data/README.md says which and whose).
//
// Between measured sizes it interpolates linearly, below the smallest it holds the smallest, above
// the largest it extends the last segment. Pure; immutable after parsing.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace leadline {

// Which rows of the table.
struct PerfRows {
  std::string model = "llama2-70b";
  std::string hardware = "h100-80gb";
  int tensor_parallel = 8;
};

struct PerfPoint {
  double size = 0;     // prompt tokens, or sequences in the batch
  double seconds = 0;  // the median of the table's repeats
};

class PerfModel {
 public:
  // Both ascending by size, neither empty (asserted).
  PerfModel(std::vector<PerfPoint> prefill, std::vector<PerfPoint> decode);

  // 0 tokens take no time: a step without new prompts.
  [[nodiscard]] double prefill_seconds(int prompt_tokens) const;
  // One token for each of `batch_size` sequences; 0 sequences take no time.
  [[nodiscard]] double decode_seconds(int batch_size) const;

 private:
  std::vector<PerfPoint> prefill_;
  std::vector<PerfPoint> decode_;
};

// Reads splitwise-sim's perf_model.csv. Prefill points are the rows of batch size 1, decode points
// the rows of prompt size 512, both at 128 generated tokens, as that table varies one size at a
// time. kBadInput names the line or the column; kNotFound lists the row sets that there are.
[[nodiscard]] Result<PerfModel> parse_perf_model(std::string_view csv, const PerfRows& rows);

// The table that this binary carries: sim/data/splitwise_sim_perf_model.csv.
[[nodiscard]] std::string_view embedded_perf_table();

}  // namespace leadline
