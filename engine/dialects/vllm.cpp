#include "engine/dialects/vllm.h"

#include <algorithm>
#include <array>

#include "engine/dialect_table.h"

// Sources: vLLM's vllm/engine/metrics.py at v0.6.6 (V0) and vllm/v1/metrics/loggers.py at v0.8.5,
// v0.9.2, 0.10.2, 0.11, 0.12, main of 2026-08 and a running 0.32.0 (V1); rust/src/metrics at
// 39910f2b25 (Rust frontend). Which name belongs to which version: engine survey, sections 1.3, 1.7
// and 26; formulas: section 25, columns "vLLM V1" and "vLLM V0".
//
// Never read, on purpose:
//  - lora_requests_info: thousands of series whose values are Unix times, without a model;
//  - iteration_tokens_total: a histogram in spite of its name, wrong under data parallelism;
//  - num_requests_waiting_by_reason, prompt_tokens_by_source, prompt_tokens_cached: parts of totals
//    that are read already;
//  - admission_rejections_total (0.32): each rejection is answered 503, so http_requests_total
//  counts
//    it as 5xx; adding both would count it twice;
//  - request_time_per_output_token_seconds: one mean per request, no token gaps.

namespace leadline {
namespace {

// A request of the non-streaming API that ends with `error` is answered 500 and so counts in both
// terms; streaming ones and those that fail before the engine sees them count in one. The survey
// takes the sum: an error rate that is too high beats one that misses a kind of error.
constexpr LabelMatch kErrorFinish[] = {{"finished_reason", "error"}};  // since 2025-12
constexpr LabelMatch kAbortFinish[] = {{"finished_reason", "abort"}};
constexpr LabelMatch kServerError[] = {{"status", "5xx"}};

constexpr std::string_view kLoggers = "vllm/v1/metrics/loggers.py";
constexpr std::string_view kMetricsV0 = "vllm/engine/metrics.py v0.6.6";

constexpr CapacityRow kCapacity = {
    .families = {"vllm:cache_config_info", "vllm:cache_config"},  // the latter: early V0
    // 0.32 prints the product itself: kv_cache_size_tokens="65536" = num_gpu_blocks 512 x 128.
    .factors = {{{"kv_cache_size_tokens"}, {"num_gpu_blocks", "block_size"}}},
};

constexpr AbsentRow kAbsent[] = {
    {Signal::kQueueTokens,
     "vLLM exposes no queue_tokens: it counts waiting requests, not their tokens"},
};

// --- V1, from 0.8. Python creates every series when the engine starts.

// clang-format off: one reading is one row.
constexpr GaugeRow kGaugesV1[] = {
    {Gauge::kQueueDepth, Combine::kSumOfRanks, Range::kCount, Promise::kAlways,
     {{first_of({"vllm:num_requests_waiting"})}}, kLoggers},
    {Gauge::kRunningRequests, Combine::kSumOfRanks, Range::kCount, Promise::kAlways,
     {{first_of({"vllm:num_requests_running"})}}, kLoggers},
    {Gauge::kBatchSize, Combine::kMeanOfRanks, Range::kCount, Promise::kAlways,
     {{first_of({"vllm:num_requests_running"})}}, kLoggers},
    // Both names from 0.9 to 0.10, same value. Once per API server process (label pid) until
    // 2025-11: a process that serves no requests keeps an old value, hence the highest.
    {Gauge::kKvCacheUtilization, Combine::kMeanOfRanks, Range::kRatio, Promise::kAlways,
     {{first_of({"vllm:kv_cache_usage_perc"}, {"vllm:gpu_cache_usage_perc"})}},
     "vllm/v1/metrics/loggers.py; kv_ since d1e34cc9ac (0.9), gpu_ hidden in 0.11"},
};

constexpr CounterRow kCountersV1[] = {
    {Counter::kFinishedRequests, Promise::kAlways,
     {{first_of({"vllm:request_success_total"})}}, kLoggers},
    {Counter::kRequestErrors, Promise::kAlways,
     {{first_of({"vllm:request_success_total", kErrorFinish}),
       of_engine({"http_requests_total", kServerError})}},
     "vllm/v1/metrics/loggers.py; http_* since PR 15657 (0.8.3)"},
    {Counter::kPromptTokens, Promise::kAlways,
     {{first_of({"vllm:prompt_tokens_total"})}}, kLoggers},
    {Counter::kGenerationTokens, Promise::kAlways,
     {{first_of({"vllm:generation_tokens_total"})}}, kLoggers},
    // Blocks under the old name in 0.8, tokens since: hits and queries change together.
    {Counter::kPrefixCacheHits, Promise::kUnlessLazy,
     {{first_of({"vllm:prefix_cache_hits_total"}, {"vllm:gpu_prefix_cache_hits_total"})}},
     "vllm/v1/metrics/loggers.py; new name in 0.9, old one hidden in 0.11"},
    {Counter::kPrefixCacheQueries, Promise::kUnlessLazy,
     {{first_of({"vllm:prefix_cache_queries_total"}, {"vllm:gpu_prefix_cache_queries_total"})}},
     "vllm/v1/metrics/loggers.py; new name in 0.9, old one hidden in 0.11"},
};

constexpr LatencyRow kLatenciesV1[] = {
    {Latency::kTtft, Promise::kAlways, first_of({"vllm:time_to_first_token_seconds"}), kLoggers},
    // 0.10.2 to 0.12 print both, of the same events. One-token answers have no gap, so a lazy
    // front end may have no series.
    {Latency::kInterTokenLatency, Promise::kUnlessLazy,
     first_of({"vllm:inter_token_latency_seconds"}, {"vllm:time_per_output_token_seconds"}),
     "vllm/v1/metrics/loggers.py; new name 2417798471 (0.10.2), old one gone with bb9172030e"},
    {Latency::kE2eLatency, Promise::kAlways,
     first_of({"vllm:e2e_request_latency_seconds"}), kLoggers},
    // Observed when a request finishes: it lags behind the TTFT (0.32, measured).
    {Latency::kQueueTime, Promise::kAlways,
     first_of({"vllm:request_queue_time_seconds"}), kLoggers},
};

// --- V0, to 0.8. Series are created by the first request.

constexpr GaugeRow kGaugesV0[] = {
    // A swapped request is admitted, has lost its KV blocks and waits for room again.
    {Gauge::kQueueDepth, Combine::kSumOfRanks, Range::kCount, Promise::kAlways,
     {{first_of({"vllm:num_requests_waiting"}), first_of({"vllm:num_requests_swapped"})}},
     kMetricsV0},
    {Gauge::kRunningRequests, Combine::kSumOfRanks, Range::kCount, Promise::kAlways,
     {{first_of({"vllm:num_requests_running"})}}, kMetricsV0},
    {Gauge::kBatchSize, Combine::kMeanOfRanks, Range::kCount, Promise::kAlways,
     {{first_of({"vllm:num_requests_running"})}}, kMetricsV0},
    {Gauge::kKvCacheUtilization, Combine::kMeanOfRanks, Range::kRatio, Promise::kAlways,
     {{first_of({"vllm:gpu_cache_usage_perc"})}}, kMetricsV0},
    // -1 while nothing was looked up, or with prefix caching off: out of range, hence absent.
    {Gauge::kPrefixCacheHit, Combine::kMeanOfRanks, Range::kRatio, Promise::kNever,
     {{first_of({"vllm:gpu_prefix_cache_hit_rate"})}}, kMetricsV0},
};

constexpr CounterRow kCountersV0[] = {
    {Counter::kFinishedRequests, Promise::kAlways,
     {{first_of({"vllm:request_success_total"})}}, kMetricsV0},
    // V0 has no reason `error`: a request that the engine drops ends as an abort.
    {Counter::kRequestErrors, Promise::kAlways,
     {{first_of({"vllm:request_success_total", kAbortFinish})}}, kMetricsV0},
    {Counter::kPromptTokens, Promise::kAlways,
     {{first_of({"vllm:prompt_tokens_total"})}}, kMetricsV0},
    {Counter::kGenerationTokens, Promise::kAlways,
     {{first_of({"vllm:generation_tokens_total"})}}, kMetricsV0},
};

constexpr LatencyRow kLatenciesV0[] = {
    {Latency::kTtft, Promise::kAlways, first_of({"vllm:time_to_first_token_seconds"}), kMetricsV0},
    {Latency::kInterTokenLatency, Promise::kUnlessLazy,
     first_of({"vllm:time_per_output_token_seconds"}), kMetricsV0},
    {Latency::kE2eLatency, Promise::kAlways,
     first_of({"vllm:e2e_request_latency_seconds"}), kMetricsV0},
    {Latency::kQueueTime, Promise::kNever,
     first_of({"vllm:request_queue_time_seconds"}, {"vllm:time_in_queue_requests"}),
     "vllm/engine/metrics.py v0.6.6; 0.4 and 0.5 have neither"},
};
// clang-format on

constexpr DialectTable kV1 = {
    .engine = "vllm",
    .variant = "V1",
    .model_label = "model_name",
    .rank_label = "engine",
    .process_start = "process_start_time_seconds",  // not in multiprocess mode
    .gauges = kGaugesV1,
    .counters = kCountersV1,
    .latencies = kLatenciesV1,
    .absent = kAbsent,
    .capacity = kCapacity,
    .sleep = {"vllm:engine_sleep_state", {"sleep_state", "awake"}},  // since 0.12
};

constexpr DialectTable with_variant(DialectTable table, std::string_view variant, bool lazy) {
  table.variant = variant;
  table.lazy = lazy;
  return table;
}
constexpr DialectTable kRustFrontend = with_variant(kV1, "Rust frontend", /*lazy=*/true);

constexpr DialectTable kV0 = {
    .engine = "vllm",
    .variant = "V0",
    .model_label = "model_name",
    .rank_label = "engine",
    .process_start = "process_start_time_seconds",
    .gauges = kGaugesV0,
    .counters = kCountersV0,
    .latencies = kLatenciesV0,
    .absent = kAbsent,
    .lazy = true,
    .capacity = kCapacity,
};

constexpr std::array kTables = {&kV1, &kRustFrontend, &kV0};

// From 0.6 to 0.8 the engine is V0 or V1 by model and flag: the label `engine` decides (V1 has it
// since 15dac210f0, 2025-03-27). Of the front ends only Rust's answers OpenMetrics unasked.
std::size_t choose(const Exposition& exposition) {
  const bool ranks =
      std::any_of(exposition.samples.begin(), exposition.samples.end(), [&](const Sample& sample) {
        const auto labels = exposition.labels_of(sample);
        return sample.family.starts_with("vllm:") &&
               std::any_of(labels.begin(), labels.end(),
                           [](const Label& label) { return label.name == "engine"; });
      });
  if (!ranks) return 2;
  return exposition.open_metrics ? 1 : 0;
}

}  // namespace

const Dialect& vllm_dialect() {
  static const TableDialect kDialect({kTables.begin(), kTables.end()}, &choose);
  return kDialect;
}

}  // namespace leadline
