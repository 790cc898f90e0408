#include "engine/signal.h"

#include <cassert>

namespace leadline {
namespace {

using enum SignalKind;
using enum Aggregation;

// In the order of the design page's table. Families of ratios hold ratios (0-1), metrics percent.
constexpr std::array<SignalRow, kSignalCount> kTable = {{
    {Signal::kQueueDepth, "queue_depth", "queue_depth", "leadline_queue_depth", "requests", kGauge,
     kSum, "queue_depth", "Requests waiting in the engine's queue, not yet running."},
    {Signal::kRunningRequests, "running_requests", "running_requests", "leadline_running_requests",
     "requests", kGauge, kSum, "running", "Requests that the engine is working on."},
    {Signal::kInFlightRequests, "in_flight_requests", "in_flight_requests",
     "leadline_in_flight_requests", "requests", kGauge, kSum, "queue_depth + running",
     "Requests in the engine: waiting and running."},
    {Signal::kInferenceRequests, "inference_requests", "inference_requests_per_second",
     "leadline_inference_requests_total", "req/s", kRate, kSum, "request_rate",
     "Requests finished, whatever the reason they ended for."},
    {Signal::kRequestErrors, "request_errors", "request_errors_per_second",
     "leadline_request_errors_total", "req/s", kRate, kSum, "error_rate",
     "Requests that ended in an error."},
    {Signal::kPromptTokens, "prompt_tokens", "prompt_tokens_per_second",
     "leadline_prompt_tokens_total", "tok/s", kRate, kSum, "tokens_in_rate",
     "Prompt tokens taken in."},
    {Signal::kGenerationTokens, "generation_tokens", "generation_tokens_per_second",
     "leadline_generation_tokens_total", "tok/s", kRate, kSum, "tokens_out_rate",
     "Tokens generated."},
    {Signal::kTokens, "tokens", "tokens_per_second", "", "tok/s", kRate, kSum,
     "tokens_in_rate + tokens_out_rate", "Prompt tokens taken in and tokens generated."},
    {Signal::kQueueTokens, "queue_tokens", "queue_tokens", "leadline_queue_tokens", "tokens",
     kGauge, kSum, "", "Prompt tokens waiting, the cached prefix excluded where known."},
    {Signal::kTtft, "ttft_seconds", "", "leadline_ttft_seconds", "s", kHistogram, kMergedHistogram,
     "ttft_s", "Time from a request's arrival to its first token."},
    {Signal::kInterTokenLatency, "inter_token_latency_seconds", "",
     "leadline_inter_token_latency_seconds", "s", kHistogram, kMergedHistogram, "inter_token_s",
     "Time between two tokens of one request."},
    {Signal::kE2eLatency, "e2e_latency_seconds", "", "leadline_e2e_latency_seconds", "s",
     kHistogram, kMergedHistogram, "e2e_s", "Time from a request's arrival to its last token."},
    {Signal::kQueueTime, "queue_time_seconds", "", "leadline_queue_time_seconds", "s", kHistogram,
     kMergedHistogram, "queue_time_s", "Time that a request waited before it ran."},
    {Signal::kKvCacheUtilization, "kv_cache_utilization", "kv_cache_utilization_percent",
     "leadline_kv_cache_utilization_ratio", "percent", kGauge, kCapacityWeightedMean,
     "kv_usage_ratio", "Share of the KV cache in use."},
    {Signal::kPrefixCacheHit, "prefix_cache_hit", "prefix_cache_hit_percent",
     "leadline_prefix_cache_hit_ratio", "percent", kRatio, kCapacityWeightedMean,
     "prefix_hit_ratio", "Share of the prefix cache's look-ups that hit."},
    {Signal::kBatchSize, "batch_size", "batch_size", "leadline_batch_size", "sequences", kGauge,
     kMean, "", "Sequences in the engine's batch."},
}};

constexpr bool rows_are_in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (index_of(kTable[i].signal) != index_of(kTable[0].signal) + i) return false;
  }
  return true;
}
static_assert(rows_are_in_order(), "row_of() reads the table by position");

}  // namespace

std::span<const SignalRow> signal_table() {
  return kTable;
}

const SignalRow& row_of(Signal signal) {
  assert(index_of(signal) < kTable.size());
  return kTable[index_of(signal)];
}

}  // namespace leadline
