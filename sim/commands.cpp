#include "sim/commands.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sstream>
#include <utility>

#include <unistd.h>

#include <fmt/format.h>

#include "sim/text_file.h"

namespace leadline {
namespace {

int complain(const Error& error) {
  fmt::print(stderr, "leadline-sim: {}\n", error.message);
  return 1;
}

// SIGTERM and SIGINT are blocked in every thread and taken here, one at a time.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }

  // True when a signal came within `patience`.
  bool wait(std::chrono::milliseconds patience) {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(patience);
    timespec time{};
    time.tv_sec = whole.count();
    time.tv_nsec = std::chrono::nanoseconds(patience - whole).count();
    return sigtimedwait(&set_, nullptr, &time) > 0;
  }

 private:
  sigset_t set_{};
};

Result<PerfModel> load_perf_model(const EngineCommand& command) {
  if (command.perf_model.empty()) return parse_perf_model(embedded_perf_table(), command.rows);
  const auto text = read_text_file(command.perf_model);
  if (!text) return fail(text.error());
  auto model = parse_perf_model(*text, command.rows);
  if (!model) return fail(model.error().with_context(command.perf_model));
  return model;
}

Result<LoadPlan> make_plan(LoadCommand& command) {
  const auto trace = command.trace.empty() ? parse_trace(demo_trace()) : read_trace(command.trace);
  if (!trace) return fail(trace.error());
  if (command.demo) return plan_load(*trace, demo_load_options());
  const auto in_range = [](double seconds) { return seconds >= 0 && seconds < 1e6; };
  if (!in_range(command.start_seconds) || !in_range(command.duration_seconds)) {
    return fail(Errc::kBadConfig, "--start, --duration: not in 0..1000000");
  }
  const auto nanoseconds_of = [](double seconds) {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
  };
  command.options.start = nanoseconds_of(command.start_seconds);
  command.options.duration = nanoseconds_of(command.duration_seconds);
  for (const std::string& text : command.bursts) {
    const auto burst = parse_burst(text);
    if (!burst) return fail(burst.error());
    command.options.bursts.push_back(*burst);
  }
  return plan_load(*trace, command.options);
}

std::string milliseconds_or_none(const std::optional<double>& seconds) {
  return seconds ? fmt::format("{:.0f}ms", *seconds * 1000) : "none";
}

void print_progress(const LoadProgress& p) {
  fmt::print(stderr,
             "\r{:5.0f}s sent={} finished={} in_flight={} refused={} failed={} arrivals/s={:.1f} "
             "tokens/s={:.0f} ttft_p50={} ttft_p95={}   ",
             p.elapsed_seconds, p.totals.sent, p.totals.finished, p.totals.in_flight,
             p.totals.refused, p.totals.failed, p.arrivals_per_second, p.tokens_per_second,
             milliseconds_or_none(p.ttft_p50), milliseconds_or_none(p.ttft_p95));
}

int report(const LoadRunner& runner, const std::string& record_path) {
  fmt::print(stderr, "\n");
  fmt::print("{}\n", runner.summary_json());
  if (record_path.empty()) return 0;
  std::ofstream file(record_path, std::ios::binary);
  file << runner.records_csv();
  file.close();
  if (!file) return complain({Errc::kUnavailable, record_path + ": cannot write"});
  return 0;
}

std::vector<std::string> split_urls(const std::string& text) {
  std::vector<std::string> urls;
  std::istringstream in(text);
  for (std::string url; std::getline(in, url, ',');) {
    if (!url.empty()) urls.push_back(url);
  }
  return urls;
}

}  // namespace

int run_engine(EngineCommand command) {
  StopSignals signals;
  auto perf = load_perf_model(command);
  if (!perf) return complain(perf.error());
  const std::chrono::milliseconds delay(command.startup_delay_ms);
  if (command.startup_mode == "503") {
    command.server.loading = delay;
  } else if (delay.count() > 0 && signals.wait(delay)) {
    return 0;
  }
  auto server = EngineServer::start(std::move(command.server), std::move(*perf));
  if (!server) return complain(server.error());
  fmt::print("listening on {}\n", (*server)->url().substr(sizeof("http://") - 1));
  std::fflush(stdout);
  while (!signals.wait(std::chrono::seconds(3600))) {
  }
  const bool drained = (*server)->drain(std::chrono::seconds(command.drain_seconds));
  (*server)->host().stop();  // breaks what is left, so that its clients see it
  fmt::print(stderr, "leadline-sim: stopped drained={}\n", drained);
  // Joining would wait up to 5 s for idle keep-alive connections that nobody will use again.
  std::fflush(nullptr);
  std::_Exit(0);
}

int run_load(LoadCommand command) {
  StopSignals signals;
  auto plan = make_plan(command);
  if (!plan) return complain(plan.error());
  command.runner.urls = split_urls(command.urls);
  command.runner.timeout = std::chrono::seconds(command.timeout_seconds);
  command.runner.slo_ttft = std::chrono::milliseconds(command.slo_ttft_ms);
  if (command.runner.urls.empty() && command.runner.urls_file.empty()) {
    return complain({Errc::kBadConfig, "neither --url nor --urls-file"});
  }
  auto runner = LoadRunner::create(std::move(*plan), std::move(command.runner));
  if (!runner) return complain(runner.error());
  (*runner)->start();
  while (!(*runner)->finished()) {
    if (signals.wait(std::chrono::milliseconds(500))) (*runner)->stop();
    print_progress((*runner)->progress());
  }
  return report(**runner, command.record);
}

int run_worker(WorkerOptions options) {
  StopSignals signals;
  if (options.name.empty()) options.name = fmt::format("worker-{}", getpid());
  const auto worked = work(options, [&](auto patience) { return signals.wait(patience); });
  return worked ? 0 : complain(worked.error());
}

int run_jobs(const JobsOptions& options) {
  StopSignals signals;
  const auto added = add_jobs(options, [&](auto patience) { return signals.wait(patience); });
  if (!added) return complain(added.error());
  fmt::print("added {} jobs to {}\n", *added, options.stream);
  return 0;
}

int run_done(const DoneOptions& options) {
  StopSignals signals;
  const auto counted = count_done(
      options, [&](auto patience) { return signals.wait(patience); },
      [](std::int64_t jobs) {
        fmt::print("done {}\n", jobs);
        std::fflush(stdout);
      });
  return counted ? 0 : complain(counted.error());
}

}  // namespace leadline
