// Bad input from every side, against the real binaries: each is said clearly, counted, and disturbs
// nothing else; and when it is mended, so are we.

#include <signal.h>

#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <httplib.h>

#include "tests/process/observer.h"
#include "tests/process/program_run.h"
#include "tests/process/rig.h"
#include "tests/text_of.h"

namespace leadline {
namespace {

using nlohmann::json;

void expect_lines(const std::string& text, const std::vector<std::vector<std::string>>& lines) {
  for (const auto& parts : lines) {
    EXPECT_EQ(lines_with(text, parts), 1) << parts.front() << " … " << parts.back() << "\nin\n"
                                          << text;
  }
}

// --- Configuration: every error at once, each with its value, where it came from and its range.

TEST(BadConfigTest, SidecarNamesEveryBadFlag) {
  const ProgramRun run =
      run_program("leadline-sidecar",
                  {"--scrape-interval-ms", "7", "--listen-port", "70000", "--log-level", "loud",
                   "--engine-url", "nonsense", "--engine-ports", "[0, 8000]", "--pod-nmae=x"});
  EXPECT_EQ(run.exit_code, 2);
  expect_lines(run.output, {
                               {"scrape_interval_ms = 7", "flag --scrape-interval-ms",
                                "must be 0 (adaptive) or at least 100 ms"},
                               {"listen_port = 70000", "must be in [0, 65535]"},
                               {"log_level = loud", "must be one of debug, info, warn, error"},
                               {"engine_url = nonsense", "must start with http://"},
                               {"engine_ports[0] = 0", "must be in [1, 65535]"},
                               {"--pod-nmae", "no such flag", "did you mean --pod-name"},
                           });
}

TEST(BadConfigTest, SidecarNamesEveryBadLineOfItsFileAndEnvironment) {
  const auto folder = WorkFolder::make();
  ASSERT_TRUE(folder);
  ASSERT_TRUE(folder->write(
      "sidecar.yaml", "scrape_interval_ms: 7\nlisten_port: many\nlog_level: [a]\nwrong_key: 1\n"));
  const ProgramRun run = run_program("leadline-sidecar", {"--config", folder->file("sidecar.yaml")},
                                     {"LEADLINE_DRAIN_GRACE_MS=-1"});
  EXPECT_EQ(run.exit_code, 2);
  expect_lines(run.output,
               {
                   {"scrape_interval_ms = 7", "sidecar.yaml line 1",
                    "must be 0 (adaptive) or at least 100 ms"},
                   {"listen_port = many", "sidecar.yaml line 2", "an integer in [0, 65535]"},
                   {"log_level", "sidecar.yaml line 3", "a single value"},
                   {"wrong_key", "line 4", "no such key"},
                   {"drain_grace_ms = -1", "LEADLINE_DRAIN_GRACE_MS", "must be in [0, 60000] ms"},
               });
}

TEST(BadConfigTest, FileThatIsNoYamlSaysTheLine) {
  const auto folder = WorkFolder::make();
  ASSERT_TRUE(folder);
  ASSERT_TRUE(folder->write("broken.yaml", "log_level: [info\nonce: }\n"));
  for (const char* program : {"leadline-sidecar", "leadline-adapter"}) {
    const ProgramRun run = run_program(program, {"--config", folder->file("broken.yaml")});
    EXPECT_EQ(run.exit_code, 2) << program;
    EXPECT_EQ(lines_with(run.output, {"broken.yaml", "line 2"}), 1) << run.output;
  }
}

TEST(BadConfigTest, AdapterNamesEveryBadFlag) {
  const ProgramRun run = run_program(
      "leadline-adapter", {"--min-coverage", "7", "--api-listen-port", "-1", "--max-age-ms", "10",
                           "--slo", "{ttft_ms: -5}", "--metrics", "[{name: a, window: 7}]"});
  EXPECT_EQ(run.exit_code, 2);
  expect_lines(run.output, {
                               {"min_coverage = 7", "flag --min-coverage", "must be in [0.01, 1]"},
                               {"api_listen_port = -1", "must be in [0, 65535]"},
                               {"max_age_ms = 10", "must be in [1000, 60000] ms"},
                               {"slo", "ttft_ms", "-5", "(0, 3600000] ms"},
                               {"metrics", "[0]", "signal or metric"},
                           });
}

TEST(BadConfigTest, UnknownSignalsAreNamedAllTogether) {
  const auto folder = WorkFolder::make();
  ASSERT_TRUE(folder);
  ASSERT_TRUE(folder->write("token", "secret\n"));
  const std::string aliases =
      "[{name: nv_queue, signal: queue_depht}, {name: a/b, signal: queue_depth}, "
      "{name: c, signal: queue_depth, window: 20s}]";
  const ProgramRun run =
      run_program("leadline-adapter",
                  {"--token-file", folder->file("token"), "--pods-file", folder->file("pods.json"),
                   "--metrics", aliases, "--hidden-metrics", "[no_such_metric]"});
  EXPECT_EQ(run.exit_code, 2);
  expect_lines(run.output, {
                               {"metrics[0]", "\"queue_depht\""},
                               {"metrics[1]", "\"a/b\"", "without '/'"},
                               {"metrics[2]", "\"20s\"", "must be 15s, 60s or 300s"},
                               {"hidden_metrics[0]", "\"no_such_metric\""},
                           });
}

TEST(BadConfigTest, AdapterWithoutItsPodsFileSaysSo) {
  const auto folder = WorkFolder::make();
  ASSERT_TRUE(folder);
  ASSERT_TRUE(folder->write("token", "secret\n"));
  const ProgramRun run =
      run_program("leadline-adapter",
                  {"--token-file", folder->file("token"), "--pods-file", folder->file("none"),
                   "--api-listen-port", "0", "--metrics-listen-port", "0"});
  EXPECT_EQ(run.exit_code, 5);
  EXPECT_EQ(lines_with(run.output, {"critical", folder->file("none")}), 1) << run.output;
}

// --- An engine that is not there.

TEST(UnreachableEngineTest, OnceSaysWhatWasTriedAndExitsThree) {
  const std::string nowhere = "http://127.254.254.254:9";
  const ProgramRun table = run_program("leadline-sidecar", {"--engine", nowhere, "--once"});
  EXPECT_EQ(table.exit_code, 3);
  EXPECT_EQ(lines_with(table.output, {"leadline-sidecar: no engine answers", nowhere, "refused"}),
            1)
      << table.output;
  const ProgramRun script =
      run_program("leadline-sidecar", {"--engine", nowhere, "--once", "--output", "json"});
  EXPECT_EQ(script.exit_code, 3);
  EXPECT_EQ(lines_with(script.output, {"\"result\": \"refused\""}), 1) << script.output;
}

TEST(UnreachableEngineTest, DaemonSearchesOnAndFindsItWhenItComes) {
  Rig rig;
  Rig::Pod& pod = rig.add_pod({.name = "pod-1", .with_engine = false});
  rig.start_adapter();
  const auto page = [&] { return Rig::fetch(pod.address, Rig::kSidecarPort, "/metrics"); };
  EXPECT_TRUE(Rig::eventually(
      [&] { return sample_of(page(), "leadline_searches_total").value_or(0) >= 3; }));
  EXPECT_EQ(sample_of(page(), "leadline_engine_state{state=\"searching\"}"), 1);
  EXPECT_EQ(lines_with(rig.log_of("pod-1-sidecar"), {"no engine found yet", "result=refused"}), 1);
  const Answer answer = read_api_answer(rig.ask(rig.workload_path("queue_depth")));
  EXPECT_EQ(answer.status, 404);
  EXPECT_NE(answer.message.find("no engine: pod-1"), std::string::npos) << answer.message;

  rig.start_engine(pod);
  Rig::mark(pod, {{"waiting", 5}, {"running", 1}});
  EXPECT_TRUE(Rig::eventually([&] { return rig.value_of(rig.workload_path("queue_depth")) == 5; }));
  EXPECT_EQ(lines_with(rig.log_of("pod-1-sidecar"), {"engine found engine=vllm"}), 1);
}

// --- Pages.

class BadPageTest : public testing::Test {
 protected:
  static constexpr int kTruth = 123;

  void SetUp() override {
    for (const char* name : {"bad", "good"}) {
      Rig::mark(rig_.add_pod({.name = name}), {{"waiting", kTruth}, {"running", 1}});
    }
    bad_ = &rig_.pod("bad");
    rig_.start_adapter();
    ASSERT_TRUE(
        Rig::eventually([&] { return value_of("bad") == kTruth && value_of("good") == kTruth; }));
    good_log_ = rig_.log_of("good-sidecar");
    observer_.ask("good", pod_path("good"));
    observer_.ask("bad", pod_path("bad"));
    observer_.begin();
  }

  // Whatever the bad pod did: the good one was served throughout, and no wrong value ever was.
  void TearDown() override {
    observer_.end();
    for (const Answer& answer : observer_.answers()) {
      if (answer.status == 0) continue;
      for (const Item& item : answer.items) EXPECT_EQ(item.value, kTruth) << answer.source;
      if (answer.source != "good") continue;
      EXPECT_EQ(answer.items.size(), 1U) << answer.status << answer.message;
      if (HasFailure()) return;
    }
    EXPECT_EQ(rig_.log_of("good-sidecar"), good_log_) << "the good one has nothing to say";
  }

  static std::string pod_path(const std::string& name) {
    return "/apis/custom.metrics.k8s.io/v1beta2/namespaces/demo/pods/" + name + "/queue_depth";
  }
  std::optional<double> value_of(const std::string& name) { return rig_.value_of(pod_path(name)); }
  double said(const std::string& series) {
    return sample_of(Rig::fetch(bad_->address, Rig::kSidecarPort, "/metrics"), series).value_or(0);
  }
  int logged(const std::vector<std::string>& parts) {
    return lines_with(rig_.log_of("bad-sidecar"), parts);
  }
  std::string log() { return rig_.log_of("bad-sidecar"); }

  // Sets the fault, sees it counted as `result` and logged once more, in `words`; lifts it, and
  // sees that said too.
  void expect_refused(const json& fault, const json& healed, const std::string& result,
                      const std::string& words) {
    SCOPED_TRACE(fault.dump());
    const std::string counter = "leadline_scrapes_total{result=\"" + result + "\"}";
    const double counted = said(counter);
    const int lines = logged({"warning", "result=" + result, words});
    const int healings = logged({"scrapes succeed again"});
    Rig::set_faults(*bad_, fault);
    EXPECT_TRUE(Rig::eventually([&] { return said(counter) >= counted + 2; })) << log();
    EXPECT_EQ(logged({"warning", "result=" + result, words}), lines + 1) << log();
    Rig::set_faults(*bad_, healed);
    EXPECT_TRUE(Rig::eventually([&] { return logged({"scrapes succeed again"}) == healings + 1; }))
        << log();
    EXPECT_TRUE(Rig::eventually([&] { return value_of("bad") == kTruth; }));
  }

  // Where in the engine's page the number behind `family` begins.
  std::size_t place_of_number(const std::string& family) {
    const std::string page = Rig::fetch(bad_->address, Rig::kEnginePort, "/metrics");
    return page.find("} ", page.find("\n" + family + "{")) + 2;
  }

  Rig rig_;
  Rig::Pod* bad_ = nullptr;
  std::string good_log_;
  Observer observer_{rig_};
};

TEST_F(BadPageTest, EachIsSaidCountedAndHealed) {
  const auto f = [this](const json& fault, const json& healed, const char* result,
                        const char* words) { expect_refused(fault, healed, result, words); };
  f({{"page_bytes", 22'000'000}}, {{"page_bytes", 0}}, "too_large", "over the limit of 16777216");
  f({{"cut_page", 4000}}, {{"cut_page", 0}}, "reset", "closed before the answer's end");
  f({{"garbage_page", true}}, {{"garbage_page", false}}, "bad_page", "no exposition");
  f({{"page_status", 500}}, {{"page_status", 0}}, "bad_status", "HTTP 500");
  f({{"become", "other"}}, {{"become", "vllm"}}, "bad_page",
    "no engine's families; the first is other_engine_");
}

TEST_F(BadPageTest, HugeLabelCostsItsOwnLineOnly) {
  Rig::set_faults(*bad_, {{"huge_label_bytes", 1'000'000}});
  EXPECT_TRUE(Rig::eventually([&] { return said("leadline_bad_lines_total") >= 2; }));
  EXPECT_EQ(value_of("bad"), kTruth);
  Rig::set_faults(*bad_, {{"huge_label_bytes", 0}});
  EXPECT_TRUE(Rig::eventually([&] { return logged({"info unreadable lines", "lines=0"}) == 1; }))
      << log();
  EXPECT_EQ(logged({"warning unreadable lines in the engine's page", "lines=1"}), 1) << log();
  EXPECT_EQ(value_of("bad"), kTruth);
}

TEST_F(BadPageTest, WrongContentTypeIsReadForWhatItIs) {
  const double scrapes = said("leadline_scrapes_total{result=\"ok\"}");
  Rig::set_faults(*bad_, {{"content_type", "text/html"}});
  EXPECT_TRUE(Rig::eventually(
      [&] { return said("leadline_scrapes_total{result=\"ok\"}") >= scrapes + 4; }));
  EXPECT_EQ(value_of("bad"), kTruth);
  EXPECT_EQ(logged({"scrape failed"}), 0) << log();
  EXPECT_EQ(logged({"by its content, not by its type", "text/html"}), 1) << log();
  EXPECT_GE(said("leadline_odd_content_types_total"), 3);  // one may have been under way before
}

// What is whole is read; what the page lost is absent, said, and never 0.
TEST_F(BadPageTest, TruncatedPageLosesOnlyWhatItLost) {
  Rig::set_faults(*bad_, {{"truncate_page", place_of_number("vllm:num_requests_waiting") - 3}});
  EXPECT_TRUE(Rig::eventually([&] {
    return logged({"warning dialect drift changed", "queue_depth"}) == 1;
  })) << log();
  EXPECT_EQ(logged({"warning unreadable lines in the engine's page", "lines=1"}), 1) << log();
  EXPECT_EQ(said("leadline_dialect_drift{signal=\"queue_depth\"}"), 1);
  EXPECT_TRUE(Rig::eventually([&] { return !value_of("bad"); }));
  EXPECT_EQ(rig_.value_of(
                "/apis/custom.metrics.k8s.io/v1beta2/namespaces/demo/pods/bad/running_requests"),
            1);
  Rig::set_faults(*bad_, {{"truncate_page", 0}});
  EXPECT_TRUE(Rig::eventually([&] { return value_of("bad") == kTruth; }));
  EXPECT_TRUE(Rig::eventually([&] {
    return logged({"info dialect drift changed", "missing="}) == 1;
  })) << log();
}

// The connection ends inside `123.0`: what came, 12, would be a number too, and a lie.
TEST_F(BadPageTest, CutNumberIsNoNumber) {
  const std::size_t inside = place_of_number("vllm:num_requests_waiting") + 2;
  expect_refused({{"cut_page", inside}}, {{"cut_page", 0}}, "reset",
                 "closed before the answer's end");
}

// --- Another engine at the same place.

// Serves whatever page it is given, at the place of a pod's engine.
class PageServer {
 public:
  PageServer(const std::string& address, int port, std::string page) : page_(std::move(page)) {
    server_.Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
      const std::lock_guard lock(mutex_);
      response.set_content(page_, "text/plain; version=0.0.4");
    });
    if (!server_.bind_to_port(address, port))
      throw std::runtime_error("cannot listen at " + address);
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  ~PageServer() {
    // A stop before the listener runs would be lost.
    EXPECT_TRUE(Rig::eventually([this] { return server_.is_running(); }));
    server_.stop();
    thread_.join();
  }
  PageServer(const PageServer&) = delete;
  PageServer& operator=(const PageServer&) = delete;

  void show(std::string page) {
    const std::lock_guard lock(mutex_);
    page_ = std::move(page);
  }

 private:
  std::mutex mutex_;
  std::string page_;
  httplib::Server server_;
  std::thread thread_;
};

std::string recorded(const std::string& name) {
  return text_of(LEADLINE_SOURCE_DIR "/tests/data/expositions/" + name);
}

TEST(EngineChangeTest, AnotherEnginesPageDropsEverythingKnownOfTheOld) {
  Rig rig;
  Rig::Pod& good = rig.add_pod({.name = "good"});
  Rig::mark(good, {{"waiting", 1}, {"running", 9}});
  Rig::Pod& pod = rig.add_pod({.name = "changing", .with_engine = false});
  const std::string vllm = recorded("vllm-0.10.2-v1.prom");
  const std::string sglang = recorded("sglang-0.4.9.prom");
  ASSERT_FALSE(vllm.empty());
  ASSERT_FALSE(sglang.empty());
  PageServer server(pod.address, Rig::kEnginePort, vllm);
  rig.start_adapter();
  const auto of = [&](const char* name) {
    return read_api_answer(rig.ask(rig.pods_path("running_requests"))).of(name);
  };
  ASSERT_TRUE(Rig::eventually([&] { return of("changing") && of("good"); }));
  const double vllm_runs = of("changing")->value;

  const SteadyTime changed = system_now().steady;
  server.show(sglang);
  constexpr double kSglangRuns = 21;  // on that page
  ASSERT_NE(vllm_runs, kSglangRuns);
  EXPECT_TRUE(Rig::eventually([&] {
    return of("changing") && of("changing")->value == kSglangRuns;
  })) << rig.log_of("changing-sidecar");
  // At once, not when the old values grow too old: within the 5 s of max_age.
  EXPECT_LT(system_now().steady - changed, std::chrono::milliseconds{4500});
  const auto log = [&] { return rig.log_of("changing-sidecar"); };
  EXPECT_EQ(lines_with(log(), {"another engine answers", "was=vllm now=sglang"}), 1) << log();
  EXPECT_EQ(sample_of(Rig::fetch(pod.address, Rig::kSidecarPort, "/metrics"),
                      "leadline_engine_changes_total"),
            1);
  ASSERT_TRUE(of("good"));
  EXPECT_EQ(of("good")->value, 9);

  server.show(vllm);
  EXPECT_TRUE(Rig::eventually([&] { return of("changing") && of("changing")->value == vllm_runs; }))
      << log();
}

// --- Pods.

TEST(BadPodsFileTest, DuplicatesAreRefusedAsAWholeAndTheLastGoodListStays) {
  Rig rig;
  for (const char* name : {"pod-1", "pod-2"}) {
    Rig::mark(rig.add_pod({.name = name}), {{"waiting", 10}, {"running", 1}});
  }
  rig.start_adapter();
  const auto sum = [&] { return rig.value_of(rig.workload_path("queue_depth")); };
  ASSERT_TRUE(Rig::eventually([&] { return sum() == 20; }));
  const std::string good = text_of(rig.pods_file());
  json doubled = json::parse(good);
  doubled["pods"].push_back(doubled["pods"][0]);
  doubled["pods"][1]["port"] = 123456;

  ASSERT_TRUE(rig.folder().write("pods.json", doubled.dump()));
  const auto refused = [&] {
    return sample_of(rig.self_metrics(), "leadline_adapter_pod_lists_total{result=\"refused\"}")
        .value_or(0);
  };
  EXPECT_TRUE(Rig::eventually([&] { return refused() >= 1; }));
  for (int round = 0; round < 20; ++round) EXPECT_EQ(sum(), 20);
  expect_lines(rig.adapter_log(), {
                                      {"error", "pods file refused, the last good list stays",
                                       "pods[2]", "namespace and name demo/pod-1", "pods[0]"},
                                      {"error", "pods file refused", "pods[2]", "uid uid-pod-1"},
                                      {"error", "pods file refused", "pods[2]", "has the address"},
                                      {"error", "pods file refused", "pods[1].port", "123456"},
                                  });

  // The same mistake written again is counted, and not said again.
  ASSERT_TRUE(rig.folder().write("pods.json", doubled.dump()));
  EXPECT_TRUE(Rig::eventually([&] { return refused() >= 2; }));
  EXPECT_EQ(lines_with(rig.adapter_log(), {"has the address"}), 1);
  EXPECT_EQ(sum(), 20);
  ASSERT_TRUE(rig.folder().write("pods.json", good));
  EXPECT_TRUE(Rig::eventually(
      [&] { return lines_with(rig.adapter_log(), {"pods file is good again"}) == 1; }));
  EXPECT_EQ(sum(), 20);
}

TEST(WrongPodTest, SnapshotOfAnotherPodIsRefused) {
  Rig rig;
  Rig::mark(rig.add_pod({.name = "good"}), {{"waiting", 10}, {"running", 1}});
  Rig::Pod& wrong = rig.add_pod({.name = "wrong", .told_name = "somebody-else"});
  Rig::mark(wrong, {{"waiting", 99}, {"running", 1}});
  rig.start_adapter();
  const auto pods = [&] { return read_api_answer(rig.ask(rig.pods_path("queue_depth"))); };
  EXPECT_TRUE(Rig::eventually([&] {
    return sample_of(rig.self_metrics(), "leadline_adapter_pods{state=\"mismatch\"}") == 1;
  }));
  EXPECT_TRUE(Rig::eventually([&] { return pods().of("good").has_value(); }));
  for (int round = 0; round < 20; ++round) {
    EXPECT_FALSE(pods().of("wrong"));
    EXPECT_FALSE(pods().of("somebody-else"));
  }
  EXPECT_EQ(lines_with(rig.adapter_log(), {"sidecar poll failed reason=mismatch", "pod=demo/wrong",
                                           "is of pod demo/somebody-else"}),
            1)
      << rig.adapter_log();
  const auto failures =
      sample_of(rig.self_metrics(), "leadline_adapter_poll_failures_total{reason=\"mismatch\"}");
  EXPECT_GE(failures.value_or(0), 1);

  wrong.options.told_name.clear();
  wrong.sidecar.send_signal(SIGKILL);
  EXPECT_TRUE(Rig::eventually([&] { return !wrong.sidecar.running(); }));
  rig.start_sidecar(wrong);
  EXPECT_TRUE(
      Rig::eventually([&] { return pods().of("wrong") && pods().of("wrong")->value == 99; }));
  EXPECT_EQ(rig.value_of(rig.workload_path("queue_depth")), 109);
}

}  // namespace
}  // namespace leadline
