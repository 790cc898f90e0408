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
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "bench/parts/process_usage.h"
#include "demo/adapter_process.h"
#include "demo/child_process.h"
#include "demo/local_pods.h"
#include "demo/work_folder.h"

namespace {

using namespace leadline;
using bench::cpu_seconds;
using nlohmann::json;
using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr int kEnginePort = 8000;
constexpr int kSidecarPort = 9733;
constexpr int kSharedEngines = 10;

struct Arguments {
  int pods = 3;
  int changes = 100;
  int scrape_interval_ms = 0;  // 0: adaptive
};

// Second octet 127.(64..), the pod's number in the last two.
std::string address_of(int number) {
  return fmt::format("127.{}.{}.{}", 200 + ::getpid() % 50, 1 + number / 250, 1 + number % 250);
}

ChildProcess start(const WorkFolder& folder, const std::string& program, const std::string& log,
                   std::vector<std::string> arguments) {
  auto child = ChildProcess::start({.program = program_folder() + "/" + program,
                                    .arguments = std::move(arguments),
                                    .environment = {},
                                    .log_file = folder.file(log)});
  if (!child) throw std::runtime_error(child.error().message);
  return std::move(*child);
}

ChildProcess start_engine(const WorkFolder& folder, int number) {
  return start(folder, "leadline-sim", fmt::format("engine-{}.log", number),
               {"engine", "--address", address_of(number), "--port", std::to_string(kEnginePort)});
}

ChildProcess start_one_sidecar(const WorkFolder& folder, const Arguments& arguments, int number) {
  const int engine = number == 0 ? 0 : 1 + number % kSharedEngines;
  SidecarOptions options{.programs = program_folder(),
                         .engine_url = fmt::format("http://{}:{}", address_of(engine), kEnginePort),
                         .address = address_of(number),
                         .namespace_name = "bench",
                         .pod_name = fmt::format("pod-{}", number),
                         .pod_uid = fmt::format("uid-{}", number),
                         .arguments = {},
                         .log_file = folder.file("sidecars.log")};
  if (arguments.scrape_interval_ms > 0) {
    options.arguments = {"--scrape-interval-ms", std::to_string(arguments.scrape_interval_ms)};
  }
  auto child = start_sidecar(options);
  if (!child) throw std::runtime_error(child.error().message);
  return std::move(*child);
}

std::string pods_json(int pods) {
  std::vector<ListedPod> list;
  for (int i = 0; i < pods; ++i) {
    list.push_back({.name = fmt::format("pod-{}", i),
                    .uid = fmt::format("uid-{}", i),
                    .address = address_of(i),
                    .ready = true,
                    .deleting = false});
  }
  return pods_document("bench", "llm", list);
}

double cpu_of_all(const std::vector<ChildProcess>& children) {
  double total = 0;
  for (const ChildProcess& child : children) total += cpu_seconds(child.pid());
  return total;
}

// The moment of the change, on the steady clock.
SteadyTime mark(int waiting) {
  httplib::Client client(address_of(0), kEnginePort);
  const auto answer =
      client.Post("/sim/mark", json{{"waiting", waiting}}.dump(), "application/json");
  if (!answer || answer->status != 200) throw std::runtime_error("POST /sim/mark failed");
  return SteadyTime{nanoseconds{json::parse(answer->body)["steady_ns"].get<std::int64_t>()}};
}

// Asks every 2 ms until the value shows; the moment of that answer's arrival.
SteadyTime wait_for_value(ApiClient& api, int waiting) {
  const std::string path =
      "/apis/custom.metrics.k8s.io/v1beta2/namespaces/bench/pods/pod-0/queue_depth";
  const std::string want = fmt::format("\"value\":\"{}\"", waiting);
  const SteadyTime deadline = system_now().steady + std::chrono::seconds{60};
  while (system_now().steady < deadline) {
    const ApiAnswer answer = api.get(path);
    if (answer.body.find(want) != std::string::npos) return system_now().steady;
    std::this_thread::sleep_for(milliseconds{2});
  }
  throw std::runtime_error("the change never showed: " + api.get(path).body);
}

double quantile(std::vector<double> sorted, double q) {
  return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
}

// What the marked pod's sidecar says it scrapes at now, in seconds: the adaptive interval grows
// where the machine, and so the engine's page, is slow.
double scrape_interval() {
  httplib::Client client(address_of(0), kSidecarPort);
  const auto page = client.Get("/metrics");
  const std::string name = "\nleadline_scrape_interval_seconds ";
  const auto at = page ? page->body.find(name) : std::string::npos;
  if (at == std::string::npos) throw std::runtime_error("the sidecar does not tell its interval");
  return std::stod(page->body.substr(at + name.size()));
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
    seen.delays.push_back(duration<double>(wait_for_value(api, waiting) - changed).count());
    seen.intervals.push_back(scrape_interval());
  }
  std::sort(seen.delays.begin(), seen.delays.end());
  std::sort(seen.intervals.begin(), seen.intervals.end());
  return seen;
}

void run(const Arguments& arguments) {
  auto folder = WorkFolder::make();
  if (!folder) throw std::runtime_error(folder.error().message);
  std::vector<ChildProcess> engines, sidecars;
  for (int i = 0; i <= std::min(kSharedEngines, arguments.pods - 1); ++i) {
    engines.push_back(start_engine(*folder, i));
  }
  for (int i = 0; i < arguments.pods; ++i)
    sidecars.push_back(start_one_sidecar(*folder, arguments, i));
  if (auto written = folder->write("pods.json", pods_json(arguments.pods)); !written) {
    throw std::runtime_error(written.error().message);
  }
  AdapterProcess adapter(*folder);
  if (auto started = adapter.start(folder->file("pods.json")); !started) {
    throw std::runtime_error(started.error().message);
  }
  mark(7);
  wait_for_value(adapter.api(), 7);

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
      quantile(intervals, 0.5), quantile(intervals, 0.99), arguments.changes, quantile(delays, 0.5),
      quantile(delays, 0.99), delays.back(),
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
    std::fprintf(stderr, "freshness: %s\n", error.what());
    return 1;
  }
  return 0;
}
