// From a request trace to a list of arrivals, in real time: copies of the trace are superposed,
// never compressed, since compressing would change the ratio of burst to cold start.
//
// Pure. A trace is read as a ring: a copy that reaches its end goes on at its beginning, so that
// over one span K copies arrive at exactly K times the trace's rate. Copy k of n (base copies
// first, then those of the bursts) starts k/n of the span later, so that no two are alike.

#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace leadline {

struct TraceRow {
  std::chrono::nanoseconds at{0};  // since the first row
  int prompt_tokens = 1;
  int generation_tokens = 1;
};

struct Trace {
  std::vector<TraceRow> rows;        // by time, not empty
  std::chrono::nanoseconds span{0};  // last row's time plus one mean gap: the ring's length
};

// Azure's format: `TIMESTAMP,ContextTokens,GeneratedTokens`, then rows such as
// `2023-11-16 18:15:46.6805900,374,44`. kBadInput names the line. Rows out of order are sorted.
[[nodiscard]] Result<Trace> parse_trace(std::string_view csv);
[[nodiscard]] Result<Trace> read_trace(const std::string& path);

// Further copies that are there for a while only: a second crowd of users that comes and goes.
struct Burst {
  std::chrono::nanoseconds at{0};  // since the start of the plan
  std::chrono::nanoseconds duration{0};
  int copies = 1;
};

struct LoadOptions {
  std::chrono::nanoseconds start{0};     // where in the trace the first copy begins
  std::chrono::nanoseconds duration{0};  // 0: one span
  int copies = 1;                        // base copies, all the time
  int keep_every = 1;                    // thins the base copies: keeps every n-th row
  std::vector<Burst> bursts;
};

struct Arrival {
  std::chrono::nanoseconds at{0};  // since the start of the plan
  int prompt_tokens = 1;
  int generation_tokens = 1;
};

struct LoadPlan {
  std::vector<Arrival> arrivals;  // by time
  std::chrono::nanoseconds duration{0};
};

// kBadConfig: a value out of range.
[[nodiscard]] Result<LoadPlan> plan_load(const Trace& trace, const LoadOptions& options);

// The demo's plan, 150 s of lull, burst and lull over demo_trace(), for engines with the default
// configuration. sim/data/README.md has the figures; a test holds them.
[[nodiscard]] LoadOptions demo_load_options();

// The excerpt that this binary carries: sim/data/azure_conv_2023_excerpt.csv, for parse_trace().
[[nodiscard]] std::string_view demo_trace();

// `AT:DURATION:COPIES`, in seconds: "35:45:2". kBadConfig.
[[nodiscard]] Result<Burst> parse_burst(std::string_view text);

}  // namespace leadline
