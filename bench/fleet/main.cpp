// What a thousand sidecars cost one adapter, and how fresh its numbers are: CPU for each snapshot
// that it takes in, memory, and the time from a snapshot's publication to the first answer over TLS
// that shows it.
//
//   bench_fleet [--pods 1000] [--seconds 60] [--changes 100]
//
// Stand-in sidecars publish once a second. CPU and memory are taken while nobody asks the API;
// freshness afterwards, by an observer that asks every 2 ms. A changed number is published in the
// pod's turn, so it meets the long poll as every snapshot does.

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/clock.h"
#include "bench/parts/measured_adapter.h"
#include "bench/parts/process_usage.h"
#include "bench/parts/stand_in_fleet.h"

namespace {

using namespace leadline;
using namespace leadline::bench;
using std::chrono::duration;
using std::chrono::milliseconds;

struct Arguments {
  int pods = 1000;
  int seconds = 60;
  int changes = 100;
};

const std::string kNews = R"(leadline_adapter_polls_total{outcome="news"})";

void measure_cost(const MeasuredAdapter& adapter, const StandInFleet& fleet,
                  const Arguments& arguments) {
  const double news_before = adapter.self_metric(kNews);
  const CpuMeter meter(adapter.pid());
  std::this_thread::sleep_for(std::chrono::seconds{arguments.seconds});
  const double cpu = meter.cpu(), elapsed = meter.elapsed();
  const double news = adapter.self_metric(kNews) - news_before;
  const MemoryUse memory = memory_of(adapter.pid());
  std::printf(
      "fleet pods=%d snapshot_bytes=%zu snapshots_per_second=%.1f cpu_percent=%.2f "
      "cpu_us_per_snapshot=%.1f rss_mib=%.1f anonymous_mib=%.1f\n",
      arguments.pods, fleet.snapshot_bytes(), news / elapsed, 100 * cpu / elapsed, 1e6 * cpu / news,
      static_cast<double>(memory.resident) / 1048576,
      static_cast<double>(memory.anonymous) / 1048576);
}

void measure_freshness(MeasuredAdapter& adapter, StandInFleet& fleet, const Arguments& arguments) {
  std::mt19937 random(1);
  std::uniform_int_distribution<int> pause(0, 200);
  std::vector<double> delays;  // seconds
  for (int i = 0; i < arguments.changes; ++i) {
    std::this_thread::sleep_for(milliseconds{pause(random)});
    const int waiting = 1000 + i;  // as no other snapshot says
    const SteadyTime published = fleet.mark(waiting);
    delays.push_back(
        duration<double>(wait_for_queue_depth(adapter.api(), waiting) - published).count());
  }
  std::sort(delays.begin(), delays.end());
  std::printf("fleet pods=%d changes=%d p50_ms=%.1f p99_ms=%.1f max_ms=%.1f\n", arguments.pods,
              arguments.changes, 1000 * quantile_of(delays, 0.5), 1000 * quantile_of(delays, 0.99),
              1000 * delays.back());
}

void run(const Arguments& arguments) {
  StandInFleet fleet(arguments.pods);
  MeasuredAdapter adapter(fleet.pods_document(), arguments.pods);
  std::this_thread::sleep_for(std::chrono::seconds{5});
  measure_cost(adapter, fleet, arguments);
  measure_freshness(adapter, fleet, arguments);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("What many sidecars cost one adapter, and how fresh it is.", "bench_fleet");
  app.add_option("--pods", arguments.pods, "stand-in sidecars")->check(CLI::Range(1, 9000));
  app.add_option("--seconds", arguments.seconds, "of the CPU row")->check(CLI::Range(1, 3600));
  app.add_option("--changes", arguments.changes, "marked snapshots")->check(CLI::Range(1, 100'000));
  CLI11_PARSE(app, argc, argv);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  try {
    run(arguments);
  } catch (const std::exception& error) {
    return report_failure("bench_fleet", error);
  }
  return 0;
}
