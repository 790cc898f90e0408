#include "adapter/workload_throughput.h"

#include <algorithm>

namespace leadline {

std::optional<double> replica_throughput(const View& view, const WorkloadName& workload,
                                         SteadyTime now) {
  static const Metric& requests = *find_metric("inference_requests_per_second");
  if (!view.complete) return std::nullopt;
  const ObjectPods* object =
      view.index->object(workload.kind, workload.namespace_name, workload.name);
  if (object == nullptr) return std::nullopt;
  double sum = 0;
  int replicas = 0;
  for (const PodNumber pod : object->pods) {
    const AggregateResult rate = pod_value(view.observe(pod),
                                           {.metric = requests,
                                            .slo_bound = std::nullopt,
                                            .model = std::nullopt,
                                            .role = std::nullopt},
                                           {}, now);
    const bool finished_some =
        rate && rate->value > 0 && rate->span && *rate->span >= WorkloadThroughput::kLeastSpan;
    if (!finished_some) continue;
    sum += rate->value;
    ++replicas;
  }
  return replicas > 0 ? std::optional(sum / replicas) : std::nullopt;
}

Result<ReplicaThroughput> WorkloadThroughput::of(const WorkloadName& workload, SteadyTime now) {
  const auto measured = replica_throughput(*views_.current(), workload, now);
  const std::lock_guard lock(mutex_);
  Minutes& minutes = known_[workload];
  if (measured) remember(minutes, *measured, now);
  if (minutes.empty() || now - minutes.back().best.measured_at > kForgetAfter) {
    return fail(Errc::kUnavailable, "no throughput of {} {} was measured yet", workload.kind,
                workload.name);
  }
  const auto best = std::ranges::max_element(
      minutes, {}, [](const Minute& minute) { return minute.best.requests_per_second; });
  return ReplicaThroughput{best->best.requests_per_second, minutes.back().best.measured_at};
}

void WorkloadThroughput::remember(Minutes& minutes, double measured, SteadyTime now) {
  if (minutes.empty() || now - minutes.back().begin >= std::chrono::minutes{1}) {
    minutes.push_back({now, {measured, now}});
  }
  ReplicaThroughput& best = minutes.back().best;
  best = {std::max(best.requests_per_second, measured), std::max(best.measured_at, now)};
  while (now - minutes.front().begin > kBestOf) minutes.pop_front();
}

}  // namespace leadline
