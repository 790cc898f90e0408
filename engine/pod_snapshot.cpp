#include "engine/pod_snapshot.h"

#include <numeric>

namespace leadline {

std::uint64_t HistogramDelta::total() const {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

std::optional<double> in_flight(const GaugeValues& gauges) {
  const std::optional<double>& waiting = gauges[index_of(Gauge::kQueueDepth)];
  const std::optional<double>& running = gauges[index_of(Gauge::kRunningRequests)];
  if (!waiting || !running) return std::nullopt;
  return *waiting + *running;
}

}  // namespace leadline
