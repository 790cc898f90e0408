#include "sim/batching.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <utility>

namespace leadline {
namespace {

double seconds(std::chrono::nanoseconds span) {
  return std::chrono::duration<double>(span).count();
}

int blocks_for(int tokens) {
  return (tokens + kKvBlockTokens - 1) / kKvBlockTokens;
}

}  // namespace

Result<void> check(const BatchingConfig& config) {
  if (config.max_num_seqs < 1 || config.max_num_seqs > 4096) {
    return fail(Errc::kBadConfig, "max_num_seqs {}: not in 1..4096", config.max_num_seqs);
  }
  if (config.max_model_len < 2 || config.max_model_len > 1 << 20) {
    return fail(Errc::kBadConfig, "max_model_len {}: not in 2..1048576", config.max_model_len);
  }
  // vLLM refuses to start in this case too: one request of full length would never run.
  if (config.kv_blocks < blocks_for(config.max_model_len)) {
    return fail(Errc::kBadConfig, "kv_blocks {}: max_model_len {} needs at least {}",
                config.kv_blocks, config.max_model_len, blocks_for(config.max_model_len));
  }
  if (config.max_batched_tokens < 1) {
    return fail(Errc::kBadConfig, "max_batched_tokens {}: not positive", config.max_batched_tokens);
  }
  if (config.max_queued < 0) {
    return fail(Errc::kBadConfig, "max_queued {}: negative", config.max_queued);
  }
  if (!(config.speed > 0)) return fail(Errc::kBadConfig, "speed {}: not positive", config.speed);
  return {};
}

BatchingEngine::BatchingEngine(const BatchingConfig& config, PerfModel perf)
    : config_(config), perf_(std::move(perf)), totals_(config.max_model_len) {
  assert(check(config).has_value());
}

Admission BatchingEngine::enqueue(const BatchRequest& request, SteadyTime now) {
  assert(request.prompt_tokens >= 1 && request.max_tokens >= 1);
  assert(request.prompt_tokens + request.max_tokens <= config_.max_model_len);
  // vLLM's --max-num-queued-reqs caps running + waiting, not waiting alone.
  if (config_.max_queued > 0 && waiting() + running() >= config_.max_queued) {
    ++totals_.rejected;
    return Admission::kQueueFull;
  }
  ++totals_.accepted;
  Sequence sequence;
  sequence.request = request;
  sequence.arrived = now;
  waiting_.push_back(sequence);
  return Admission::kQueued;
}

bool BatchingEngine::abort(RequestId id, SteadyTime now) {
  const auto has_id = [id](const Sequence& s) { return s.request.id == id; };
  const auto end_of = [&](auto& sequences) {
    const auto at = std::find_if(sequences.begin(), sequences.end(), has_id);
    if (at == sequences.end()) return false;
    at->request.ends_with = FinishReason::kAbort;
    count_finished(*at, now);
    release_blocks(*at);
    sequences.erase(at);
    return true;
  };
  return end_of(running_) || end_of(waiting_);
}

std::optional<std::chrono::nanoseconds> BatchingEngine::begin_step(SteadyTime now) {
  preempted_ = false;
  grow_running();
  const int decoding = running();
  const int prompt_tokens = preempted_ ? 0 : admit_waiting(now);
  if (running_.empty()) {
    assert(waiting_.empty());
    return std::nullopt;
  }
  for (Sequence& sequence : running_) sequence.in_step = true;
  totals_.step_tokens.observe(prompt_tokens + running());
  const double duration = perf_.prefill_seconds(prompt_tokens) + perf_.decode_seconds(decoding);
  return std::chrono::nanoseconds(static_cast<std::int64_t>(duration / config_.speed * 1e9));
}

std::vector<TokenEvent> BatchingEngine::finish_step(SteadyTime now) {
  std::vector<TokenEvent> events;
  events.reserve(running_.size());
  for (Sequence& sequence : running_) {
    if (!sequence.in_step) continue;
    sequence.in_step = false;
    take_token(sequence, now);
    const bool last = sequence.generated == sequence.request.max_tokens;
    events.push_back({sequence.request.id, last});
    if (!last) continue;
    count_finished(sequence, now);
    release_blocks(sequence);
  }
  std::erase_if(running_, [](const Sequence& s) { return s.generated == s.request.max_tokens; });
  return events;
}

// Oldest first, so that the youngest pays: it may be preempted before its own turn comes.
void BatchingEngine::grow_running() {
  for (std::size_t i = 0; i < running_.size(); ++i) {
    while (i < running_.size() && !hold_blocks(running_[i])) preempt_youngest();
  }
}

void BatchingEngine::preempt_youngest() {
  Sequence sequence = running_.back();
  running_.pop_back();
  release_blocks(sequence);
  ++sequence.preemptions;
  ++totals_.preemptions;
  preempted_ = true;
  waiting_.push_front(sequence);
}

// Returns the prompt tokens to prefill; a preempted sequence computes its generated ones again.
int BatchingEngine::admit_waiting(SteadyTime now) {
  int tokens = 0;
  while (!waiting_.empty() && running() < config_.max_num_seqs) {
    Sequence& next = waiting_.front();
    if (tokens > 0 && tokens + next.context() > config_.max_batched_tokens) break;
    if (!hold_blocks(next)) break;
    if (next.preemptions == 0) next.scheduled = now;
    tokens += next.context();
    running_.push_back(next);
    waiting_.pop_front();
  }
  return tokens;
}

// Makes the sequence hold the blocks its context needs; false, with nothing taken, when too few are
// free.
bool BatchingEngine::hold_blocks(Sequence& sequence) {
  const int more = blocks_for(sequence.context()) - sequence.kv_blocks;
  if (kv_blocks_used_ + more > config_.kv_blocks) return false;
  kv_blocks_used_ += more;
  sequence.kv_blocks += more;
  return true;
}

void BatchingEngine::release_blocks(Sequence& sequence) {
  kv_blocks_used_ -= sequence.kv_blocks;
  sequence.kv_blocks = 0;
}

void BatchingEngine::take_token(Sequence& sequence, SteadyTime now) {
  ++totals_.generation_tokens;
  if (++sequence.generated == 1) {
    totals_.prompt_tokens += static_cast<std::uint64_t>(sequence.request.prompt_tokens);
    totals_.ttft.observe(seconds(now - sequence.arrived));
    totals_.sglang.queue_time.observe(seconds(sequence.scheduled - sequence.arrived));
    if (sequence.request.streaming)
      totals_.sglang.streaming.ttft.observe(seconds(now - sequence.arrived));
    sequence.first_token = now;
  } else {
    totals_.inter_token.observe(seconds(now - sequence.last_token));
    totals_.sglang.inter_token.observe(seconds(now - sequence.last_token));
  }
  sequence.last_token = now;
}

// An aborted request is none that finished. Who does not stream gets the first token with the last.
void BatchingEngine::count_finished_as_sglang(const Sequence& sequence, SteadyTime now) {
  const BatchRequest& request = sequence.request;
  if (request.ends_with == FinishReason::kAbort) return;
  SglangTotals::Requests& requests =
      request.streaming ? totals_.sglang.streaming : totals_.sglang.whole;
  ++requests.finished;
  requests.prompt_tokens += static_cast<std::uint64_t>(request.prompt_tokens);
  requests.generation_tokens += static_cast<std::uint64_t>(sequence.generated);
  requests.e2e.observe(seconds(now - sequence.arrived));
  if (!request.streaming) requests.ttft.observe(seconds(now - sequence.arrived));
}

// Queue time is observed here, at the end, as vLLM does: it lags, TTFT does not. A request that was
// aborted before its first token has no phases to observe.
void BatchingEngine::count_finished(const Sequence& sequence, SteadyTime now) {
  const BatchRequest& request = sequence.request;
  totals_.e2e.observe(seconds(now - sequence.arrived));
  totals_.prompt_length.observe(request.prompt_tokens);
  totals_.generation_length.observe(sequence.generated);
  totals_.max_generation_length.observe(sequence.generated);
  totals_.parallel_samples.observe(1);
  totals_.max_tokens_asked.observe(request.max_tokens);
  totals_.request_preemptions.observe(sequence.preemptions);
  totals_.prefill_computed.observe(request.prompt_tokens);
  switch (request.ends_with) {
    case FinishReason::kStop:
      ++totals_.finished_stop;
      break;
    case FinishReason::kLength:
      ++totals_.finished_length;
      break;
    case FinishReason::kAbort:
      ++totals_.finished_abort;
      break;
  }
  count_finished_as_sglang(sequence, now);
  if (sequence.generated == 0) return;
  const double decode = seconds(sequence.last_token - sequence.first_token);
  totals_.queue_time.observe(seconds(sequence.scheduled - sequence.arrived));
  totals_.prefill_time.observe(seconds(sequence.first_token - sequence.scheduled));
  totals_.decode_time.observe(decode);
  totals_.inference_time.observe(seconds(sequence.last_token - sequence.scheduled));
  totals_.time_per_output_token.observe(sequence.generated > 1 ? decode / (sequence.generated - 1)
                                                               : 0);
}

}  // namespace leadline
