#include "tests/engines/load_beside_sidecar.h"

#include <algorithm>
#include <sstream>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "demo/adapter_process.h"
#include "demo/local_pods.h"
#include "demo/work_folder.h"
#include "tests/process/program_run.h"
#include "tests/process/rig.h"

namespace leadline {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kBetweenLooks{200};
constexpr seconds kAfterwards{10};
constexpr seconds kLongestLoad{280};  // the 300 s window holds it with what is before and after
constexpr int kAtOnce = 16;
constexpr int kRequests = 32;

SteadyTime now() {
  return system_now().steady;
}

// Looks at the sidecar's page while the load runs.
class Watch {
 public:
  Watch(std::string sidecar, LoadRunner& load) : sidecar_(std::move(sidecar)), load_(load) {}

  [[nodiscard]] SignalPage page() const {
    return SignalPage(Rig::fetch(sidecar_, Rig::kSidecarPort, "/metrics"));
  }
  void look();
  void look_until(SteadyTime end);

  std::vector<Look> looks;
  SteadyTime first_answer, last_answer;

 private:
  const std::string sidecar_;
  LoadRunner& load_;
};

void Watch::look() {
  const LoadTotals totals = load_.progress().totals;
  const SteadyTime asked = now();
  if (totals.finished > 0 && first_answer == SteadyTime{}) first_answer = asked;
  if (load_.finished() && last_answer == SteadyTime{}) last_answer = asked;
  const SignalPage seen = page();
  const auto age = seen.value("leadline_sample_age_seconds");
  const auto queue_depth = seen.value("leadline_queue_depth");
  const auto running = seen.value("leadline_running_requests");
  if (!age || !queue_depth || !running) return;  // too old, so nothing is said
  const auto span =
      std::chrono::duration_cast<SteadyTime::duration>(std::chrono::duration<double>(*age));
  looks.push_back({.asked = asked,
                   .sampled = asked - span,
                   .in_flight = totals.in_flight,
                   .queue_depth = *queue_depth,
                   .running = *running});
}

void Watch::look_until(SteadyTime end) {
  while (now() < end && last_answer == SteadyTime{}) {
    look();
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

// Of the finished requests; columns as LoadRunner::records_csv() names them.
void count_records(const std::string& csv, ClientCount& client) {
  constexpr std::size_t kPromptTokens = 4, kGenerationTokens = 6, kOutcome = 8;
  std::istringstream lines(csv);
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> fields;
    std::istringstream columns(line);
    for (std::string field; std::getline(columns, field, ',');) fields.push_back(field);
    if (fields.size() <= kOutcome || fields[kOutcome] != "finished") continue;
    ++client.finished;
    client.prompt_tokens += std::stoull(fields[kPromptTokens]);
    client.generation_tokens += std::stoull(fields[kGenerationTokens]);
  }
}

ClientCount count_of(LoadRunner& load, const Watch& watch) {
  ClientCount client{.sent = load.progress().totals.sent,
                     .summary = json::parse(load.summary_json(), nullptr, false),
                     .first_answer = watch.first_answer,
                     .last_answer = watch.last_answer};
  count_records(load.records_csv(), client);
  return client;
}

json once(const std::string& url) {
  const ProgramRun run =
      run_program("leadline-sidecar", {"--engine", url, "--once", "--output", "json"});
  return json::parse(run.output, nullptr, false);
}

Result<ChildProcess> sidecar_beside(const RealEngine& engine, const std::string& address,
                                    const WorkFolder& folder) {
  auto sidecar = start_sidecar({.programs = program_folder(),
                                .engine_url = engine.url(),
                                .address = address,
                                .namespace_name = "demo",
                                .pod_name = "pod-1",
                                .pod_uid = "uid-1",
                                .arguments = {},
                                .log_file = folder.file("sidecar.log")});
  const bool sees = Rig::eventually([&] {
    const SignalPage page(Rig::fetch(address, Rig::kSidecarPort, "/metrics"));
    return page.value("leadline_queue_depth").has_value();
  });
  if (sidecar && !sees) return fail(Errc::kUnavailable, "the sidecar sees no engine");
  return sidecar;
}

}  // namespace

LoadPlan crowd_plan() {
  LoadPlan plan;
  for (int i = 0; i < kRequests; ++i) {
    plan.arrivals.push_back({.at = seconds{2 * std::max(0, i - kAtOnce + 1)},
                             .prompt_tokens = 16 + 53 * i % 113,
                             .generation_tokens = 50 + 37 * i % 151});
  }
  plan.duration = plan.arrivals.back().at;
  return plan;
}

Result<Loaded> load_beside_sidecar(const RealEngine& engine, const std::string& model,
                                   LoadPlan plan) {
  const auto folder = WorkFolder::make();
  if (!folder) return fail(folder.error());
  const std::string address = loopback_address(1);
  const auto sidecar = sidecar_beside(engine, address, *folder);
  if (!sidecar) return fail(sidecar.error());

  LoadRunnerOptions options;
  options.model = model;
  options.urls = {engine.url()};
  auto load = LoadRunner::create(std::move(plan), options);
  if (!load) return fail(load.error());
  Watch watch(address, **load);
  watch.look();
  (*load)->start();
  watch.look_until(now() + kLongestLoad);
  if (watch.last_answer == SteadyTime{}) {
    return fail(Errc::kUnavailable, "the load does not end: {}", (*load)->summary_json());
  }
  const SteadyTime end = now() + kAfterwards;
  while (now() < end) {
    watch.look();
    std::this_thread::sleep_for(kBetweenLooks);
  }
  return Loaded{.client = count_of(**load, watch),
                .looks = watch.looks,
                .page = watch.page(),
                .once = once(engine.url())};
}

std::vector<Look> looks_while_waiting(const Loaded& loaded, std::uint64_t slots) {
  std::vector<Look> found;
  const auto crowded = [slots](const Look& look) { return look.in_flight >= slots + 4; };
  for (const Look& look : loaded.looks) {
    // The last look that was surely before this one's sample.
    const auto later = std::find_if(loaded.looks.begin(), loaded.looks.end(),
                                    [&](const Look& one) { return one.asked > look.sampled; });
    if (later == loaded.looks.begin()) continue;
    const Look& before = *std::prev(later);
    const bool begun =
        loaded.client.first_answer != SteadyTime{} && before.asked >= loaded.client.first_answer;
    if (begun && crowded(before) && crowded(look)) found.push_back(look);
  }
  return found;
}

std::vector<Look> looks_afterwards(const Loaded& loaded) {
  std::vector<Look> found;
  std::copy_if(loaded.looks.begin(), loaded.looks.end(), std::back_inserter(found),
               [&](const Look& look) { return look.sampled > loaded.client.last_answer; });
  return found;
}

}  // namespace leadline
