#include "adapter/redis/queue_answers.h"

#include <fmt/format.h>

#include "adapter/redis/queue_detail.h"

namespace leadline {
namespace {

using std::chrono::seconds;

QueueAnswer answer_of(double value, SteadyTime sampled_at) {
  return {.value = value, .sampled_at = sampled_at, .window = std::nullopt, .labels = {}};
}

tl::unexpected<Error> not_told(std::string_view what) {
  return fail(Errc::kNotFound, "a queue of this kind does not tell {}", what);
}

WorkloadName workload_of(const RedisQueue& queue) {
  return {queue.workload_kind, queue.namespace_name, queue.workload};
}

}  // namespace

Result<std::shared_ptr<const QueueState>> QueueAnswers::state(const CountedQueue& queue,
                                                              SteadyTime now) const {
  auto state = queue.state();
  if (const auto servable = check_servable(*state, now, max_age_); !servable) {
    return fail(servable.error());
  }
  return state;
}

Result<QueueAnswer> QueueAnswers::jobs(const CountedQueue& queue, SteadyTime now) const {
  const auto known = state(queue, now);
  if (!known) return fail(known.error());
  return answer_of(static_cast<double>((*known)->jobs()), (*known)->sampled_at);
}

Result<QueueAnswer> QueueAnswers::value(const CountedQueue& queue, QueueMetric metric,
                                        SteadyTime now) const {
  const auto known = state(queue, now);
  if (!known) return fail(known.error());
  const QueueState& state = **known;
  const QueueKind kind = queue.queue().kind;
  switch (metric) {
    case QueueMetric::kDepth:
      return answer_of(static_cast<double>(state.depth.value_or(0)), state.sampled_at);
    case QueueMetric::kInFlight:
      if (!state.in_flight) return not_told("its jobs in flight");
      return answer_of(static_cast<double>(*state.in_flight), state.sampled_at);
    case QueueMetric::kOldestAge:
      return tells_oldest(kind) ? oldest_age(state, now) : not_told("when its jobs came");
    case QueueMetric::kArrivals:
    case QueueMetric::kCompletions:
      return tells_added(kind) ? rate(state, metric, now) : not_told("how many jobs came");
    case QueueMetric::kDrain:
      break;
  }
  return drain(queue.queue(), state, now);
}

Result<QueueAnswer> QueueAnswers::oldest_age(const QueueState& state, SteadyTime now) const {
  if (!state.flow.oldest_age) return fail(state.flow.oldest_age.error());
  if (const auto fresh = check_fresh(state.flow, now); !fresh) return fail(fresh.error());
  return answer_of(*state.flow.oldest_age, state.flow.sampled_at);
}

Result<QueueAnswer> QueueAnswers::rate(const QueueState& state, QueueMetric metric,
                                       SteadyTime now) const {
  const Result<QueueRates>& rates = state.flow.rates;
  if (!rates) return fail(rates.error());
  if (const auto fresh = check_fresh(state.flow, now); !fresh) return fail(fresh.error());
  if (metric == QueueMetric::kCompletions && !rates->completions) {
    return fail(rates->completions.error());
  }
  QueueAnswer answer =
      answer_of(metric == QueueMetric::kArrivals ? rates->arrivals : *rates->completions,
                state.flow.sampled_at);
  answer.window = std::chrono::ceil<seconds>(rates->span);
  return answer;
}

Result<QueueAnswer> QueueAnswers::drain(const RedisQueue& queue, const QueueState& state,
                                        SteadyTime now) const {
  if (queue.workload.empty()) {
    return fail(Errc::kNotFound, "no workload is configured for this queue");
  }
  if (state.jobs() == 0) return answer_of(0, state.sampled_at);
  const auto throughput = throughput_.of(workload_of(queue), now);
  if (!throughput) return fail(throughput.error());
  QueueAnswer answer = answer_of(
      static_cast<double>(state.jobs()) / throughput->requests_per_second, state.sampled_at);
  const auto age = std::chrono::floor<seconds>(now - throughput->measured_at).count();
  answer.labels = {
      {"requests_per_second_per_replica", fmt::format("{:.3g}", throughput->requests_per_second)},
      {"throughput_age", fmt::format("{}s", age)}};
  return answer;
}

Result<void> QueueAnswers::check_fresh(const QueueFlow& flow, SteadyTime now) const {
  if (now - flow.sampled_at <= max_age_) return {};
  return fail(Errc::kStale, "older than {} ms", max_age_.count());
}

void QueueAnswers::look(const QueueList& queues, SteadyTime now) const {
  for (const auto& queue : queues) {
    if (queue->queue().workload.empty()) continue;
    static_cast<void>(throughput_.of(workload_of(queue->queue()), now));
  }
}

}  // namespace leadline
