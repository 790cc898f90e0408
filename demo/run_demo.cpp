#include "demo/run_demo.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "demo/adapter_process.h"
#include "demo/autoscaler.h"
#include "demo/dashboard.h"
#include "demo/fleet.h"
#include "demo/hold.h"
#include "demo/measure_engine.h"
#include "demo/recording.h"
#include "demo/summary.h"
#include "demo/terminal_view.h"
#include "demo/work_folder.h"
#include "sim/load.h"

namespace leadline {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kTick{100};
constexpr seconds kSettle{15};  // after the load's end: the last replicas go
constexpr double kSloTtftSeconds = 2.0;

std::atomic<bool> stop_asked{false};

void stop_on_signals() {
  struct sigaction action{};
  action.sa_handler = [](int) { stop_asked = true; };
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

// Something that happens every `period`, first at once; after a pause it does not catch up.
class Every {
 public:
  explicit Every(milliseconds period) : period_(period) {}
  [[nodiscard]] bool due(SteadyTime now) {
    if (now < next_) return false;
    next_ = now + period_;
    return true;
  }

 private:
  milliseconds period_;
  SteadyTime next_;
};

// The load of the demo: a named excerpt of a real trace, superposed, in real time.
Result<std::unique_ptr<LoadRunner>> make_load(const DemoOptions& options, const Fleet& fleet,
                                              LoadOptions& shape) {
  auto trace = options.trace.empty() ? parse_trace(demo_trace()) : read_trace(options.trace);
  if (!trace) return fail(trace.error().with_context("--trace " + options.trace));
  shape = demo_load_options();  // planned whole: a shorter --duration-s breaks off
  auto plan = plan_load(*trace, shape);
  if (!plan) return fail(plan.error());
  LoadRunnerOptions runner;
  runner.urls_file = fleet.addresses_file();
  runner.slo_ttft = milliseconds(static_cast<int>(kSloTtftSeconds * 1000));
  return LoadRunner::create(std::move(*plan), std::move(runner));
}

class DemoRun {
 public:
  DemoRun(const DemoOptions& options, HpaManifest manifest, WorkFolder& folder,
          Recording& recording)
      : options_(options),
        recording_(recording),
        fleet_(fleet_options(options, manifest, folder)),
        adapter_(folder),
        autoscaler_(std::move(manifest), [this](const std::string& path) { return ask(path); }),
        view_(options.plain || ::isatty(STDOUT_FILENO) == 0),
        sync_(options.sync_period) {}

  [[nodiscard]] Result<void> run();
  [[nodiscard]] AdapterProcess& adapter() { return adapter_; }
  [[nodiscard]] const HpaManifest& manifest() const { return autoscaler_.manifest(); }
  // Keeps fleet and autoscaler going until a signal comes.
  void hold();

 private:
  static FleetOptions fleet_options(const DemoOptions& options, const HpaManifest& manifest,
                                    const WorkFolder& folder);
  [[nodiscard]] Result<void> warm_up();
  [[nodiscard]] Result<void> tick();
  [[nodiscard]] Result<void> decide_replicas(SteadyTime now);
  void record_start();
  void record_replicas();
  void show(SteadyTime now);
  ApiAnswer ask(const std::string& path) { return adapter_.api().get(path); }
  [[nodiscard]] double seconds_in() const {
    return duration<double>(system_now().steady - load_began_).count();
  }

  DemoOptions options_;
  Recording& recording_;
  Fleet fleet_;
  AdapterProcess adapter_;
  Autoscaler autoscaler_;
  TerminalView view_;
  Every sync_;
  Every second_{seconds{1}};
  LoadOptions shape_;
  std::unique_ptr<LoadRunner> load_;
  SteadyTime load_began_;
  std::string phase_ = "warm-up";
  std::string last_decision_;
};

FleetOptions DemoRun::fleet_options(const DemoOptions& options, const HpaManifest& manifest,
                                    const WorkFolder& folder) {
  FleetOptions fleet;
  fleet.programs = program_folder();
  fleet.work_folder = folder.path();
  fleet.namespace_name = manifest.namespace_name;
  fleet.workload = manifest.workload;
  fleet.engine_arguments = {"--startup-delay-ms", std::to_string(options.startup_delay.count())};
  if (options.scrape_interval_ms > 0) {
    fleet.sidecar_arguments = {"--scrape-interval-ms", std::to_string(options.scrape_interval_ms)};
  }
  return fleet;
}

Result<void> DemoRun::run() {
  auto load = make_load(options_, fleet_, shape_);
  if (!load) return fail(load.error());
  load_ = std::move(*load);
  if (auto started = adapter_.start(fleet_.pods_file()); !started) return started;
  if (auto warm = warm_up(); !warm) return warm;

  load_began_ = system_now().steady;
  record_start();
  phase_ = options_.no_load ? "no load" : "load";
  if (!options_.no_load) load_->start();
  const SteadyTime load_ends = load_began_ + options_.duration;
  while (!stop_asked && system_now().steady < load_ends + kSettle) {
    if (system_now().steady >= load_ends) phase_ = "settling";
    if (auto ticked = tick(); !ticked) return ticked;
  }
  load_->stop();
  recording_.add({{"kind", "load_end"}, {"summary", nlohmann::json::parse(load_->summary_json())}});
  return {};
}

// minReplicas Ready, and the adapter answers for them.
Result<void> DemoRun::warm_up() {
  load_began_ = system_now().steady;
  const auto least = autoscaler_.manifest().spec.min_replicas;
  if (auto scaled = fleet_.scale_to(least, load_began_); !scaled) return scaled;
  const SteadyTime deadline = load_began_ + options_.startup_delay + seconds{30};
  while (!stop_asked) {
    const SteadyTime now = system_now().steady;
    fleet_.tick(now);
    const ApiAnswer first = ask(autoscaler_.manifest().paths.front());
    if (fleet_.ready() >= least && first.status == 200) return {};
    if (now > deadline) {
      return fail(Errc::kUnavailable, "the adapter gives no value after {} s: HTTP {} {}",
                  duration<double>(now - load_began_).count(), first.status, first.body);
    }
    if (second_.due(now)) show(now);
    std::this_thread::sleep_for(kTick);
  }
  return fail(Errc::kUnavailable, "stopped");
}

Result<void> DemoRun::tick() {
  const SteadyTime now = system_now().steady;
  fleet_.tick(now);
  if (sync_.due(now)) {
    if (auto decided = decide_replicas(now); !decided) return decided;
  }
  if (second_.due(now)) {
    record_replicas();
    show(now);
  }
  std::this_thread::sleep_for(kTick);
  return {};
}

Result<void> DemoRun::decide_replicas(SteadyTime now) {
  const double t = seconds_in();
  auto sync = autoscaler_.sync({.spec_replicas = fleet_.wanted(),
                                .status_replicas = fleet_.existing(),
                                .pods = fleet_.observed()},
                               now);
  sync.record["t"] = t;
  recording_.add(sync.record);
  if (!sync.decision.rescale) return {};
  last_decision_ = fmt::format("{:.0f} s: {} -> {}: {}", t, fleet_.wanted(), sync.decision.desired,
                               sync.decision.reason);
  auto scaled = fleet_.scale_to(sync.decision.desired, now);
  record_replicas();
  return scaled;
}

void DemoRun::record_start() {
  const HpaSpec& spec = autoscaler_.manifest().spec;
  nlohmann::json line = {{"kind", "start"},
                         {"min_replicas", spec.min_replicas},
                         {"max_replicas", spec.max_replicas},
                         {"manifest", options_.manifest},
                         {"sync_period_ms", options_.sync_period.count()},
                         {"startup_delay_ms", options_.startup_delay.count()},
                         {"adapter_pid", adapter_.pid()}};
  if (!options_.no_load && !shape_.bursts.empty()) {
    const Burst& burst = shape_.bursts.front();
    line["burst_s"] = duration<double>(burst.at).count();
    line["lull_s"] = duration<double>(burst.at + burst.duration).count();
  }
  recording_.add(std::move(line));
}

void DemoRun::record_replicas() {
  const double t = seconds_in();
  recording_.add({{"kind", "replicas"},
                  {"t", t},
                  {"wanted", fleet_.wanted()},
                  {"exists", fleet_.existing()},
                  {"ready", fleet_.ready()}});
  const LoadTotals totals = load_->progress().totals;
  recording_.add({{"kind", "load"},
                  {"t", t},
                  {"sent", totals.sent},
                  {"finished", totals.finished},
                  {"refused", totals.refused}});
}

void DemoRun::show(SteadyTime /*now*/) {
  Frame frame = read_dashboard(autoscaler_.manifest(), [this](const std::string& path) {
    ApiAnswer answer = ask(path);
    recording_.add({{"kind", "answer"},
                    {"t", seconds_in()},
                    {"path", path},
                    {"status", answer.status},
                    {"body", answer.body}});
    return answer;
  });
  frame.t = seconds_in();
  frame.duration = duration<double>(options_.duration).count();
  frame.offered_per_second = load_->progress().arrivals_per_second;
  frame.wanted = fleet_.wanted();
  frame.existing = fleet_.existing();
  frame.ready = fleet_.ready();
  frame.least = autoscaler_.manifest().spec.min_replicas;
  frame.most = autoscaler_.manifest().spec.max_replicas;
  frame.phase = phase_;
  frame.last_decision = last_decision_;
  view_.show(frame);
}

void DemoRun::hold() {
  phase_ = "holding";
  while (!stop_asked) {
    fleet_.tick(system_now().steady);
    std::this_thread::sleep_for(kTick);
  }
}

void print_beginning(const DemoOptions& options, const HpaManifest& manifest) {
  std::printf(
      "Leadline demo: %s scales Deployment %s/%s, decided every %.0f s as the HPA controller "
      "does.\n"
      "Load: %s, superposed in real time. A stand-in engine starts in %.1f s (a real one: 60 s and "
      "more).\n\n",
      options.manifest.c_str(), manifest.namespace_name.c_str(), manifest.workload.c_str(),
      duration<double>(options.sync_period).count(),
      options.trace.empty() ? "150 s of the Azure LLM inference trace 2023 (conversations)"
                            : options.trace.c_str(),
      duration<double>(options.startup_delay).count());
  std::fflush(stdout);
}

// Leaves the logs in place and says where they are.
Error kept(WorkFolder& folder, const Error& error) {
  folder.keep();
  return {error.code, fmt::format("{}\nlogs: {}", error.message, folder.path())};
}

}  // namespace

Result<void> run_demo(const DemoOptions& options) {
  stop_on_signals();
  auto manifest = read_hpa_manifest(options.manifest);
  if (!manifest) return fail(manifest.error());
  auto folder = WorkFolder::make();
  if (!folder) return fail(folder.error());
  auto recording = Recording::open(options.record_file);
  if (!recording) return fail(recording.error());

  if (!options.engine_url.empty()) {
    auto measured = measure_engine(options, *manifest, *folder, stop_asked);
    return measured ? measured : fail(kept(*folder, measured.error()));
  }
  print_beginning(options, *manifest);
  DemoRun run(options, *manifest, *folder, *recording);
  if (auto ran = run.run(); !ran) return fail(kept(*folder, ran.error()));
  std::fputs(render(summarise(recording->lines()), kSloTtftSeconds).c_str(), stdout);
  if (options.hold && !stop_asked) {
    print_hold_help(run.adapter(), *folder, run.manifest());
    run.hold();
  }
  return {};
}

}  // namespace leadline
