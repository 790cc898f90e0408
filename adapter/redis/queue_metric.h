// The External metrics of queues in Redis, by name. Constant.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace leadline {

enum class QueueMetric : std::uint8_t {
  kDepth,        // jobs waiting
  kInFlight,     // jobs that workers have
  kOldestAge,    // seconds since the oldest job of both came; 0: no jobs
  kArrivals,     // jobs a second
  kCompletions,  // jobs a second
  kDrain,        // seconds in which one replica of its workload would have done all jobs
};

inline constexpr std::array<std::string_view, 6> kQueueMetricNames = {
    "redis_queue_depth",
    "redis_queue_in_flight",
    "redis_queue_oldest_age_seconds",
    "redis_queue_arrivals_per_second",
    "redis_queue_completions_per_second",
    "redis_queue_drain_seconds"};

[[nodiscard]] constexpr std::string_view name_of(QueueMetric metric) {
  return kQueueMetricNames[static_cast<std::size_t>(metric)];
}

// In exactly this spelling.
[[nodiscard]] constexpr std::optional<QueueMetric> queue_metric_from(std::string_view name) {
  for (std::size_t i = 0; i < kQueueMetricNames.size(); ++i) {
    if (kQueueMetricNames[i] == name) return static_cast<QueueMetric>(i);
  }
  return std::nullopt;
}

// Whether it counts jobs, so that there is a share of a replica that suits most.
[[nodiscard]] constexpr bool counts_jobs(QueueMetric metric) {
  return metric == QueueMetric::kDepth || metric == QueueMetric::kInFlight;
}

}  // namespace leadline
