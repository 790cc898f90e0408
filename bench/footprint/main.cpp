// What a sidecar and an adapter take of a node while they work, beside an empty C++ program in the
// same run: memory at the end, CPU over the whole time but its first ten seconds.
//
//   bench_footprint [--minutes 6]
//
// Six sidecars, each on an engine of its own, at one scrape a second and at the default interval:
//   real   the recorded 54 KB page of vLLM 0.32, served as it is: its counters stand still
//   sim    the stand-in engine's vLLM page of 48 KB under a replayed trace: every counter moves
//   lora   the recorded 707 KB page of eight data-parallel engines with 64 adapters, as it is
// Each sidecar is polled by the adapter. A second adapter hears 300 stand-in sidecars and is asked
// for one external value a second.

#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "bench/parts/measured_adapter.h"
#include "bench/parts/process_usage.h"
#include "bench/parts/stand_in_fleet.h"
#include "daemon/http_server.h"
#include "tests/required.h"
#include "tests/text_of.h"

namespace {

using namespace leadline;
using namespace leadline::bench;

constexpr std::uint16_t kEnginePort = 8000;
constexpr int kAdapterPods = 300;
constexpr int kFirstSidecar = 1000;  // addresses below are the stand-in fleet's
constexpr int kFirstEngine = 2000;

struct Scrape {
  std::string page;
  int interval_ms;  // 0: the default
};

// Engines that always answer the same page, as static files. One thread for all.
class StaticEngine {
 public:
  StaticEngine(const std::string& address, const std::string& file)
      : page_(std::make_shared<const std::string>(
            text_of(LEADLINE_SOURCE_DIR "/tests/data/expositions/" + file))) {
    if (page_->empty()) throw std::runtime_error(file + ": not found");
    thread_.call([&] {
      auto server =
          HttpServer::listen(thread_.loop(), address, kEnginePort,
                             [this](const HttpRequest& request, const Respond& respond) {
                               if (request.target != "/metrics")
                                 return respond(make_response(404, "", ""));
                               respond({.content_type = "text/plain; version=0.0.4; charset=utf-8",
                                        .headers = {},
                                        .body = page_});
                             });
      if (!server) throw std::runtime_error(server.error().message);
      server_ = std::move(*server);
    });
  }
  ~StaticEngine() {
    thread_.call([&] { server_.reset(); });
  }
  StaticEngine(const StaticEngine&) = delete;
  StaticEngine& operator=(const StaticEngine&) = delete;

 private:
  std::shared_ptr<const std::string> page_;
  test::LoopThread thread_;
  std::unique_ptr<HttpServer> server_;
};

// A process whose row is printed at the end.
struct Row {
  std::string name;
  ChildProcess process;
  std::unique_ptr<CpuMeter> meter;
};

ChildProcess start(const WorkFolder& folder, const std::string& program,
                   std::vector<std::string> arguments) {
  return required(ChildProcess::start({.program = program_folder() + "/" + program,
                                       .arguments = std::move(arguments),
                                       .environment = {},
                                       .log_file = folder.file(program + ".log")}));
}

std::string engine_url(int engine) {
  return fmt::format("http://{}:{}", own_address(kFirstEngine + engine), kEnginePort);
}

ListedPod pod_of(int sidecar) {
  return {.name = fmt::format("sidecar-{}", sidecar),
          .uid = fmt::format("uid-{}", sidecar),
          .address = own_address(kFirstSidecar + sidecar),
          .ready = true,
          .deleting = false};
}

ChildProcess start_one_sidecar(const WorkFolder& folder, int number, int engine, int interval_ms) {
  const ListedPod pod = pod_of(number);
  return required(start_sidecar({.programs = program_folder(),
                                 .engine_url = engine_url(engine),
                                 .address = pod.address,
                                 .namespace_name = kNamespace,
                                 .pod_name = pod.name,
                                 .pod_uid = pod.uid,
                                 .arguments = {"--scrape-interval-ms", std::to_string(interval_ms)},
                                 .log_file = folder.file("sidecars.log")}));
}

void print(const std::string& name, pid_t pid, const CpuMeter& meter, double minutes) {
  const MemoryUse memory = memory_of(pid);
  std::printf("footprint what=%s minutes=%.1f rss_mib=%.2f anonymous_mib=%.2f cpu_percent=%.3f\n",
              name.c_str(), minutes, static_cast<double>(memory.resident) / 1048576,
              static_cast<double>(memory.anonymous) / 1048576, 100 * meter.share());
}

// Three engines, six sidecars, two empty programs.
class Bench {
 public:
  Bench() : folder_(required(WorkFolder::make())) {
    start_engines();
    start_rows();
  }

  std::vector<Row>& rows() { return rows_; }
  [[nodiscard]] std::string pods_document() const {
    std::vector<ListedPod> pods;
    for (int i = 0; i < sidecars_; ++i) pods.push_back(pod_of(i));
    return leadline::pods_document(kNamespace, kWorkload, pods);
  }
  [[nodiscard]] int sidecars() const { return sidecars_; }

 private:
  // The trace begins anew after its end.
  void start_engines() {
    real_ =
        std::make_unique<StaticEngine>(own_address(kFirstEngine), "live-vllm-0.32.0-after.prom");
    lora_ =
        std::make_unique<StaticEngine>(own_address(kFirstEngine + 2), "nasty-vllm-dp8-lora.prom");
    const std::string address = own_address(kFirstEngine + 1);
    helpers_.push_back(
        start(folder_, "leadline-sim", {"engine", "--address", address, "--port", "8000"}));
    helpers_.push_back(
        start(folder_, "leadline-sim",
              {"load", "--url", engine_url(1), "--duration", "100000", "--keep-every", "8"}));
  }

  void start_rows() {
    int engine = 0;
    for (const char* page : {"real", "sim", "lora"}) {
      for (const int interval_ms : {1000, 0}) {
        rows_.push_back(
            {fmt::format("sidecar page={} interval={}", page, interval_ms > 0 ? "1s" : "default"),
             start_one_sidecar(folder_, sidecars_++, engine, interval_ms), nullptr});
      }
      ++engine;
    }
    for (const char* program : {"empty", "empty_linked"}) {
      rows_.push_back({program, start(folder_, program, {}), nullptr});
    }
  }

  WorkFolder folder_;
  std::unique_ptr<StaticEngine> real_, lora_;
  std::vector<ChildProcess> helpers_;
  std::vector<Row> rows_;
  int sidecars_ = 0;
};

void run(double minutes) {
  Bench bench;
  const MeasuredAdapter listener(bench.pods_document(), bench.sidecars());
  const StandInFleet fleet(kAdapterPods);
  MeasuredAdapter adapter(fleet.pods_document(), kAdapterPods);
  std::this_thread::sleep_for(std::chrono::seconds{10});
  for (Row& row : bench.rows()) row.meter = std::make_unique<CpuMeter>(row.process.pid());
  const CpuMeter adapter_meter(adapter.pid());
  while (adapter_meter.elapsed() < 60 * minutes - 10) {
    std::this_thread::sleep_for(std::chrono::seconds{1});
    static_cast<void>(
        adapter.body_of("/apis/external.metrics.k8s.io/v1beta1/namespaces/bench/queue_depth"));
  }
  for (const Row& row : bench.rows()) print(row.name, row.process.pid(), *row.meter, minutes);
  print(fmt::format("adapter pods={}", kAdapterPods), adapter.pid(), adapter_meter, minutes);
}

}  // namespace

int main(int argc, char** argv) {
  double minutes = 6;
  CLI::App app("Memory and CPU of sidecar and adapter.", "bench_footprint");
  app.add_option("--minutes", minutes, "of load")->check(CLI::Range(0.5, 1440.0));
  CLI11_PARSE(app, argc, argv);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  try {
    run(minutes);
  } catch (const std::exception& error) {
    return report_failure("bench_footprint", error);
  }
  return 0;
}
