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
#include "demo/cluster_platform.h"
#include "demo/dashboard.h"
#include "demo/every.h"
#include "demo/local_platform.h"
#include "demo/measure_engine.h"
#include "demo/platform.h"
#include "demo/recording.h"
#include "demo/redis_demo.h"
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

// The load of the demo: a named excerpt of a real trace, superposed, in real time.
Result<std::unique_ptr<LoadRunner>> make_load(const DemoOptions& options,
                                              const std::string& addresses_file,
                                              LoadOptions& shape) {
  auto trace = options.trace.empty() ? parse_trace(demo_trace()) : read_trace(options.trace);
  if (!trace) return fail(trace.error().with_context("--trace " + options.trace));
  shape = demo_load_options();  // planned whole: a shorter --duration-s breaks off
  auto plan = plan_load(*trace, shape);
  if (!plan) return fail(plan.error());
  LoadRunnerOptions runner;
  runner.urls_file = addresses_file;
  runner.slo_ttft = milliseconds(static_cast<int>(kSloTtftSeconds * 1000));
  return LoadRunner::create(std::move(*plan), std::move(runner));
}

class DemoRun {
 public:
  DemoRun(const DemoOptions& options, HpaManifest manifest, Platform& platform,
          Recording& recording)
      : options_(options),
        manifest_(std::move(manifest)),
        platform_(platform),
        recording_(recording),
        view_(options.plain || ::isatty(STDOUT_FILENO) == 0) {}

  [[nodiscard]] Result<void> run();
  // Keeps the pods going until a signal comes.
  [[nodiscard]] Result<void> hold();

 private:
  [[nodiscard]] Result<void> warm_up();
  [[nodiscard]] Result<void> tick();
  [[nodiscard]] Result<void> look_after(SteadyTime now);
  void take(const Decided& decided);
  void record_start();
  void record_replicas();
  void show();
  [[nodiscard]] double seconds_at(SteadyTime time) const {
    return duration<double>(time - load_began_).count();
  }
  [[nodiscard]] double seconds_in() const { return seconds_at(system_now().steady); }

  DemoOptions options_;
  HpaManifest manifest_;
  Platform& platform_;
  Recording& recording_;
  TerminalView view_;
  Every second_{seconds{1}};
  LoadOptions shape_;
  std::unique_ptr<LoadRunner> load_;
  SteadyTime load_began_;
  std::string phase_ = "warm-up";
  std::string last_decision_;
};

Result<void> DemoRun::run() {
  auto load = make_load(options_, platform_.addresses_file(), shape_);
  if (!load) return fail(load.error());
  load_ = std::move(*load);
  if (auto started = platform_.start(); !started) return started;
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
  const auto least = manifest_.spec.min_replicas;
  const SteadyTime deadline = load_began_ + options_.startup_delay + seconds{30};
  while (!stop_asked) {
    const SteadyTime now = system_now().steady;
    if (auto looked = look_after(now); !looked) return looked;
    const ApiAnswer first = platform_.ask(manifest_.paths.front());
    if (platform_.replicas().ready >= least && first.status == 200) return {};
    if (now > deadline) {
      return fail(Errc::kUnavailable, "the adapter gives no value after {} s: HTTP {} {}",
                  duration<double>(now - load_began_).count(), first.status, first.body);
    }
    if (second_.due(now)) show();
    std::this_thread::sleep_for(kTick);
  }
  return fail(Errc::kUnavailable, "stopped");
}

Result<void> DemoRun::tick() {
  const SteadyTime now = system_now().steady;
  if (auto looked = look_after(now); !looked) return looked;
  const auto decisions = platform_.decisions(now);
  if (!decisions) return fail(decisions.error());
  for (const Decided& decided : *decisions) take(decided);
  if (second_.due(now)) {
    record_replicas();
    show();
  }
  std::this_thread::sleep_for(kTick);
  return {};
}

Result<void> DemoRun::look_after(SteadyTime now) {
  for (std::string& line : platform_.new_lines()) {
    recording_.add({{"kind", "line"}, {"t", seconds_at(now)}, {"text", line}});
    view_.add_line(std::move(line));
  }
  return platform_.look_after(now);
}

void DemoRun::take(const Decided& decided) {
  const double t = seconds_at(decided.at);
  nlohmann::json line = decided.record;
  line["t"] = t;
  const int before = line.value("spec_replicas", 0), after = line.value("desired", 0);
  const std::string reason = line.value("reason", "");
  recording_.add(std::move(line));
  if (before == after) return;
  last_decision_ = fmt::format("{:.0f} s: {} -> {}: {}", t, before, after, reason);
  record_replicas();
}

void DemoRun::record_start() {
  const HpaSpec& spec = manifest_.spec;
  nlohmann::json line = {{"kind", "start"},
                         {"min_replicas", spec.min_replicas},
                         {"max_replicas", spec.max_replicas},
                         {"manifest", options_.manifest},
                         {"sync_period_ms", options_.sync_period.count()},
                         {"startup_delay_ms", options_.startup_delay.count()}};
  line.update(platform_.facts());
  if (!options_.no_load && !shape_.bursts.empty()) {
    const Burst& burst = shape_.bursts.front();
    line["burst_s"] = duration<double>(burst.at).count();
    line["lull_s"] = duration<double>(burst.at + burst.duration).count();
  }
  recording_.add(std::move(line));
}

void DemoRun::record_replicas() {
  const double t = seconds_in();
  const Replicas replicas = platform_.replicas();
  recording_.add({{"kind", "replicas"},
                  {"t", t},
                  {"wanted", replicas.wanted},
                  {"exists", replicas.existing},
                  {"ready", replicas.ready}});
  const LoadTotals totals = load_->progress().totals;
  recording_.add({{"kind", "load"},
                  {"t", t},
                  {"sent", totals.sent},
                  {"finished", totals.finished},
                  {"refused", totals.refused}});
}

void DemoRun::show() {
  Frame frame = read_dashboard(manifest_, [this](const std::string& path) {
    ApiAnswer answer = platform_.ask(path);
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
  const Replicas replicas = platform_.replicas();
  frame.wanted = replicas.wanted;
  frame.existing = replicas.existing;
  frame.ready = replicas.ready;
  frame.least = manifest_.spec.min_replicas;
  frame.most = manifest_.spec.max_replicas;
  frame.phase = phase_;
  frame.last_decision = last_decision_;
  view_.show(frame);
}

Result<void> DemoRun::hold() {
  view_.end();
  platform_.print_hold_help();
  while (!stop_asked) {
    if (auto looked = look_after(system_now().steady); !looked) return looked;
    std::this_thread::sleep_for(kTick);
  }
  return {};
}

void print_beginning(const DemoOptions& options, const HpaManifest& manifest) {
  std::printf(
      "Leadline demo: %s scales Deployment %s/%s, decided every %.0f s %s.\n"
      "Load: %s, superposed in real time. A stand-in engine starts in %.1f s (a real one: 60 s and "
      "more).\n\n",
      options.manifest.c_str(), manifest.namespace_name.c_str(), manifest.workload.c_str(),
      duration<double>(options.sync_period).count(),
      options.cluster ? "by a real HPA controller" : "as the HPA controller does",
      options.trace.empty() ? "150 s of the Azure LLM inference trace 2023 (conversations)"
                            : options.trace.c_str(),
      duration<double>(options.startup_delay).count());
  std::fflush(stdout);
}

std::unique_ptr<Platform> make_platform(const DemoOptions& options, const HpaManifest& manifest,
                                        const WorkFolder& folder) {
  if (!options.cluster) return std::make_unique<LocalPlatform>(options, manifest, folder);
  return std::make_unique<ClusterPlatform>(options, manifest, folder, stop_asked);
}

// Leaves the logs in place and says where they are, unless somebody just wanted it to end.
Error kept(WorkFolder& folder, const Error& error) {
  if (stop_asked) return error;
  folder.keep();
  return {error.code, fmt::format("{}\nlogs: {}", error.message, folder.path())};
}

}  // namespace

Result<void> run_demo(const DemoOptions& options) {
  stop_on_signals();
  auto folder = WorkFolder::make();
  if (!folder) return fail(folder.error());
  auto recording = Recording::open(options.record_file);
  if (!recording) return fail(recording.error());
  if (options.redis) {
    const auto ran = run_redis_demo(options, *folder, *recording, stop_asked);
    return ran ? ran : fail(kept(*folder, ran.error()));
  }

  auto manifest = read_hpa_manifest(options.manifest);
  if (!manifest) return fail(manifest.error());
  if (!options.engine_url.empty()) {
    auto measured = measure_engine(options, *manifest, *folder, stop_asked);
    return measured ? measured : fail(kept(*folder, measured.error()));
  }
  print_beginning(options, *manifest);
  const auto platform = make_platform(options, *manifest, *folder);
  DemoRun run(options, *manifest, *platform, *recording);
  if (auto ran = run.run(); !ran) return fail(kept(*folder, ran.error()));
  std::fputs(render(summarise(recording->lines()), kSloTtftSeconds).c_str(), stdout);
  if (!options.hold || stop_asked) return {};
  const auto held = run.hold();
  return held ? held : fail(kept(*folder, held.error()));
}

}  // namespace leadline
