#include "sidecar/pod_values.h"

#include <cassert>

#include "sidecar/scrape_interval.h"

namespace leadline {
namespace {

std::optional<Latency> latency_of(Signal signal) {
  switch (signal) {
    case Signal::kTtft:
      return Latency::kTtft;
    case Signal::kInterTokenLatency:
      return Latency::kInterTokenLatency;
    case Signal::kE2eLatency:
      return Latency::kE2eLatency;
    case Signal::kQueueTime:
      return Latency::kQueueTime;
    default:
      return std::nullopt;
  }
}

bool matches(const SeriesSnapshot& series, const MetricSelection& selection) {
  return (!selection.model || *selection.model == series.model) &&
         (!selection.role || *selection.role == series.role);
}

}  // namespace

PodObservation observe(const EngineView& view) {
  auto snapshot = std::make_shared<PodSnapshot>();
  snapshot->engine = view.engine;
  snapshot->state = view.state;
  snapshot->scrape_interval = view.interval;
  snapshot->series = view.series;
  PodObservation pod;
  pod.name = "this pod";
  pod.ready = true;
  pod.snapshot = std::move(snapshot);
  pod.sampled_at = view.sampled_at.value_or(SteadyTime{});
  pod.max_age = max_age_for(view.interval);
  return pod;
}

std::optional<std::uint64_t> observations(const PodSnapshot& snapshot,
                                          const MetricSelection& selection) {
  const auto latency = latency_of(selection.metric.signal);
  assert(latency);
  std::optional<std::uint64_t> sum;
  for (const SeriesSnapshot& series : snapshot.series) {
    if (!matches(series, selection)) continue;
    const auto& histogram =
        series.windows[index_of(selection.window)].latencies[index_of(*latency)];
    if (histogram) sum = sum.value_or(0) + histogram->total();
  }
  return sum;
}

AggregateResult value_here(const PodObservation& pod, const MetricSelection& selection,
                           SteadyTime now) {
  if (latency_of(selection.metric.signal) && observations(*pod.snapshot, selection) == 0) {
    return tl::unexpected<Absent>(
        {Absent::Why::kNothingObserved, "nothing was observed inside the window"});
  }
  return pod_value(pod, selection, {}, now);
}

}  // namespace leadline
