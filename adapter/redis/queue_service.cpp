#include "adapter/redis/queue_service.h"

#include <algorithm>
#include <array>
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
constexpr std::array<std::string_view, 2> kNames = {"redis_queue_depth", "redis_queue_in_flight"};

// The count that `metric` names, or why there is none.
Result<std::int64_t> count_of(const QueueState& state, std::string_view metric, SteadyTime now,
                              std::chrono::milliseconds max_age) {
  const auto servable = check_servable(state, now, max_age);
  if (!servable) return fail(servable.error());
  if (metric == kNames[0]) return *state.depth;
  if (state.in_flight) return *state.in_flight;
  return fail(Errc::kNotFound, "a queue of this kind does not tell its jobs in flight");
}

std::string joined(const std::vector<std::string>& reasons) {
  const std::size_t shown = std::min(reasons.size(), kMaxReasons);
  std::string text = fmt::format(
      "{}", fmt::join(reasons.begin(), reasons.begin() + static_cast<long>(shown), "; "));
  if (reasons.size() > shown) text += fmt::format("; and {} more", reasons.size() - shown);
  return text;
}

}  // namespace

std::span<const std::string_view> QueueService::names() const {
  return board_.configured().empty() ? std::span<const std::string_view>() : kNames;
}

bool QueueService::serves(std::string_view name) const {
  return std::ranges::find(names(), ascii_lower(name)) != names().end();
}

ApiResult<std::vector<ExternalItem>> QueueService::external(const MetricQuery& query,
                                                            Instant now) const {
  const std::string metric = ascii_lower(query.metric);
  std::vector<ExternalItem> items;
  std::vector<std::string> reasons;
  for (const auto& counted : board_.configured()) {
    const RedisQueue& queue = counted->queue();
    Labels labels = {{"queue", queue.name}, {"server", queue.server}};
    if (queue.namespace_name != query.namespace_name) continue;
    if (!query.label_selector.matches(labels)) continue;
    const auto state = counted->state();
    const auto count = count_of(*state, metric, now.steady, max_age_);
    if (!count) {
      reasons.push_back(fmt::format("queue {}: {}", queue.name, count.error().message));
      continue;
    }
    const auto age = now.steady - state->sampled_at;
    items.push_back({.metric = metric,
                     .labels = std::move(labels),
                     .timestamp = now.wall - std::chrono::duration_cast<WallTime::duration>(age),
                     .window = std::nullopt,
                     .value = quantity_of(static_cast<double>(*count))->text});
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
