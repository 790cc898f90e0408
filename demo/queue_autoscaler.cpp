#include "demo/queue_autoscaler.h"

#include <utility>

#include "engine/scaling/replica_math.h"

namespace leadline {
namespace {

using Values = std::vector<std::int64_t>;

constexpr std::int64_t kMilli = 1'000;

HpaSpec spec_of(const QueueScaling& scaling) {
  HpaSpec spec;
  spec.namespace_name = scaling.namespace_name;
  spec.min_replicas = 0;
  spec.max_replicas = scaling.most_workers;
  spec.metrics = {{.type = MetricType::kExternal,
                   .name = "redis_queue_depth + redis_queue_in_flight",
                   .goal_type = GoalType::kAverageValue,
                   .goal_milli = scaling.jobs_per_worker * kMilli,
                   .selector = "queue=" + scaling.queue,
                   .object_kind = {},
                   .object_name = {}}};
  Behavior behavior;
  behavior.scale_up.policies = {{PolicyType::kPods, scaling.most_workers, std::chrono::seconds{1}}};
  behavior.scale_down.stabilization_window = scaling.stabilization;
  spec.behavior = behavior;
  return spec;
}

std::optional<std::int64_t> jobs_in(const MetricReading& reading) {
  const auto* values = std::get_if<Values>(&reading);
  if (values == nullptr) return std::nullopt;
  return external_total(*values, GoalType::kAverageValue) / kMilli;
}

// One unknown: the sum is unknown.
MetricReading sum_of(const MetricReading& waiting, const MetricReading& in_flight) {
  const auto* some = std::get_if<Values>(&waiting);
  const auto* more = std::get_if<Values>(&in_flight);
  if (some == nullptr) return waiting;
  if (more == nullptr) return in_flight;
  Values all = *some;
  all.insert(all.end(), more->begin(), more->end());
  return all;
}

}  // namespace

QueueAutoscaler::QueueAutoscaler(const QueueScaling& scaling, Autoscaler::Ask ask)
    : scaling_(scaling), spec_(spec_of(scaling)), ask_(std::move(ask)) {
  memory_.scaled_to_zero = true;  // the workers that are not there yet were not taken by somebody
}

MetricReading QueueAutoscaler::read(const char* metric) {
  const ApiAnswer answer =
      ask_(fmt::format("/apis/external.metrics.k8s.io/v1beta1/namespaces/{}/{}"
                       "?labelSelector=queue%3D{}",
                       scaling_.namespace_name, metric, scaling_.queue));
  MetricReading reading = read_answer(spec_.metrics.front(), answer);
  const auto* values = std::get_if<Values>(&reading);
  if (values != nullptr && values->empty()) return NoReading{"no queue of this name"};
  return reading;
}

QueueAutoscaler::Sync QueueAutoscaler::sync(int wanted, int existing, SteadyTime now) {
  const MetricReading waiting = read("redis_queue_depth");
  const MetricReading in_flight = read("redis_queue_in_flight");
  const Observation seen{.spec_replicas = wanted,
                         .status_replicas = existing,
                         .pods = {},
                         .readings = {sum_of(waiting, in_flight)}};
  return {.waiting = jobs_in(waiting),
          .in_flight = jobs_in(in_flight),
          .decision = decide(spec_, seen, memory_, now)};
}

}  // namespace leadline
