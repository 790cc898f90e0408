// QueueAnswers is the value of a queue's metric: from what is known of the queue, and for the time
// to drain it also from what its workload's engines get done. The same for every door: QueueService
// and KedaScaler use it. Thread-safe.

#pragma once

#include <chrono>
#include <optional>

#include "adapter/label_selector.h"
#include "adapter/redis/queue_board.h"
#include "adapter/redis/queue_metric.h"
#include "adapter/workload_throughput.h"
#include "base/clock.h"
#include "base/result.h"

namespace leadline {

struct QueueAnswer {
  double value = 0;  // in the metric's unit, finite and >= 0
  SteadyTime sampled_at;
  std::optional<std::chrono::seconds> window;  // of a rate
  Labels labels;                               // what the number alone does not tell
};

class QueueAnswers {
 public:
  // `throughput` outlives it. `max_age`: what is older of a queue is not served.
  QueueAnswers(std::chrono::milliseconds max_age, WorkloadThroughput& throughput)
      : max_age_(max_age), throughput_(throughput) {}

  // kUnavailable, kNotFound or kStale with the reason; never a 0 or the last value instead.
  [[nodiscard]] Result<QueueAnswer> value(const CountedQueue& queue, QueueMetric metric,
                                          SteadyTime now) const;

  // Jobs waiting, and in flight where that is told.
  [[nodiscard]] Result<QueueAnswer> jobs(const CountedQueue& queue, SteadyTime now) const;

  // As check_servable().
  [[nodiscard]] Result<std::shared_ptr<const QueueState>> state(const CountedQueue& queue,
                                                                SteadyTime now) const;

  // Measures what the queues' workloads get done, so that it is known when nobody is left to
  // measure. To be called every few seconds.
  void look(const QueueList& queues, SteadyTime now) const;

 private:
  [[nodiscard]] Result<QueueAnswer> oldest_age(const QueueState& state, SteadyTime now) const;
  [[nodiscard]] Result<QueueAnswer> rate(const QueueState& state, QueueMetric metric,
                                         SteadyTime now) const;
  [[nodiscard]] Result<QueueAnswer> drain(const RedisQueue& queue, const QueueState& state,
                                          SteadyTime now) const;
  [[nodiscard]] Result<void> check_fresh(const QueueFlow& flow, SteadyTime now) const;

  std::chrono::milliseconds max_age_;
  WorkloadThroughput& throughput_;
};

}  // namespace leadline
