// What happens to a page after it is read: windows and the encoded snapshot in the sidecar;
// decoding, merging and aggregation in the adapter. All on the snapshot of a loaded vLLM with four
// histograms of 20 to 22 edges.

#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "bench/micro/loaded_pod.h"
#include "engine/aggregate.h"
#include "engine/histogram.h"
#include "engine/snapshot_codec.h"
#include "engine/windows.h"

namespace leadline {
namespace {

using std::chrono::seconds;

// One scrape's worth, with windows that are full.
void WindowsRecord(benchmark::State& state) {
  LoadedEngine engine;
  Windows windows;
  SteadyTime now{seconds{1000}};
  const auto scrape = [&] {
    now += seconds{1};
    return windows.record(engine.next_reading(), now);
  };
  for (int i = 0; i < 301; ++i) benchmark::DoNotOptimize(scrape());
  for (auto _ : state) benchmark::DoNotOptimize(scrape());
}
BENCHMARK(WindowsRecord);

void SnapshotEncode(benchmark::State& state) {
  const PodSnapshot snapshot = loaded_snapshot();
  for (auto _ : state) benchmark::DoNotOptimize(encode(snapshot));
  state.counters["bytes"] = static_cast<double>(encode(snapshot).size());
}
BENCHMARK(SnapshotEncode);

void SnapshotDecode(benchmark::State& state) {
  const std::string bytes = encode(loaded_snapshot());
  for (auto _ : state) benchmark::DoNotOptimize(decode_snapshot(bytes));
}
BENCHMARK(SnapshotDecode);

// Histograms of so many pods become one.
void HistogramMerge(benchmark::State& state) {
  const PodSnapshot snapshot = loaded_snapshot();
  const auto& window = snapshot.series.front().windows[index_of(Window::k60s)];
  const std::vector<HistogramDelta> copies(static_cast<std::size_t>(state.range(0)),
                                           *window.latencies[index_of(Latency::kTtft)]);
  std::vector<const HistogramDelta*> parts;
  for (const HistogramDelta& copy : copies) parts.push_back(&copy);
  for (auto _ : state) benchmark::DoNotOptimize(merge(parts));
}
BENCHMARK(HistogramMerge)->Arg(10)->Arg(1000);

void QuantileEstimate(benchmark::State& state) {
  const PodSnapshot snapshot = loaded_snapshot();
  const auto& window = snapshot.series.front().windows[index_of(Window::k60s)];
  const HistogramDelta& histogram = *window.latencies[index_of(Latency::kTtft)];
  for (auto _ : state) benchmark::DoNotOptimize(estimate_quantile(histogram, 0.95));
}
BENCHMARK(QuantileEstimate);

// One value of a workload of so many pods.
void aggregate_metric(benchmark::State& state, const char* metric) {
  const auto snapshot = std::make_shared<const PodSnapshot>(loaded_snapshot());
  const SteadyTime now{seconds{1000}};
  const std::vector<PodObservation> pods(
      static_cast<std::size_t>(state.range(0)),
      {.name = "pod", .ready = true, .has_sidecar = true, .snapshot = snapshot, .sampled_at = now});
  const MetricSelection selection{.metric = *find_metric(metric)};
  for (auto _ : state) benchmark::DoNotOptimize(aggregate(pods, selection, {}, now));
}

void AggregateSum(benchmark::State& state) {
  aggregate_metric(state, "in_flight_requests");
}
BENCHMARK(AggregateSum)->Arg(10)->Arg(1000);

void AggregateQuantile(benchmark::State& state) {
  aggregate_metric(state, "ttft_seconds_p95");
}
BENCHMARK(AggregateQuantile)->Arg(10)->Arg(1000);

}  // namespace
}  // namespace leadline
