#include "adapter/redis/queue_service.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/ascii_case.h"
#include "engine/scaling/quantity.h"

namespace leadline {
namespace {

constexpr std::size_t kMaxReasons = 5;  // of the queues that an error names

std::string joined(const std::vector<std::string>& reasons) {
  const std::size_t shown = std::min(reasons.size(), kMaxReasons);
  std::string text = fmt::format(
      "{}", fmt::join(reasons.begin(), reasons.begin() + static_cast<long>(shown), "; "));
  if (reasons.size() > shown) text += fmt::format("; and {} more", reasons.size() - shown);
  return text;
}

}  // namespace

std::span<const std::string_view> QueueService::names() const {
  return board_.configured().empty() ? std::span<const std::string_view>() : kQueueMetricNames;
}

bool QueueService::serves(std::string_view name) const {
  return std::ranges::find(names(), ascii_lower(name)) != names().end();
}

ApiResult<std::vector<ExternalItem>> QueueService::external(const MetricQuery& query,
                                                            Instant now) const {
  const auto metric = queue_metric_from(ascii_lower(query.metric));
  assert(metric);
  std::vector<ExternalItem> items;
  std::vector<std::string> reasons;
  for (const auto& counted : board_.configured()) {
    const RedisQueue& queue = counted->queue();
    Labels labels = {{"queue", queue.name}, {"server", queue.server}};
    if (queue.namespace_name != query.namespace_name) continue;
    if (!query.label_selector.matches(labels)) continue;
    auto answer = answers_.value(*counted, *metric, now.steady);
    const auto written = answer ? quantity_of(answer->value) : std::nullopt;
    if (!written) {
      reasons.push_back(fmt::format("queue {}: {}", queue.name,
                                    answer ? "its value is not a number" : answer.error().message));
      continue;
    }
    if (counted->state()->jobs() == 0) counted->watch(now.steady);
    labels.merge(answer->labels);
    const auto age = now.steady - answer->sampled_at;
    items.push_back({.metric = std::string(name_of(*metric)),
                     .labels = std::move(labels),
                     .timestamp = now.wall - std::chrono::duration_cast<WallTime::duration>(age),
                     .window = answer->window,
                     .value = written->text});
    metrics_.observe_sample_age(std::chrono::duration<double>(age).count());
  }
  if (reasons.empty()) return items;
  metrics_.count_absent("redis_queue");
  return tl::unexpected(metric_not_found({.metric = query.metric,
                                          .resource = "namespace",
                                          .object = query.path_namespace,
                                          .selector = query.label_selector.to_string(),
                                          .why = joined(reasons)}));
}

}  // namespace leadline
