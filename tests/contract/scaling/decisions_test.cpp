// engine/scaling decides what Kubernetes' own controller decides, situation by situation, in number
// and word.

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/scaling/hpa.h"
#include "tests/contract/scaling/recorded_situation.h"

namespace leadline {
namespace {

constexpr const char* kRecording = LEADLINE_SOURCE_DIR "/tests/data/scaling/decisions.jsonl";
constexpr const char* kLiveRecording = LEADLINE_SOURCE_DIR "/tests/data/scaling/live.jsonl";
constexpr int kShown = 10;  // differences; a thousand say no more

const std::vector<RecordedSituation>& recorded() {
  static const auto kSituations = read_recording(kRecording);
  return kSituations;
}

std::string render(const RecordedDecision& decision) {
  const auto& [able, active, limited] = decision.conditions;
  std::string current;
  for (const auto& milli : decision.current_milli) {
    current += milli ? fmt::format(" {}", *milli) : std::string(" -");
  }
  return fmt::format("{} replicas, current{}\n  {}\n  {}\n  {}\n  {}", decision.desired, current,
                     able, active, limited, decision.rescale);
}

// What was not evaluated stays as an earlier sync said it, as in the autoscaler's status.
void say(std::string& text, const Condition& condition) {
  if (condition.reason.empty()) return;
  text = fmt::format("{} {}: {}", condition.status, condition.reason, condition.message);
}

// One autoscaler of ours, told what the recorded one was told.
class Replay {
 public:
  explicit Replay(const HpaSpec& spec) : spec_(spec) {}

  RecordedDecision sync(const Observation& observation, SteadyTime now) {
    const Decision decision = decide(spec_, observation, memory_, now);
    say(conditions_[0], decision.able_to_scale);
    say(conditions_[1], decision.scaling_active);
    say(conditions_[2], decision.scaling_limited);
    RecordedDecision said{.desired = decision.desired, .conditions = conditions_};
    if (decision.rescale) said.rescale = "reason: " + decision.reason;
    for (const auto& metric : decision.metrics) {
      said.current_milli.push_back(metric.proposal ? metric.proposal->current_milli : std::nullopt);
    }
    return said;
  }

 private:
  const HpaSpec& spec_;
  HpaMemory memory_;
  std::array<std::string, 3> conditions_;
};

// The first sync that we decide otherwise; empty where there is none.
std::string difference_in(const RecordedSituation& situation) {
  Replay replay(situation.spec);
  for (std::size_t i = 0; i < situation.syncs.size(); ++i) {
    const auto& sync = situation.syncs[i];
    const std::string ours = render(replay.sync(sync.observation, sync.at));
    const std::string theirs = render(sync.decision);
    if (ours != theirs) return fmt::format("sync {}: we say\n{}\nbut it\n{}", i + 1, ours, theirs);
  }
  return "";
}

void expect_same(const char* path, const std::vector<RecordedSituation>& situations) {
  int differences = 0;
  int line = 1;
  for (const auto& situation : situations) {
    ++line;
    const std::string difference = difference_in(situation);
    if (difference.empty()) continue;
    if (++differences > kShown) continue;
    ADD_FAILURE() << path << ":" << line << " (" << situation.kind << "), " << difference;
  }
  EXPECT_EQ(differences, 0) << "of " << line - 1 << " situations";
}

TEST(DecisionsTest, AreThoseOfTheRealController) {
  expect_same(kRecording, recorded());
}

// tests/cluster holds the controller to the same lines.
TEST(DecisionsTest, AreThoseOfTheLiveController) {
  const auto situations = read_recording(kLiveRecording);
  EXPECT_GE(situations.size(), 10U);
  expect_same(kLiveRecording, situations);
}

std::string reason_in(const std::string& condition) {
  return condition.substr(0, condition.find(':'));
}

TEST(DecisionsTest, RecordingHoldsEverythingThatTheControllerCanSay) {
  EXPECT_GE(recorded().size(), 5'000U);
  std::map<std::string, int> kinds;
  std::set<std::string> reasons;
  for (const auto& situation : recorded()) {
    ++kinds[situation.kind];
    for (const auto& sync : situation.syncs) {
      for (const auto& condition : sync.decision.conditions) reasons.insert(reason_in(condition));
    }
  }
  for (const auto& [kind, count] : kinds) EXPECT_GE(count, 100) << kind;
  const std::set<std::string> all = {"",
                                     "false DesiredWithinRange",
                                     "false FailedGetExternalMetric",
                                     "false FailedGetObjectMetric",
                                     "false FailedGetPodsMetric",
                                     "false ScalingDisabled",
                                     "true ReadyForNewScale",
                                     "true ScaleDownLimit",
                                     "true ScaleDownStabilized",
                                     "true ScaleUpLimit",
                                     "true ScaleUpStabilized",
                                     "true SucceededGetScale",
                                     "true SucceededRescale",
                                     "true TooFewReplicas",
                                     "true TooManyReplicas",
                                     "true ValidMetricFound"};
  EXPECT_EQ(reasons, all);
}

}  // namespace
}  // namespace leadline
