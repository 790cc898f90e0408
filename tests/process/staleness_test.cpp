// What is served while engines, sidecars and clocks fail: real binaries, and an observer that asks
// every kind of answer ten times a second across each fault and back.

#include <signal.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/process/observer.h"
#include "tests/process/rig.h"
#include "tests/process/stalling_proxy.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kMaxAge{5};  // max(5 s, 4 x 250 ms)
// Ages travel in whole milliseconds, and whether a value is too old is decided when it is asked
// for: a loaded machine makes the asker late, never the answer young. So this needs no room for
// load.
constexpr milliseconds kRounding{200};
// Timestamps are whole seconds, rounded down.
constexpr seconds kWholeSecond{1};
// "Right again within 2 intervals" of 250 ms, and ten times that for a loaded machine.
constexpr milliseconds kHealed{2 * 250 * 10};

// No sum of some of them, scaled up for the rest, is the sum of others.
const std::map<std::string, int> kMarks = {
    {"pod-1", 11}, {"pod-2", 23}, {"pod-3", 37}, {"pod-4", 53}};

std::vector<std::string> pod_names() {
  std::vector<std::string> names;
  for (const auto& [name, mark] : kMarks) names.push_back(name);
  return names;
}

struct Fault {
  Instant at{};  // from here on nothing good can have been sampled
  SteadyTime healed = SteadyTime::max();
};
using Faults = std::map<std::string, Fault>;  // by pod

// The workload's sum without some pods, as it must be scaled; nullopt below the least coverage.
std::optional<double> sum_without(const std::set<std::string>& missing) {
  double sum = 0;
  for (const auto& [name, mark] : kMarks) sum += missing.contains(name) ? 0 : mark;
  const double coverage =
      1 - static_cast<double>(missing.size()) / static_cast<double>(kMarks.size());
  return coverage < 0.5 ? std::nullopt : std::optional(sum / coverage);
}

bool is_about(double value, double want) {
  return std::abs(value - want) < 0.002;
}

// Which of the failed pods a workload's value leaves out; nullopt: it is no value at all.
std::optional<std::set<std::string>> missing_in(const Item& item, const Faults& faults) {
  std::vector<std::string> failed;
  for (const auto& [name, fault] : faults) failed.push_back(name);
  for (unsigned bits = 0; bits < (1U << failed.size()); ++bits) {
    std::set<std::string> missing;
    for (std::size_t i = 0; i < failed.size(); ++i) {
      if ((bits >> i & 1U) != 0) missing.insert(failed[i]);
    }
    const auto want = sum_without(missing);
    if (want && is_about(item.value, *want)) return missing;
  }
  return std::nullopt;
}

// Holds every answer of an observer against what is true of the four pods.
class Judge {
 public:
  explicit Judge(Faults faults) : faults_(std::move(faults)) {}

  void judge(const Answer& answer) {
    SCOPED_TRACE(answer.source);
    if (answer.status != 0) ++answers_[answer.source];
    for (const Item& item : answer.items) {
      if (answer.source == "latency") ADD_FAILURE() << "no request ended, and yet " << item.value;
      item.pod.empty() ? judge_workload(answer, item) : judge_pod(answer, item);
      EXPECT_NE(item.value, 0) << "a zero that is not true";
      if (!item.sampled) continue;
      EXPECT_LE(answer.asked.wall - *item.sampled, kMaxAge + kWholeSecond + kRounding);
      EXPECT_LE(*item.sampled, answer.answered.wall);
    }
    judge_undisturbed(answer);
  }

  void judge_all(const Observer& observer) {
    for (const Answer& answer : observer.answers()) {
      judge(answer);
      if (testing::Test::HasFailure()) return;  // one lie tells as much as a thousand
    }
    // Ten a second over more than five seconds; a tenth of that where the machine is busy.
    for (const auto& [source, count] : answers_) {
      if (of_failed(source)) continue;
      EXPECT_GE(count, 5) << source;
    }
    EXPECT_GE(answers_.size(), 15U) << "every kind of answer was asked for";
  }

 private:
  [[nodiscard]] bool of_failed(const std::string& source) const {
    return std::any_of(faults_.begin(), faults_.end(),
                       [&](const auto& fault) { return source.ends_with("of " + fault.first); });
  }

  void judge_pod(const Answer& answer, const Item& item) {
    SCOPED_TRACE(item.pod);
    const auto mark = kMarks.find(item.pod);
    ASSERT_NE(mark, kMarks.end());
    EXPECT_EQ(item.value, mark->second);
    if (faults_.contains(item.pod)) judge_failed(item.pod, answer, item);
  }

  void judge_workload(const Answer& answer, const Item& item) {
    const auto missing = missing_in(item, faults_);
    ASSERT_TRUE(missing) << item.value << " is the sum of no pods";
    if (item.coverage) {
      EXPECT_EQ(*item.coverage, 1 - static_cast<double>(missing->size()) / 4);
    }
    for (const auto& [name, fault] : faults_) {
      if (!missing->contains(name)) judge_failed(name, answer, item);
    }
  }

  // A value that rests on a pod that has failed: it was sampled before, and is not too old.
  void judge_failed(const std::string& name, const Answer& answer, const Item& item) {
    SCOPED_TRACE("counts " + name);
    const Fault& fault = faults_.at(name);
    if (answer.asked.steady < fault.at.steady || answer.answered.steady >= fault.healed) return;
    EXPECT_LE(answer.asked.steady - fault.at.steady, kMaxAge + kRounding) << "served after max_age";
    if (!item.sampled) return;
    EXPECT_LE(*item.sampled, fault.at.wall + milliseconds{20}) << "too young";
  }

  // `status` 0 is the asker's own time running out, no answer of ours.
  void judge_undisturbed(const Answer& answer) const {
    if (answer.status == 0) return;
    for (const auto& [name, mark] : kMarks) {
      if (faults_.contains(name)) continue;
      const bool about_it =
          answer.source.ends_with("of " + name) || answer.source.starts_with("pods");
      if (!about_it) continue;
      EXPECT_TRUE(answer.of(name)) << name << ": " << answer.status << answer.message;
    }
    const bool workload =
        answer.source.starts_with("object") || answer.source.starts_with("external");
    if (workload && faults_.size() <= 2) {
      EXPECT_TRUE(answer.of("")) << answer.status << answer.message;
    }
  }

  Faults faults_;
  std::map<std::string, int> answers_;  // by source
};

class StalenessTest : public testing::Test {
 protected:
  void begin(const std::vector<std::string>& environment_of_first = {}) {
    for (const auto& [name, mark] : kMarks) {
      PodOptions options{.name = name};
      if (name == "pod-1") options.environment = environment_of_first;
      pods_[name] = &rig_.add_pod(options);
    }
    for (const auto& [name, mark] : kMarks) set_mark(name);
    rig_.start_adapter();
    ASSERT_TRUE(Rig::eventually([&] { return sum() == 124; })) << rig_.adapter_log();
    for (const auto& [name, pod] : pods_)
      logged_before_[name] = rig_.log_of(name + "-sidecar").size();
    watch_everything(observer_);
    observer_.begin();
  }

  void watch_everything(Observer& observer) {
    observer.ask_everything("queue_depth", pod_names());
    observer.ask("latency", rig_.workload_path("ttft_seconds_p95"));
    for (const auto& [name, pod] : pods_) observer.watch(*pod);
  }

  Rig::Pod& pod(const std::string& name) { return *pods_.at(name); }
  void set_mark(const std::string& name) {
    Rig::mark(pod(name), {{"waiting", kMarks.at(name)}, {"running", 1}});
  }
  std::optional<double> sum() { return rig_.value_of(rig_.workload_path("queue_depth")); }

  // What a pod's sidecar and the adapter say of themselves.
  std::optional<double> sidecar_says(const std::string& name, const std::string& series) {
    return sample_of(Rig::fetch(pod(name).address, Rig::kSidecarPort, "/metrics"), series);
  }
  std::optional<double> adapter_says(const std::string& series) {
    return sample_of(rig_.self_metrics(), series);
  }

  void fail_now(const std::string& name) { faults_[name] = {.at = system_now()}; }

  void kill_engine(const std::string& name) {
    pod(name).engine.send_signal(SIGKILL);
    ASSERT_TRUE(Rig::eventually([&] { return !pod(name).engine.running(); }));
    fail_now(name);
  }
  void hang_engine(const std::string& name) {
    Rig::set_faults(pod(name), {{"hang", true}});
    fail_now(name);
  }
  void stop_sidecar(const std::string& name) {
    pod(name).sidecar.send_signal(SIGSTOP);
    fail_now(name);
  }

  // Watches on until every fault is older than anything that may be served.
  void outlast_max_age() {
    const SteadyTime until = system_now().steady + kMaxAge + seconds{1};
    ASSERT_TRUE(Rig::eventually([&] { return system_now().steady > until; }, seconds{30}));
  }

  void heal(const std::string& name) { faults_.at(name).healed = system_now().steady; }

  // The mark is back before the new engine shows its page: its zero would be true, but nobody
  // asked.
  void heal_killed(const std::string& name) {
    heal(name);
    pod(name).options.engine_arguments = {"--startup-delay-ms", "1500", "--startup-mode", "503"};
    rig_.start_engine(pod(name));
    set_mark(name);
    ASSERT_TRUE(Rig::eventually(
        [&] { return !Rig::fetch(pod(name).address, Rig::kEnginePort, "/metrics").empty(); }));
  }
  void heal_hung(const std::string& name) {
    heal(name);
    Rig::set_faults(pod(name), {{"hang", false}});
  }
  void heal_stopped(const std::string& name) {
    heal(name);
    pod(name).sidecar.send_signal(SIGCONT);
  }

  void expect_right_again() {
    EXPECT_TRUE(Rig::eventually([&] { return sum() == 124; }, kHealed)) << rig_.adapter_log();
    observer_.end();
    Judge(faults_).judge_all(observer_);
  }

  // Lines of a pod's sidecar since all was well.
  int log_lines(const std::string& name, const std::vector<std::string>& parts) {
    return lines_with(rig_.log_of(name + "-sidecar").substr(logged_before_.at(name)), parts);
  }
  int adapter_lines(const std::vector<std::string>& parts) {
    return lines_with(rig_.adapter_log(), parts);
  }

  Rig rig_;
  std::map<std::string, Rig::Pod*> pods_;
  std::map<std::string, std::size_t> logged_before_;
  Faults faults_;
  Observer observer_{rig_};
};

TEST_F(StalenessTest, KilledEngineIsMissedAndNeverZero) {
  begin();
  kill_engine("pod-2");
  EXPECT_TRUE(Rig::eventually([&] { return is_about(sum().value_or(0), (124 - 23) / 0.75); }));
  outlast_max_age();

  const auto labelled =
      read_api_answer(rig_.ask(rig_.external_path("queue_depth", "workload%3Dllm")));
  ASSERT_TRUE(labelled.of("")) << labelled.message;
  EXPECT_EQ(labelled.of("")->coverage, 0.75);
  EXPECT_EQ(sidecar_says("pod-2", "leadline_engine_up"), 0);
  EXPECT_EQ(sidecar_says("pod-2", "leadline_engine_state{state=\"unreachable\"}"), 1);
  EXPECT_GT(sidecar_says("pod-2", "leadline_scrapes_total{result=\"refused\"}").value_or(0), 0);
  EXPECT_GT(adapter_says("leadline_adapter_partial_coverage_total").value_or(0), 0);
  // `reset` where the kill met a scrape in flight.
  EXPECT_EQ(log_lines("pod-2", {"engine unreachable: its values are dropped",
                                "endpoint=http://" + pod("pod-2").address, "result=re"}),
            1);

  heal_killed("pod-2");
  expect_right_again();
  EXPECT_EQ(log_lines("pod-2", {"scrapes succeed again", "failed="}), 1);
  EXPECT_EQ(log_lines("pod-1", {" "}), 0) << rig_.log_of("pod-1-sidecar");
}

TEST_F(StalenessTest, HungEngineIsServedUpToMaxAgeAndNotLonger) {
  begin();
  hang_engine("pod-3");
  outlast_max_age();

  EXPECT_TRUE(is_about(sum().value_or(0), (124 - 37) / 0.75)) << sum().value_or(-1);
  EXPECT_EQ(sidecar_says("pod-3", "leadline_engine_up"), 0);
  EXPECT_GT(sidecar_says("pod-3", "leadline_scrapes_total{result=\"timeout\"}").value_or(0), 0);
  EXPECT_EQ(log_lines("pod-3", {"scrape failed", "result=timeout"}), 1);
  EXPECT_EQ(log_lines("pod-3", {"engine unreachable: its values are dropped",
                                "err=\"no good scrape for 5000 ms\""}),
            1);

  heal_hung("pod-3");
  expect_right_again();
  EXPECT_EQ(log_lines("pod-3", {"scrapes succeed again"}), 1);
}

TEST_F(StalenessTest, StoppedSidecarIsServedUpToMaxAgeAndNotLonger) {
  begin();
  stop_sidecar("pod-4");
  outlast_max_age();

  EXPECT_TRUE(is_about(sum().value_or(0), (124 - 53) / 0.75)) << sum().value_or(-1);
  EXPECT_EQ(adapter_says("leadline_adapter_pods{state=\"stale\"}"), 1);
  EXPECT_EQ(adapter_says("leadline_adapter_pods{state=\"fresh\"}"), 3);
  EXPECT_GT(adapter_says("leadline_adapter_poll_failures_total{reason=\"timeout\"}").value_or(0),
            0);
  EXPECT_EQ(adapter_lines({"sidecar poll failed reason=timeout", "pod=demo/pod-4"}), 1);

  heal_stopped("pod-4");
  expect_right_again();
  EXPECT_EQ(adapter_lines({"sidecar poll recovered", "pod=demo/pod-4", "failures="}), 1);
  EXPECT_EQ(adapter_lines({"warn"}), 1) << rig_.adapter_log();
}

TEST_F(StalenessTest, TooFewPodsLeftIsAbsentAndSaysWhich) {
  begin();
  kill_engine("pod-2");
  hang_engine("pod-3");
  stop_sidecar("pod-4");
  outlast_max_age();

  const Answer answer = read_api_answer(rig_.ask(rig_.workload_path("queue_depth")));
  EXPECT_EQ(answer.status, 404);
  EXPECT_NE(answer.message.find("coverage 1/4 below 0.5"), std::string::npos) << answer.message;
  for (const char* name : {"pod-2", "pod-3", "pod-4"}) {
    EXPECT_NE(answer.message.find(name), std::string::npos) << answer.message;
  }
  EXPECT_EQ(answer.message.find("pod-1"), std::string::npos) << answer.message;
  EXPECT_GT(adapter_says("leadline_adapter_absent_total{why=\"low_coverage\"}").value_or(0), 0);

  heal_killed("pod-2");
  heal_hung("pod-3");
  heal_stopped("pod-4");
  expect_right_again();
}

// --- Steps of the wall clock.

// LD_PRELOAD and the rest for children that are started while it lives.
class ScopedEnvironment {
 public:
  explicit ScopedEnvironment(const std::vector<std::string>& entries) {
    for (const std::string& entry : entries) {
      const auto equals = entry.find('=');
      names_.push_back(entry.substr(0, equals));
      // NOLINTNEXTLINE(concurrency-mt-unsafe): the test has one thread then.
      ::setenv(names_.back().c_str(), entry.c_str() + equals + 1, 1);
    }
  }
  ~ScopedEnvironment() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the test has one thread then.
    for (const std::string& name : names_) ::unsetenv(name.c_str());
  }
  ScopedEnvironment(const ScopedEnvironment&) = delete;
  ScopedEnvironment& operator=(const ScopedEnvironment&) = delete;

 private:
  std::vector<std::string> names_;
};

class ClockStepTest : public StalenessTest {
 protected:
  // What moves the clock of whoever is started with it.
  std::vector<std::string> moved_by(const std::string& file) {
    return {"LD_PRELOAD=" MOVED_CLOCK_LIBRARY, "MOVED_CLOCK_FILE=" + rig_.folder().file(file)};
  }

  void move_clock(const std::string& file, seconds by) {
    ASSERT_TRUE(rig_.folder().write(file, std::to_string(by.count())));
  }

  void start() {
    move_clock("pod.clock", seconds{0});
    move_clock("adapter.clock", seconds{0});
    const ScopedEnvironment environment(moved_by("adapter.clock"));
    begin(moved_by("pod.clock"));
    observer_.end();
  }

  // Everything is served, right and fresh, by a clock of the adapter's that is `adapter` off.
  void expect_undisturbed(seconds adapter) {
    Observer observer(rig_);
    watch_everything(observer);
    observer.begin();
    const SteadyTime until = system_now().steady + milliseconds{1500};
    EXPECT_TRUE(Rig::eventually([&] { return system_now().steady > until; }));
    observer.end();
    Judge judge({});
    for (Answer answer : observer.answers()) {
      const bool of_sidecar = answer.source.starts_with("sidecar");
      for (Item& item : answer.items) {
        if (item.sampled && !of_sidecar) *item.sampled -= adapter;
      }
      judge.judge(answer);
      if (HasFailure()) return;
    }
  }
};

TEST_F(ClockStepTest, StepsChangeNoValueAndMakeNothingYounger) {
  start();
  for (const seconds step : {seconds{3600}, seconds{-3600}}) {
    SCOPED_TRACE(step.count());
    move_clock("pod.clock", step);
    expect_undisturbed(seconds{0});
    move_clock("adapter.clock", step);
    expect_undisturbed(step);
    move_clock("adapter.clock", seconds{0});
  }
  EXPECT_EQ(adapter_lines({"warn"}), 0) << rig_.adapter_log();
}

TEST_F(ClockStepTest, StepBackDuringAFaultKeepsNothingAlive) {
  start();
  // The log's own time shows that the clock is really moved for the sidecar.
  move_clock("pod.clock", seconds{3600L * 24 * 400});
  Rig::set_faults(pod("pod-1"), {{"page_status", 500}});
  ASSERT_TRUE(Rig::eventually([&] { return log_lines("pod-1", {"result=bad_status"}) == 1; }));
  const std::string log = rig_.log_of("pod-1-sidecar");
  EXPECT_LT(log.substr(0, 10), log.substr(log.rfind('\n', log.size() - 2) + 1, 10));
  Rig::set_faults(pod("pod-1"), {{"page_status", 0}});
  ASSERT_TRUE(Rig::eventually([&] { return log_lines("pod-1", {"succeed again"}) == 1; }));

  stop_sidecar("pod-1");
  move_clock("adapter.clock", seconds{-3600});
  hang_engine("pod-2");
  outlast_max_age();
  EXPECT_FALSE(
      rig_.value_of("/apis/custom.metrics.k8s.io/v1beta2/namespaces/demo/pods/pod-1/queue_depth"));
  EXPECT_TRUE(is_about(sum().value_or(0), (37 + 53) / 0.5)) << sum().value_or(-1);
  move_clock("pod.clock", seconds{-3600});
  heal_stopped("pod-1");
  heal_hung("pod-2");
  EXPECT_TRUE(Rig::eventually([&] { return sum() == 124; }, kHealed)) << rig_.adapter_log();
}

// --- A stalling network.

// Marks a pod with 1, 2, 3 … and remembers until when each was the truth.
class CountingMark {
 public:
  explicit CountingMark(const Rig::Pod& pod) : pod_(pod) {}

  void next() {
    Rig::mark(pod_, {{"waiting", ++count_}, {"running", 1}});
    marked_.push_back(system_now());
  }
  [[nodiscard]] int count() const { return count_; }

  // After this moment nobody can have sampled `value`; nullopt while it is still the truth.
  [[nodiscard]] std::optional<Instant> end_of(double value) const {
    const auto next = static_cast<std::size_t>(value);  // marked_[0] is when 1 was marked
    return next < marked_.size() ? std::optional(marked_[next]) : std::nullopt;
  }

 private:
  const Rig::Pod& pod_;
  int count_ = 0;
  std::vector<Instant> marked_;
};

TEST(StallingNetworkTest, LateBodyMakesNothingLookYounger) {
  Rig rig;
  Rig::Pod& pod = rig.add_pod({.name = "pod-1"});
  const std::string address = pod.address.substr(0, pod.address.rfind('.') + 1) + "200";
  StallingProxy proxy(address, pod.address, Rig::kSidecarPort);
  pod.dialled_address = address;
  rig.write_pods_file();
  CountingMark mark(pod);
  mark.next();
  rig.start_adapter();
  ASSERT_TRUE(Rig::eventually([&] { return rig.value_of(rig.workload_path("queue_depth")) == 1; }));

  constexpr milliseconds kStall{2000};  // less than the 3 s that a poll may take
  proxy.stall(kStall);
  int held_back = 0;
  const auto look = [&] {
    const Instant asked = system_now();
    const Answer answer = read_api_answer(rig.ask(rig.workload_path("queue_depth")));
    const auto item = answer.of("");
    if (!item) return;
    EXPECT_NE(item->value, 0);
    const auto end = mark.end_of(item->value);
    if (end) {
      EXPECT_LE(*item->sampled, end->wall) << item->value;
      EXPECT_LE(asked.steady - end->steady, kMaxAge + kRounding) << item->value;
    }
    // What came while bodies lay about is at least as old as they lay.
    if (item->value <= 2) return;
    ++held_back;
    EXPECT_GE(asked.wall - *item->sampled, kStall) << item->value;
  };
  EXPECT_TRUE(Rig::eventually(
      [&] {
        mark.next();
        look();
        return proxy.stalled() >= 3 && held_back >= 10;
      },
      seconds{60}))
      << proxy.stalled() << " " << held_back;

  // Bodies that come after all patience: as good as none.
  proxy.stall(seconds{30});
  EXPECT_TRUE(Rig::eventually([&] {
    mark.next();
    look();
    const bool said =
        lines_with(rig.adapter_log(), {"poll failed reason=timeout", "pod=demo/pod-1"}) == 1;
    return said && !rig.value_of(rig.workload_path("queue_depth"));
  })) << rig.adapter_log();
  proxy.stall(milliseconds{0});
  EXPECT_TRUE(Rig::eventually(
      [&] { return rig.value_of(rig.workload_path("queue_depth")) == mark.count(); }));
}

}  // namespace
}  // namespace leadline
