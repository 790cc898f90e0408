#include "engine/dialects/sglang.h"

#include <array>

#include "engine/dialect_table.h"

// Sources: SGLang's docs/references/production_metrics.md (0.4.0),
// python/sglang/srt/metrics/collector.py at v0.4.9 and
// python/sglang/srt/observability/metrics_collector.py at v0.5.18. Which name belongs to which
// version: engine survey, section 2.3; formulas: section 25, column "SGLang"; pitfalls: 2.4.
//
// Two processes print into one page. The scheduler's families carry its ranks (engine_type, dp_rank
// with data parallelism, tp_rank, pp_rank, moe_ep_rank), the tokenizer's (requests, tokens,
// latencies but queue_time) only the model. Always multiprocess mode: no process_*, no _created,
// and every series appears on first use.
//
// Never read, on purpose:
//  - gen_throughput: tokens/s that stick at their last value when the engine falls idle;
//  - prompt_tokens_total and generation_tokens_total where realtime_tokens_total is there: they
//    move when a request finishes, so that a short window sees nothing, then a spike;
//  - routing_key_*_req_count: gauges with `gt` and `le`, no histograms;
//  - fwd_occupancy, utilization: NaN or 0 by default;
//  - num_retracted_reqs, num_paused_reqs: once per process, and in the running ones;
//  - http_requests_active: live, but it counts what the HTTP side has, and waiting and running
//    could not be told apart.

namespace leadline {
namespace {

// With priority scheduling the total stands under priority="", its parts under priority="N".
constexpr LabelMatch kTotal[] = {{"priority", ""}};

constexpr LabelMatch kPrefillComputed[] = {{"mode", "prefill_compute"}};
constexpr LabelMatch kPrefillCached[] = {{"mode", "prefill_cache"}};
constexpr LabelMatch kDecoded[] = {{"mode", "decode"}};
constexpr LabelMatch kServerError[] = {{"status_code", "5", /*prefix=*/true}};

// Of a request that does not stream, the first token comes with the last: its "TTFT" is its
// end-to-end latency.
constexpr LabelMatch kStreaming[] = {{"is_streaming", "true"}};
constexpr LabelMatch kBeforeTheLabel[] = {{"is_streaming", ""}};

constexpr std::string_view kCollector =
    "srt/metrics/collector.py v0.4.9, srt/observability/metrics_collector.py v0.5.18";

// The scheduler of each attention-TP rank 0 prints, with pipeline parallelism each stage's, with
// --enable-metrics-for-all-schedulers every one. Under DP attention tp_rank is 0, k, 2k, so that
// tp_rank="0" would lose all data-parallel ranks but one.
constexpr std::array<std::string_view, 3> kCopies = {"pp_rank", "tp_rank", "moe_ep_rank"};

// clang-format off: one reading is one row.
constexpr GaugeRow kGauges[] = {
    // Waiting for a batch; for a grammar to compile; and under prefill-decode disaggregation for
    // the other side: bootstrap and transfer on prefill engines, KV room and transfer on decode.
    {Gauge::kQueueDepth, Combine::kSumOfRanks, Range::kCount, Promise::kAlways,
     {{first_of({"sglang:num_queue_reqs", kTotal}),
       first_of({"sglang:num_grammar_queue_reqs", kTotal}),
       first_of({"sglang:num_prefill_bootstrap_queue_reqs", kTotal},
                {"sglang:num_prefill_prealloc_queue_reqs", kTotal}),
       first_of({"sglang:num_prefill_inflight_queue_reqs", kTotal},
                {"sglang:num_prefill_infight_queue_reqs", kTotal}),
       first_of({"sglang:num_decode_prealloc_queue_reqs", kTotal}),
       first_of({"sglang:num_decode_transfer_queue_reqs", kTotal})}},
     "as the others; all but the first since 0.4.6, `inflight` in 0.5.2, `bootstrap` in 0.5.12"},
    {Gauge::kRunningRequests, Combine::kSumOfRanks, Range::kCount, Promise::kAlways,
     {{first_of({"sglang:num_running_reqs", kTotal})}}, kCollector},
    {Gauge::kBatchSize, Combine::kMeanOfRanks, Range::kCount, Promise::kAlways,
     {{first_of({"sglang:num_running_reqs", kTotal})}}, kCollector},
    // The highest of the full, sliding-window and Mamba pools on new versions.
    {Gauge::kKvCacheUtilization, Combine::kMeanOfRanks, Range::kRatio, Promise::kAlways,
     {{first_of({"sglang:token_usage", kTotal})}}, kCollector},
    // Of the last prefill only; the two counters below win where they are.
    {Gauge::kPrefixCacheHit, Combine::kMeanOfRanks, Range::kRatio, Promise::kUnlessLazy,
     {{first_of({"sglang:cache_hit_rate", kTotal})}}, kCollector},
};

constexpr CounterRow kCounters[] = {
    {Counter::kFinishedRequests, Promise::kAlways,
     {{first_of({"sglang:num_requests_total"})}},
     "srt/metrics/collector.py v0.4.9; 0.4.0 has none"},
    {Counter::kRequestErrors, Promise::kUnlessLazy,
     {{first_of({"sglang:num_aborted_requests_total"}, {"sglang:num_aborted_requests"}),
       of_engine({"sglang:http_responses_total", kServerError})}},
     "srt/metrics/collector.py v0.4.9, _total in 0.5.4; http_* since 0.5.7"},
    {Counter::kPromptTokens, Promise::kAlways,
     {{first_of({"sglang:realtime_tokens_total", kPrefillComputed}, {"sglang:prompt_tokens_total"}),
       first_of({"sglang:realtime_tokens_total", kPrefillCached})}},
     "srt/observability/metrics_collector.py v0.5.18; realtime_* since 0.5.8"},
    {Counter::kGenerationTokens, Promise::kAlways,
     {{first_of({"sglang:realtime_tokens_total", kDecoded}, {"sglang:generation_tokens_total"})}},
     "srt/observability/metrics_collector.py v0.5.18; realtime_* since 0.5.8"},
    // Both when a request finishes; one series per cache_source.
    {Counter::kPrefixCacheHits, Promise::kUnlessLazy,
     {{first_of({"sglang:cached_tokens_total"})}}, kCollector},
    {Counter::kPrefixCacheQueries, Promise::kUnlessLazy,
     {{first_of({"sglang:prompt_tokens_total"})}}, kCollector},
};

constexpr LatencyRow kLatencies[] = {
    {Latency::kTtft, Promise::kUnlessLazy,
     first_of({"sglang:time_to_first_token_seconds", kStreaming},
              {"sglang:time_to_first_token_seconds", kBeforeTheLabel}),
     "srt/observability/metrics_collector.py v0.5.18; is_streaming since 0.5.17 (38dc2d6cf8)"},
    // Tokens that come together share one gap.
    {Latency::kInterTokenLatency, Promise::kUnlessLazy,
     first_of({"sglang:inter_token_latency_seconds"}, {"sglang:time_per_output_token_seconds"}),
     "srt/metrics/collector.py v0.4.9; the old name to 0.4.1"},
    {Latency::kE2eLatency, Promise::kAlways,
     first_of({"sglang:e2e_request_latency_seconds"}), kCollector},
    {Latency::kQueueTime, Promise::kNever,
     first_of({"sglang:queue_time_seconds"}, {"sglang:queue_time_s"}),
     "srt/observability/metrics_collector.py v0.5.18; _s in 0.5.2, _seconds in 0.5.4"},
};

constexpr AbsentRow kAbsent[] = {
    {Signal::kQueueTokens,
     "SGLang exposes no queue_tokens on its page: only /v1/loads counts waiting tokens"},
};
// clang-format on

constexpr DialectTable kTable = {
    .engine = "sglang",
    .variant = "",
    .model_label = "model_name",
    .rank_label = "dp_rank",
    .process_start = "",
    .gauges = kGauges,
    .counters = kCounters,
    .latencies = kLatencies,
    .absent = kAbsent,
    .lazy = true,
    .capacity = {.gauge = "sglang:max_total_num_tokens"},
    .role_label = "engine_type",
    .copy_labels = kCopies,
};

}  // namespace

const Dialect& sglang_dialect() {
  static const TableDialect kDialect(kTable);
  return kDialect;
}

}  // namespace leadline
