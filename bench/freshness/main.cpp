// How long a change in an engine takes to change the number that the HPA reads: from `POST
// /sim/mark` (which answers with the moment of the change on the steady clock) to the first answer
// over TLS that shows it. Real binaries: stand-in engines, one sidecar per pod, the adapter.
//
//   freshness --pods 300 --changes 100 [--scrape-interval-ms 1000]
//
// The marked pod has an engine of its own; the other sidecars share ten engines, since 300 engines
// do not fit two cores and only their pages matter here. Changes come at random phases. CPU is each
// part's user + system time over the whole run, as a share of one core.

#include <httplib.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "bench/parts/measured_adapter.h"
#include "bench/parts/process_usage.h"
#include "bench/parts/stand_in_fleet.h"
#include "demo/adapter_process.h"
#include "demo/child_process.h"
#include "demo/local_pods.h"
#include "demo/work_folder.h"
#include "tests/required.h"

namespace {

using namespace leadline;
using namespace leadline::bench;
using nlohmann::json;
using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr int kEnginePort = 8000;
constexpr int kSharedEngines = 10;

struct Arguments {
  int pods = 3;
  int changes = 100;
  int scrape_interval_ms = 0;  // 0: adaptive
};

ChildProcess start(const WorkFolder& folder, const std::string& program, const std::string& log,
                   std::vector<std::string> arguments) {
  return required(ChildProcess::start({.program = program_folder() + "/" + program,
                                       .arguments = std::move(arguments),
                                       .environment = {},
                                       .log_file = folder.file(log)}));
}

ChildProcess start_engine(const WorkFolder& folder, int number) {
  return start(folder, "leadline-sim", fmt::format("engine-{}.log", number),
               {"engine", "--address", own_address(number), "--port", std::to_string(kEnginePort)});
}

ChildProcess start_one_sidecar(const WorkFolder& folder, const Arguments& arguments, int number) {
  const int engine = number == 0 ? 0 : 1 + number % kSharedEngines;
  SidecarOptions options{
      .programs = program_folder(),
      .engine_url = fmt::format("http://{}:{}", own_address(engine), kEnginePort),
      .address = own_address(number),
      .namespace_name = kNamespace,
      .pod_name = fmt::format("pod-{}", number),
      .pod_uid = fmt::format("uid-{}", number),
      .arguments = {},
      .log_file = folder.file("sidecars.log")};
  if (arguments.scrape_interval_ms > 0) {
    options.arguments = {"--scrape-interval-ms", std::to_string(arguments.scrape_interval_ms)};
  }
  return required(start_sidecar(options));
}

std::string pods_json(int pods) {
  std::vector<ListedPod> list;
  for (int i = 0; i < pods; ++i) {
    list.push_back({.name = fmt::format("pod-{}", i),
                    .uid = fmt::format("uid-{}", i),
                    .address = own_address(i),
                    .ready = true,
                    .deleting = false});
  }
  return pods_document(kNamespace, kWorkload, list);
}

double cpu_of_all(const std::vector<ChildProcess>& children) {
  double total = 0;
  for (const ChildProcess& child : children) total += cpu_seconds(child.pid());
  return total;
}

// The moment of the change, on the steady clock.
SteadyTime mark(int waiting) {
  httplib::Client client(own_address(0), kEnginePort);
  const auto answer =
      client.Post("/sim/mark", json{{"waiting", waiting}}.dump(), "application/json");
  if (!answer || answer->status != 200) throw std::runtime_error("POST /sim/mark failed");
  return SteadyTime{nanoseconds{json::parse(answer->body)["steady_ns"].get<std::int64_t>()}};
}

struct Measured {
  std::vector<double> delays, intervals;  // seconds, sorted
};

Measured measure(ApiClient& api, int changes) {
  std::mt19937 random(1);
  std::uniform_int_distribution<int> pause(0, 1500);
  Measured seen;
  for (int i = 0; i < changes; ++i) {
    std::this_thread::sleep_for(milliseconds{pause(random)});
    const int waiting = 100 + i;
    const SteadyTime changed = mark(waiting);
    seen.delays.push_back(duration<double>(wait_for_queue_depth(api, waiting) - changed).count());
    // It grows where the machine, and so the engine's page, is slow.
    seen.intervals.push_back(sidecar_metric("leadline_scrape_interval_seconds", own_address(0)));
  }
  std::sort(seen.delays.begin(), seen.delays.end());
  std::sort(seen.intervals.begin(), seen.intervals.end());
  return seen;
}

void run(const Arguments& arguments) {
  const WorkFolder folder = required(WorkFolder::make());
  std::vector<ChildProcess> engines, sidecars;
  for (int i = 0; i <= std::min(kSharedEngines, arguments.pods - 1); ++i) {
    engines.push_back(start_engine(folder, i));
  }
  for (int i = 0; i < arguments.pods; ++i)
    sidecars.push_back(start_one_sidecar(folder, arguments, i));
  required(folder.write("pods.json", pods_json(arguments.pods)));
  AdapterProcess adapter(folder);
  required(adapter.start(folder.file("pods.json")));
  mark(7);
  static_cast<void>(wait_for_queue_depth(adapter.api(), 7));

  const double adapter_before = cpu_seconds(adapter.pid());
  const double sidecars_before = cpu_of_all(sidecars), engines_before = cpu_of_all(engines);
  const SteadyTime begun = system_now().steady;
  const auto [delays, intervals] = measure(adapter.api(), arguments.changes);
  const double elapsed = duration<double>(system_now().steady - begun).count();
  std::printf(
      "pods=%d interval=%s (p50=%.3fs p99=%.3fs) changes=%d p50=%.3fs p99=%.3fs max=%.3fs "
      "cpu_adapter=%.2f%% cpu_sidecar_each=%.3f%% cpu_engine_each=%.2f%%\n",
      arguments.pods,
      arguments.scrape_interval_ms > 0 ? fmt::format("{}ms", arguments.scrape_interval_ms).c_str()
                                       : "default",
      quantile_of(intervals, 0.5), quantile_of(intervals, 0.99), arguments.changes,
      quantile_of(delays, 0.5), quantile_of(delays, 0.99), delays.back(),
      100 * (cpu_seconds(adapter.pid()) - adapter_before) / elapsed,
      100 * (cpu_of_all(sidecars) - sidecars_before) / elapsed / arguments.pods,
      100 * (cpu_of_all(engines) - engines_before) / elapsed / static_cast<double>(engines.size()));
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("From a change in an engine to a changed metric over TLS.", "freshness");
  app.add_option("--pods", arguments.pods, "pods, each with a sidecar")->check(CLI::Range(1, 2000));
  app.add_option("--changes", arguments.changes, "marked changes")->check(CLI::Range(1, 100'000));
  app.add_option("--scrape-interval-ms", arguments.scrape_interval_ms, "0: the default, adaptive");
  CLI11_PARSE(app, argc, argv);
  try {
    run(arguments);
  } catch (const std::exception& error) {
    return report_failure("freshness", error);
  }
  return 0;
}
