// The demo, run as a user runs it, and held against its own recording: what it printed, what it
// decided and what it did are computed again here from the API's answers.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "demo/adapter_process.h"
#include "demo/child_process.h"
#include "demo/hpa_manifest.h"
#include "demo/work_folder.h"
#include "engine/scaling/hpa.h"
#include "tests/process/program_run.h"
#include "tests/process/rig.h"
#include "tests/text_of.h"

namespace leadline {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr const char* kManifest = LEADLINE_SOURCE_DIR "/manifests/examples/hpa-in-flight.yaml";

class DemoTest : public testing::Test {
 protected:
  DemoTest() : folder_(std::move(*WorkFolder::make())) {}

  void start(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(),
                     {"--plain", "--record", recording_file(), "--manifest", kManifest});
    auto child = ChildProcess::start({.program = program_folder() + "/leadline-demo",
                                      .arguments = std::move(arguments),
                                      .environment = {},
                                      .log_file = folder_.file("demo.log")});
    ASSERT_TRUE(child) << child.error().message;
    demo_.emplace(std::move(*child));
  }

  // Waits for the end of the demo; its deadline has minutes of slack for slow machines.
  void finish(seconds patience) {
    const SteadyTime deadline = system_now().steady + patience;
    while (demo_->running()) {
      ASSERT_LT(system_now().steady, deadline) << "the demo does not end:\n" << output();
      std::this_thread::sleep_for(std::chrono::milliseconds{200});
    }
  }

  [[nodiscard]] std::string recording_file() const { return folder_.file("recording.jsonl"); }

  // The recording so far, but for a line that is being written.
  [[nodiscard]] std::vector<json> lines(const std::string& kind) const {
    std::vector<json> found;
    std::ifstream file(recording_file());
    for (std::string text; std::getline(file, text);) {
      json line = json::parse(text, nullptr, false);
      if (line.is_object() && line.value("kind", "") == kind) found.push_back(std::move(line));
    }
    return found;
  }

  [[nodiscard]] std::string output() const { return text_of(folder_.file("demo.log")); }

  WorkFolder folder_;
  std::optional<ChildProcess> demo_;
};

// The manifest's one metric as its recorded answer gives it, read without the demo's own reader.
MetricReading reading_in(const json& answer) {
  const json body = json::parse(answer.value("body", ""), nullptr, false);
  if (answer.value("status", 0) != 200) {
    return NoReading{body.is_object() ? body.value("message", "") : answer.value("body", "")};
  }
  const std::string value = body["items"][0].value("value", "");
  const bool milli = value.ends_with('m');
  const double number = std::strtod(value.c_str(), nullptr);
  return std::vector<std::int64_t>{std::llround(number * (milli ? 1 : 1000))};
}

Observation observation_in(const json& sync) {
  Observation seen{.spec_replicas = sync["spec_replicas"],
                   .status_replicas = sync["status_replicas"]};
  for (const json& pod : sync["pods"]) {
    seen.pods.push_back(
        {.name = pod["name"],
         .phase = pod["phase"] == "Running" ? PodPhase::kRunning : PodPhase::kPending,
         .ready = pod["ready"],
         .deleting = pod["deleting"]});
  }
  for (const json& answer : sync["answers"]) seen.readings.push_back(reading_in(answer));
  return seen;
}

// Every recorded decision, made again by engine/scaling from the recorded answers.
void expect_decisions_replay(const std::vector<json>& syncs) {
  const auto manifest = read_hpa_manifest(kManifest);
  ASSERT_TRUE(manifest) << manifest.error().message;
  HpaMemory memory;
  const SteadyTime origin = system_now().steady;
  for (const json& sync : syncs) {
    const auto at =
        origin + std::chrono::microseconds(static_cast<std::int64_t>(sync.value("t", 0.0) * 1e6));
    const Decision again = decide(manifest->spec, observation_in(sync), memory, at);
    EXPECT_EQ(again.desired, sync.value("desired", -1)) << sync.dump();
  }
}

// What follows `name` in the printed summary.
std::string printed(const std::string& output, const std::string& name) {
  const auto at = output.rfind("  " + name);
  if (at == std::string::npos) return "not printed";
  const auto value = output.find_first_not_of(' ', at + 2 + name.size());
  return output.substr(value, output.find('\n', value) - value);
}

#if defined(LEADLINE_PLAIN_BUILD)
double replica_seconds_in(const std::vector<json>& replicas) {
  double total = 0;
  for (std::size_t i = 1; i < replicas.size(); ++i) {
    total += replicas[i - 1].value("exists", 0.0) *
             (replicas[i].value("t", 0.0) - replicas[i - 1].value("t", 0.0));
  }
  return total;
}

// Sanitizers bend the load's timing, so only the release build has this case.
TEST_F(DemoTest, FollowsTheBurstAndComesBack) {
  start({});
  finish(seconds{400});
  const auto begins = lines("start");
  ASSERT_EQ(begins.size(), 1u) << output();
  const double burst = begins[0].value("burst_s", 0.0);
  const auto replicas = lines("replicas");
  const auto syncs = lines("sync");

  int most_soon = 0;
  for (const json& now : replicas) {
    const double t = now.value("t", 0.0);
    if (t >= burst && t <= burst + 30) most_soon = std::max(most_soon, now.value("wanted", 0));
  }
  EXPECT_GE(most_soon, 3) << "within 30 s of the burst";
  EXPECT_EQ(replicas.back().value("wanted", 0), begins[0].value("min_replicas", 0))
      << "back down after it";

  expect_decisions_replay(syncs);
  std::optional<double> first_rise;
  for (const json& sync : syncs) {
    const double t = sync.value("t", 0.0);
    if (t >= burst && !first_rise && sync.value("desired", 0) > sync.value("spec_replicas", 0)) {
      first_rise = t - burst;
    }
  }
  ASSERT_TRUE(first_rise);
  EXPECT_EQ(printed(output(), "burst to decision"), fmt::format("{:.1f} s", *first_rise));
  EXPECT_EQ(printed(output(), "replica-seconds"),
            fmt::format("{:.0f}", replica_seconds_in(replicas)));
}
#endif

TEST_F(DemoTest, StaysAtTheMinimumWithoutLoad) {
  start(
      {"--no-load", "--duration-s", "12", "--startup-delay-ms", "500", "--sync-period-ms", "1000"});
  finish(seconds{200});
  const auto syncs = lines("sync");
  ASSERT_GE(syncs.size(), 5u) << output();
  int answered = 0;
  for (const json& sync : syncs) {
    EXPECT_EQ(sync.value("desired", 0), 1);
    answered += sync["answers"][0].value("status", 0) == 200 ? 1 : 0;
  }
  EXPECT_GT(answered, 0) << "an idle engine is 0, not absent";
  for (const json& now : lines("replicas")) EXPECT_EQ(now.value("wanted", 0), 1);
  expect_decisions_replay(syncs);
}

TEST_F(DemoTest, KillingTheAdapterFreezesTheReplicas) {
  start({"--duration-s", "75", "--startup-delay-ms", "500", "--sync-period-ms", "1000"});
  const SteadyTime deadline = system_now().steady + seconds{200};
  const auto scaled = [this] {
    const auto replicas = lines("replicas");
    return !replicas.empty() && replicas.back().value("wanted", 0) >= 2;
  };
  while (!scaled()) {
    ASSERT_LT(system_now().steady, deadline) << "no scale-up to freeze:\n" << output();
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
  }
  ::kill(lines("start").at(0).value("adapter_pid", 0), SIGKILL);
  const auto before = lines("sync").size();
  while (lines("sync").size() < before + 8) {
    ASSERT_LT(system_now().steady, deadline) << output();
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
  }
  demo_->send_signal(SIGTERM);
  finish(seconds{60});

  int frozen = 0;
  for (const json& sync : lines("sync")) {
    if (sync["answers"][0].value("status", -1) != 0) continue;
    ++frozen;
    EXPECT_EQ(sync.value("desired", 0), sync.value("spec_replicas", -1)) << sync.dump();
  }
  EXPECT_GE(frozen, 5) << "syncs that found no adapter";
  expect_decisions_replay(lines("sync"));
}

TEST_F(DemoTest, HoldStaysUpForTheLinesThatItPrints) {
  start({"--hold", "--no-load", "--duration-s", "5", "--startup-delay-ms", "500"});
  const auto curl_line = [this] {
    const std::string text = output();
    const auto at = text.find("  curl ");
    const auto end = at == std::string::npos ? at : text.find('\n', at);
    return end == std::string::npos ? "" : text.substr(at + 2, end - at - 2);
  };
  ASSERT_TRUE(Rig::eventually([&] { return !curl_line().empty(); }, seconds{200})) << output();
  const std::string answer = folder_.file("answer.json");
  // NOLINTNEXTLINE(bugprone-command-processor,concurrency-mt-unsafe): what people paste is tested.
  ASSERT_EQ(std::system((curl_line() + " -s -m 30 -o '" + answer + "'").c_str()), 0);
  const json body = json::parse(text_of(answer), nullptr, false);
  ASSERT_TRUE(body.is_object()) << curl_line();
  EXPECT_EQ(body["items"][0]["value"], "0") << body.dump();
  EXPECT_TRUE(demo_->running());
  demo_->send_signal(SIGTERM);
  finish(seconds{60});
}

TEST_F(DemoTest, MeasuresAnEngineOfYours) {
  Rig rig;
  const Rig::Pod& pod = rig.add_pod({.name = "yours"});
  ASSERT_TRUE(Rig::eventually(
      [&] { return !Rig::fetch(pod.address, Rig::kEnginePort, "/metrics").empty(); }));
  Rig::mark(pod, {{"waiting", 4}, {"running", 3}});
  start({"--engine", "http://" + pod.address + ":" + std::to_string(Rig::kEnginePort)});
  EXPECT_TRUE(Rig::eventually(
      [this] { return output().find("in_flight=7 queue=4 ") != std::string::npos; }, seconds{60}))
      << output();
  demo_->send_signal(SIGTERM);
  finish(seconds{60});
}

// Seconds from each push to the first recorded line of `kind` whose `number` is above what it was.
std::vector<double> seconds_to_more(const std::vector<json>& pushes, const std::vector<json>& all,
                                    const std::string& number) {
  std::vector<double> found;
  for (const json& push : pushes) {
    int before = 0;
    for (const json& line : all) {
      if (line.value("t", 0.0) < push.value("t", 0.0)) {
        before = line.value(number, 0);
      } else if (line.value(number, 0) > before) {
        found.push_back(line.value("t", 0.0) - push.value("t", 0.0));
        break;
      }
    }
  }
  return found;
}

std::string in_the_summary(const std::vector<double>& times) {
  return fmt::format("{:.2f} s", fmt::join(times, ", "));
}

TEST_F(DemoTest, JobsInRedisStartWorkersFromZeroAndNoneIsLost) {
  const ProgramRun run =
      run_program("leadline-demo", {"--redis", "--duration-s", "6", "--record", recording_file()},
                  {}, seconds{300});
  ASSERT_EQ(run.exit_code, 0) << run.output;
  int jobs_in = 0;
  for (const json& pushed : lines("pushed")) jobs_in += pushed.value("jobs", 0);
  EXPECT_GT(jobs_in, 50) << run.output;
  EXPECT_EQ(lines("done").back().value("jobs", 0), jobs_in);
  EXPECT_EQ(printed(run.output, "jobs in, jobs done"), fmt::format("{}, {}", jobs_in, jobs_in));

  const auto pushes = lines("push");
  const auto to_worker = seconds_to_more(pushes, lines("workers"), "exists");
  const auto to_done = seconds_to_more(pushes, lines("done"), "jobs");
  ASSERT_EQ(to_worker.size(), 3u) << run.output;
  for (const double latency : to_worker) EXPECT_LT(latency, 5) << "0.2 s is usual";
  EXPECT_EQ(printed(run.output, "from zero: push to first worker"), in_the_summary(to_worker));
  EXPECT_EQ(printed(run.output, "from zero: push to first job done"), in_the_summary(to_done));
  EXPECT_EQ(lines("workers").back().value("exists", -1), 0);
}

}  // namespace
}  // namespace leadline
