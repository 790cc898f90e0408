// What a workload's value is while pods come, go, start, die and restart: real binaries, held
// against an oracle that asks each stand-in engine for the truth (`/sim/state`). A value may be
// absent, and a sum may be scaled up for pods that cannot tell, as its coverage says; it may never
// be another number.

#include <signal.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/load.h"
#include "tests/process/observer.h"
#include "tests/process/rig.h"

namespace leadline {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kMaxAge{5};
constexpr milliseconds kRounding{200};  // ages travel in milliseconds; see staleness_test.cpp

class AggregationTest : public testing::Test {
 protected:
  // A pod whose engine says that `waiting` requests wait and one runs; 0: it is as idle as it is.
  Rig::Pod& add(PodOptions options, int waiting) {
    Rig::Pod& pod = rig_.add_pod(std::move(options));
    if (waiting > 0) Rig::mark(pod, {{"waiting", waiting}, {"running", 1}});
    return pod;
  }

  // What the engines say now, marks included.
  static double truth_of(const std::vector<const Rig::Pod*>& pods) {
    double sum = 0;
    for (const Rig::Pod* pod : pods) {
      const json state = Rig::truth(*pod);
      const json& mark = state["marks"]["waiting"];
      sum += mark.is_null() ? state["waiting"].get<double>() : mark.get<double>();
    }
    return sum;
  }

  Answer ask(const std::string& path) { return read_api_answer(rig_.ask(path)); }
  std::optional<Item> workload(const std::string& metric, const std::string& window = "") {
    return ask(rig_.workload_path(metric, window)).of("");
  }
  std::optional<double> sum() { return rig_.value_of(rig_.workload_path("queue_depth")); }
  std::optional<double> coverage() {
    const auto item = ask(rig_.external_path("queue_depth", "workload%3Dllm")).of("");
    return item ? item->coverage : std::nullopt;
  }

  void expect_soon(double want) {
    EXPECT_TRUE(Rig::eventually([&] { return sum() == want; }))
        << "want " << want << ", have " << sum().value_or(-1) << "\n"
        << ask(rig_.workload_path("queue_depth")).message << "\n"
        << rig_.adapter_log();
  }

  // Whether the pods' own values have one of this pod.
  bool serves(const std::string& pod) {
    return ask(rig_.pods_path("queue_depth")).of(pod).has_value();
  }

  void begin_watching() {
    observer_.ask("object", rig_.workload_path("queue_depth"));
    observer_.ask("external", rig_.external_path("queue_depth", "workload%3Dllm"));
    observer_.begin();
  }

  // Every answer that was seen is one of these sums; returns those that occurred.
  std::set<double> end_watching(const std::set<double>& allowed) {
    EXPECT_TRUE(Rig::eventually([&] { return observer_.count() >= 10; }));
    observer_.end();
    std::set<double> seen;
    for (const Answer& answer : observer_.answers()) {
      if (answer.status == 0) continue;
      EXPECT_TRUE(answer.of("")) << answer.status << answer.message;
      if (!answer.of("")) break;
      seen.insert(answer.of("")->value);
    }
    for (const double value : seen) EXPECT_TRUE(allowed.contains(value)) << value;
    return seen;
  }

  Rig rig_;
  Observer observer_{rig_};
};

TEST_F(AggregationTest, NewPodBesideALoadedOneNeitherDoublesNorHalves) {
  const Rig::Pod& loaded = add({.name = "pod-1"}, 50);
  rig_.start_adapter();
  expect_soon(50);
  begin_watching();
  // Ready before its engine is: what a readiness probe on another container does.
  const Rig::Pod& fresh =
      add({.name = "pod-2", .engine_arguments = {"--startup-delay-ms", "2000"}}, 0);
  EXPECT_TRUE(Rig::eventually([&] { return serves("pod-2"); }));
  expect_soon(truth_of({&loaded, &fresh}));
  end_watching({50});

  Rig::mark(fresh, {{"waiting", 7}, {"running", 1}});
  expect_soon(truth_of({&loaded, &fresh}));
  EXPECT_EQ(coverage(), 1);
}

TEST_F(AggregationTest, OneOfTwoSidecarsDeadIsScaledUpAndSaysSo) {
  const Rig::Pod& left = add({.name = "pod-1"}, 30);
  Rig::Pod& dead = add({.name = "pod-2"}, 50);
  rig_.start_adapter();
  expect_soon(truth_of({&left, &dead}));
  begin_watching();
  dead.sidecar.send_signal(SIGKILL);
  const SteadyTime died = system_now().steady;
  expect_soon(60);  // 30 / 0.5
  EXPECT_EQ(coverage(), 0.5);
  const auto wait_for_all = died + kMaxAge + kRounding;
  EXPECT_TRUE(Rig::eventually([&] { return system_now().steady > wait_for_all; }));
  rig_.start_sidecar(dead);
  expect_soon(truth_of({&left, &dead}));
  EXPECT_EQ(end_watching({80, 60}), (std::set<double>{80, 60}));
}

TEST_F(AggregationTest, PodWithoutASidecarCountsAsMissingAndNotAsIdle) {
  const Rig::Pod& told = add({.name = "pod-1"}, 30);
  add({.name = "pod-2", .with_sidecar = false}, 50);
  Rig::Pod& third = add({.name = "pod-3", .with_engine = false, .with_sidecar = false}, 0);
  rig_.start_adapter();
  const std::string why = "coverage 1/3 below 0.5; no sidecar: pod-2, pod-3";
  EXPECT_TRUE(Rig::eventually([&] {
    return ask(rig_.workload_path("queue_depth")).message.find(why) != std::string::npos;
  })) << ask(rig_.workload_path("queue_depth")).message;
  EXPECT_EQ(sample_of(rig_.self_metrics(), "leadline_adapter_pods{state=\"no_sidecar\"}"), 2);

  third.options.deleting = true;
  rig_.write_pods_file();
  expect_soon(truth_of({&told}) / 0.5);
  EXPECT_EQ(coverage(), 0.5);
}

TEST_F(AggregationTest, OverloadedUnreadyPodsQueueIsWork) {
  const Rig::Pod& ready = add({.name = "pod-1"}, 30);
  Rig::Pod& unready = add({.name = "pod-2", .ready = false}, 500);
  rig_.start_adapter();
  expect_soon(truth_of({&ready, &unready}));
  EXPECT_EQ(coverage(), 1);
  EXPECT_TRUE(serves("pod-2"));

  // Ready again: the same work, neither twice nor scaled.
  begin_watching();
  unready.options.ready = true;
  rig_.write_pods_file();
  EXPECT_TRUE(
      Rig::eventually([&] { return lines_with(rig_.adapter_log(), {"pods file read"}) >= 2; }));
  expect_soon(530);
  end_watching({530});

  // Unready and idle: its zero is no answer.
  unready.options.ready = false;
  rig_.write_pods_file();
  Rig::mark(unready, {{"waiting", 0}, {"running", 0}});
  expect_soon(30);
  EXPECT_TRUE(Rig::eventually([&] { return !serves("pod-2"); }));
  EXPECT_EQ(coverage(), 1);
}

TEST_F(AggregationTest, EightLoadingPodsChangeNothing) {
  const Rig::Pod& loaded = add({.name = "pod-0"}, 40);
  rig_.start_adapter();
  expect_soon(40);
  begin_watching();
  std::vector<Rig::Pod*> loading;
  for (int i = 1; i <= 8; ++i) {
    loading.push_back(&add({.name = "pod-" + std::to_string(i),
                            .ready = false,
                            .engine_arguments = {"--startup-delay-ms", "2000"}},
                           0));
  }
  const auto fresh = [&] {
    return sample_of(rig_.self_metrics(), "leadline_adapter_pods{state=\"fresh\"}").value_or(0);
  };
  EXPECT_TRUE(Rig::eventually([&] { return fresh() == 9; }, seconds{60}));
  EXPECT_TRUE(Rig::eventually(
      [&] {
        return std::all_of(loading.begin(), loading.end(), [](const Rig::Pod* pod) {
          const std::string page = Rig::fetch(pod->address, Rig::kSidecarPort, "/metrics");
          return sample_of(page, "leadline_engine_up") == 1;
        });
      },
      seconds{60}));
  for (Rig::Pod* pod : loading) pod->options.ready = true;
  rig_.write_pods_file();
  EXPECT_TRUE(
      Rig::eventually([&] { return ask(rig_.pods_path("queue_depth")).items.size() == 9; }));
  expect_soon(truth_of({&loaded}));
  EXPECT_EQ(coverage(), 1);
  end_watching({40});
}

TEST_F(AggregationTest, TerminatingPodLeavesEveryAnswerAtOnce) {
  const Rig::Pod& stays = add({.name = "pod-1"}, 30);
  Rig::Pod& leaves = add({.name = "pod-2"}, 50);
  rig_.start_adapter();
  expect_soon(truth_of({&stays, &leaves}));
  begin_watching();
  leaves.options.deleting = true;
  rig_.write_pods_file();
  expect_soon(truth_of({&stays}));
  EXPECT_EQ(coverage(), 1);
  EXPECT_EQ(end_watching({80, 30}), (std::set<double>{80, 30}));
  const Answer pods = ask(rig_.pods_path("queue_depth"));
  EXPECT_EQ(pods.items.size(), 1U);
  EXPECT_TRUE(pods.of("pod-1"));
}

TEST_F(AggregationTest, RestartedAdapterIsRightAsSoonAsItIsReady) {
  std::vector<const Rig::Pod*> pods;
  for (const int number : {1, 2, 3})
    pods.push_back(&add({.name = "pod-" + std::to_string(number)}, 20));
  rig_.start_adapter();
  expect_soon(truth_of(pods));
  const auto ready = [&] { return rig_.adapter_says_ok("/readyz"); };
  EXPECT_TRUE(Rig::eventually(ready));
  const auto rate = [&] {
    return rig_.value_of(rig_.workload_path("inference_requests_per_second", "15s"));
  };
  EXPECT_TRUE(Rig::eventually([&] { return rate().has_value(); })) << "windows too young";
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(round);
    rig_.restart_adapter();
    const SteadyTime listening = system_now().steady;
    // Three pods with 20 each: whoever answers first, the sum is 60, or there is none yet.
    EXPECT_TRUE(Rig::eventually([&] {
      const auto value = sum();
      EXPECT_EQ(value.value_or(60), 60);
      return ready();
    }));
    // After one round of polls, not when it gives up waiting for it.
    EXPECT_LT(system_now().steady - listening, milliseconds{4500});
    const Answer answer = ask(rig_.external_path("queue_depth", "workload%3Dllm"));
    ASSERT_TRUE(answer.of("")) << answer.message;
    EXPECT_EQ(answer.of("")->value, truth_of(pods));
    EXPECT_EQ(answer.of("")->coverage, 1);
  }
  // Windows live in the sidecars: rates are there at once.
  EXPECT_EQ(rate(), 0);
}

// --- Real load.

std::string url_of(const Rig::Pod& pod) {
  return "http://" + pod.address + ":" + std::to_string(Rig::kEnginePort);
}

// `count` requests to one engine, `every` so often.
std::unique_ptr<LoadRunner> load(const Rig::Pod& pod, int count, milliseconds every,
                                 int prompt_tokens) {
  LoadPlan plan;
  for (int i = 0; i < count; ++i) {
    plan.arrivals.push_back(
        {.at = i * every, .prompt_tokens = prompt_tokens, .generation_tokens = 20});
  }
  plan.duration = count * every;
  LoadRunnerOptions options;
  options.urls = {url_of(pod)};
  auto runner = LoadRunner::create(std::move(plan), options);
  if (!runner) throw std::runtime_error(runner.error().message);
  (*runner)->start();
  return std::move(*runner);
}

double total_of(const json& state, const char* name) {
  return state["totals"][name].get<double>();
}

TEST_F(AggregationTest, IdleFleetIsZeroAndBusyOnePoolsItsRequests) {
  const PodOptions fast = {.name = "pod-1", .engine_arguments = {"--speed", "10"}};
  PodOptions slow = fast;
  slow.name = "pod-2";
  slow.engine_arguments = {"--speed", "2"};
  const Rig::Pod& first = add(fast, 0);
  const Rig::Pod& second = add(slow, 0);
  rig_.start_adapter();
  // Two scrapes a second apart before the first request: nothing of it is missed.
  const auto rate = [&] { return workload("inference_requests_per_second", "15s"); };
  EXPECT_TRUE(Rig::eventually([&] { return rate() && rate()->value == 0; }));

  const auto many = load(first, 40, milliseconds{25}, 100);
  const auto few = load(second, 4, milliseconds{200}, 2000);
  EXPECT_TRUE(many->wait_finished(seconds{30}));
  EXPECT_TRUE(few->wait_finished(seconds{30}));
  const json a = Rig::truth(first);
  const json b = Rig::truth(second);
  ASSERT_EQ(total_of(a, "finished_requests"), 40);
  ASSERT_EQ(total_of(b, "finished_requests"), 4);
  // The mean of 44 requests, not of two pods.
  const double pooled = (total_of(a, "ttft_seconds_sum") + total_of(b, "ttft_seconds_sum")) / 44;
  const auto mean = [&] { return workload("ttft_seconds_avg", "300s"); };
  EXPECT_TRUE(Rig::eventually([&] { return mean() && std::abs(mean()->value - pooled) < 0.0015; }))
      << mean().value_or(Item{}).value << " " << pooled;
  EXPECT_GT(rate().value_or(Item{}).value, 0);

  const std::vector<std::string> zeros = {"queue_depth",
                                          "running_requests",
                                          "in_flight_requests",
                                          "inference_requests_per_second",
                                          "generation_tokens_per_second",
                                          "tokens_per_second",
                                          "ttft_seconds_p95",
                                          "ttft_seconds_avg",
                                          "e2e_latency_seconds_p50",
                                          "queue_time_seconds_p99"};
  EXPECT_TRUE(Rig::eventually(
      [&] {
        return std::all_of(zeros.begin(), zeros.end(), [&](const std::string& metric) {
          const auto item = workload(metric, "15s");
          return item && item->value == 0;
        });
      },
      seconds{60}));
  for (const std::string& metric : zeros) {
    EXPECT_EQ(rig_.value_of(rig_.workload_path(metric, "15s")), 0) << metric;
  }
  // Nothing was looked up, so nothing was hit or missed: no 0 and no 100.
  EXPECT_FALSE(workload("prefix_cache_hit_percent", "15s"));
  // The longer window still knows.
  EXPECT_GT(workload("ttft_seconds_avg", "300s").value_or(Item{}).value, 0);
}

// The engine's token count as if it had never restarted, at the moments at which it was asked.
class TokenOracle {
 public:
  void look(const Rig::Pod& pod) {
    const double now = total_of(Rig::truth(pod), "generation_tokens");
    if (!seen_.empty() && now < last_) before_ += last_;
    last_ = now;
    seen_.push_back({system_now().steady, before_ + now});
  }

  // The highest rate over any stretch of a second or more: no window can have seen more.
  [[nodiscard]] double highest_rate() const {
    double highest = 0;
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      for (std::size_t j = i + 1; j < seen_.size(); ++j) {
        const double span = std::chrono::duration<double>(seen_[j].at - seen_[i].at).count();
        if (span >= 1) highest = std::max(highest, (seen_[j].tokens - seen_[i].tokens) / span);
      }
    }
    return highest;
  }

 private:
  struct Seen {
    SteadyTime at;
    double tokens;
  };
  std::vector<Seen> seen_;
  double last_ = 0, before_ = 0;
};

TEST_F(AggregationTest, EngineRestartMakesNoRateNegativeOrHigh) {
  const Rig::Pod& pod = add({.name = "pod-1", .engine_arguments = {"--speed", "4"}}, 0);
  rig_.start_adapter();
  const auto runner = load(pod, 400, milliseconds{20}, 200);
  for (const char* metric : {"generation_tokens_per_second", "inference_requests_per_second",
                             "tokens_per_second", "prompt_tokens_per_second"}) {
    observer_.ask(metric, rig_.workload_path(metric, "15s"));
  }
  observer_.begin();
  TokenOracle oracle;
  int restarts = 0;
  const SteadyTime began = system_now().steady;
  EXPECT_TRUE(Rig::eventually(
      [&] {
        oracle.look(pod);
        const auto age = system_now().steady - began;
        if (restarts < 2 && age > (restarts + 1) * seconds{3}) {
          ++restarts;
          Rig::set_faults(pod, {{"restart", true}});
        }
        return age > seconds{9};
      },
      seconds{60}));
  observer_.end();

  const double highest = oracle.highest_rate();
  EXPECT_GT(highest, 0);
  int seen = 0;
  for (const Answer& answer : observer_.answers()) {
    for (const Item& item : answer.items) {
      EXPECT_GE(item.value, 0) << answer.source;
      if (answer.source != "generation_tokens_per_second") continue;
      seen += item.value > 0 ? 1 : 0;
      // The oracle looks twenty times a second, so that it may miss the edges of the busiest
      // second.
      EXPECT_LE(item.value, highest * 1.25);
    }
  }
  EXPECT_GT(seen, 10);
  const std::string page = Rig::fetch(pod.address, Rig::kSidecarPort, "/metrics");
  EXPECT_EQ(sample_of(page, "leadline_engine_restarts_total"), 2);
  EXPECT_EQ(lines_with(rig_.log_of("pod-1-sidecar"), {"engine restarted engine=vllm"}), 2);
}

}  // namespace
}  // namespace leadline
