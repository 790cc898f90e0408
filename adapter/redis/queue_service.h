// QueueService answers External metrics from the QueueBoard: one item per configured queue of the
// request's namespace that the selector matches, by the labels `queue` and `server`. Used by the
// API server. Thread-safe.

#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "adapter/api_error.h"
#include "adapter/metric_query.h"
#include "adapter/metric_response.h"
#include "adapter/redis/queue_answers.h"
#include "adapter/redis/queue_board.h"
#include "adapter/self_metrics.h"

namespace leadline {

class QueueService {
 public:
  // All references outlive it.
  QueueService(const QueueBoard& board, const QueueAnswers& answers, SelfMetrics& metrics)
      : board_(board), answers_(answers), metrics_(metrics) {}

  // The external metrics that it answers; none where no queue is configured.
  [[nodiscard]] std::span<const std::string_view> names() const;

  // Whether `name` is one of names(), in any case: the HPA asks in lower case.
  [[nodiscard]] bool serves(std::string_view name) const;

  // No item where no queue matches. 404 with every reason where one that matches is unknown: the
  // HPA adds up what it gets, and a queue left out would be a queue without jobs. One without jobs
  // is counted as often as can be for a second: who asks again soon starts workers for its first.
  // REQUIRES: serves(query.metric).
  [[nodiscard]] ApiResult<std::vector<ExternalItem>> external(const MetricQuery& query,
                                                              Instant now) const;

 private:
  const QueueBoard& board_;
  const QueueAnswers& answers_;
  SelfMetrics& metrics_;
};

}  // namespace leadline
