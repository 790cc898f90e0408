#include "engine/dialects/llamacpp.h"

#include "engine/dialect_table.h"

// Sources: llama.cpp's tools/server/server-context.cpp at b10280 and a running b11434;
// examples/server/server.cpp at b4700 and b4900. Formulas and pitfalls: engine survey, sections 9,
// 25 (column "llama.cpp") and 26.
//
// Numbers have six digits: at 1.2e8 tokens a counter moves in steps of 1,000. There is no histogram
// and no counter of requests; nothing names the model.
//
// Never read, on purpose:
//  - prompt_tokens_seconds, predicted_tokens_seconds: averages since the previous scrape, which
//    resets them: two readers steal from each other, and read often they are 0 under full load;
//  - n_busy_slots_per_decode: an average since the start, `-nan` before the first decode (b4700);
//  - n_tokens_max: a high-water mark in spite of its type, counter;
//  - n_decode_total, prompt_seconds_total: no signal asks for them.

namespace leadline {
namespace {

constexpr std::string_view kServer = "tools/server/server-context.cpp b10280, running b11434";

// clang-format off: one reading is one row.
constexpr GaugeRow kGauges[] = {
    {Gauge::kQueueDepth, Combine::kSumOfRanks, Range::kCount, Promise::kAlways,
     {{first_of({"llamacpp:requests_deferred"})}}, kServer},
    {Gauge::kRunningRequests, Combine::kSumOfRanks, Range::kCount, Promise::kAlways,
     {{first_of({"llamacpp:requests_processing"})}}, kServer},
    // A slot is a sequence.
    {Gauge::kBatchSize, Combine::kMeanOfRanks, Range::kCount, Promise::kAlways,
     {{first_of({"llamacpp:requests_processing"})}}, kServer},
    {Gauge::kKvCacheUtilization, Combine::kMeanOfRanks, Range::kRatio, Promise::kNever,
     {{first_of({"llamacpp:kv_cache_usage_ratio"})}},
     "examples/server/server.cpp b4900; removed in b5441 (PR 13660), kept by ik_llama.cpp"},
};

constexpr CounterRow kCounters[] = {
    // Evaluated ones. Where the cached ones are counted beside them, they are no part of these.
    {Counter::kPromptTokens, Promise::kAlways,
     {{first_of({"llamacpp:prompt_tokens_total"})}}, kServer},
    // Moves when a request ends.
    {Counter::kGenerationTokens, Promise::kAlways,
     {{first_of({"llamacpp:tokens_predicted_total"})}}, kServer},
    {Counter::kPrefixCacheHits, Promise::kNever,
     {{first_of({"llamacpp:prompt_tokens_cached_total"})}}, "running b11434; from about b10400"},
    // Without the hits they are no denominator of anything.
    {Counter::kPrefixCacheQueries, Promise::kNever,
     {{first_of({"llamacpp:prompt_tokens_cached_total"}),
       first_of({"llamacpp:prompt_tokens_total"})}}, "running b11434; from about b10400"},
};

constexpr LatencyRow kLatencies[] = {
    // Time per token of one slot, which is nearly the gap that its reader sees.
    {Latency::kInterTokenLatency, Promise::kNever, {}, kServer,
     {"llamacpp:tokens_predicted_seconds_total", "llamacpp:tokens_predicted_total"}},
};

constexpr AbsentRow kAbsent[] = {
    {Signal::kInferenceRequests,
     "llama.cpp exposes no inference_requests: it counts tokens, not requests"},
    {Signal::kRequestErrors, "llama.cpp exposes no request_errors: it counts no requests"},
    {Signal::kQueueTokens,
     "llama.cpp exposes no queue_tokens: it counts deferred requests, not their tokens"},
    {Signal::kTtft, "llama.cpp exposes no ttft_seconds: it prints no histograms"},
    {Signal::kInterTokenLatency,
     "llama.cpp exposes no distribution of inter_token_latency_seconds, only the mean of answers "
     "that ended"},
    {Signal::kE2eLatency, "llama.cpp exposes no e2e_latency_seconds: it prints no histograms"},
    {Signal::kQueueTime, "llama.cpp exposes no queue_time_seconds: it prints no histograms"},
    {Signal::kKvCacheUtilization,
     "llama.cpp exposes no kv_cache_utilization since b5441 (May 2025)"},
};
// clang-format on

constexpr DialectTable kTable = {
    .engine = "llamacpp",
    .variant = "",
    .model_label = "",
    .rank_label = "",
    .process_start = "",  // a header: microseconds since boot, other after a restart
    .gauges = kGauges,
    .counters = kCounters,
    .latencies = kLatencies,
    .absent = kAbsent,
};

}  // namespace

const Dialect& llamacpp_dialect() {
  static const TableDialect kDialect(kTable);
  return kDialect;
}

}  // namespace leadline
