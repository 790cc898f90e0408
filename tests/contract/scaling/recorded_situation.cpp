#include "tests/contract/scaling/recorded_situation.h"

#include <cctype>
#include <chrono>
#include <fstream>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace leadline {
namespace {

using nlohmann::json;
using std::chrono::seconds;

// Far enough from the clock's zero for every window to begin after it.
constexpr seconds kStart{10'000};

std::string pod_name(std::int64_t number) {
  return fmt::format("p{}", number);
}

ObservedPod pod_of(char letter, std::size_t number) {
  ObservedPod pod;
  pod.name = pod_name(static_cast<std::int64_t>(number));
  pod.deleting = std::islower(static_cast<unsigned char>(letter)) != 0;
  const int state = std::toupper(static_cast<unsigned char>(letter));
  pod.ready = state == 'R' || state == 'X';
  if (state == 'P') pod.phase = PodPhase::kPending;
  if (state == 'S') pod.phase = PodPhase::kSucceeded;
  if (state == 'F') pod.phase = PodPhase::kFailed;
  if (state == 'X') pod.phase = PodPhase::kUnknown;
  return pod;
}

std::vector<ObservedPod> pods_of(const std::string& letters) {
  std::vector<ObservedPod> pods;
  for (const char letter : letters) pods.push_back(pod_of(letter, pods.size()));
  return pods;
}

MetricReading reading_of(const json& answer, MetricType type) {
  if (answer.is_string()) return NoReading{answer};
  if (type != MetricType::kPods) return answer.get<std::vector<std::int64_t>>();
  std::vector<PodValue> values;
  for (std::size_t i = 0; i < answer.size(); i += 2) {
    values.push_back({pod_name(answer.at(i)), answer.at(i + 1)});
  }
  return values;
}

MetricSpec metric_of(const json& row, std::size_t number, const std::string& selector) {
  MetricSpec metric;
  metric.name = fmt::format("m{}", number);
  if (row.at(0) == "Object") metric.type = MetricType::kObject;
  if (row.at(0) == "External") metric.type = MetricType::kExternal;
  if (row.at(1) == "Value") metric.goal_type = GoalType::kValue;
  metric.goal_milli = row.at(2);
  const bool named = row.size() > 3 && row.at(3).is_string();
  if (row.size() > 3 && !named) metric.selector = selector;
  metric.object_kind = named ? row.at(3).get<std::string>() : "Deployment";
  metric.object_name = "vllm";
  return metric;
}

ScalingPolicy policy_of(const json& row) {
  return {row.at(0) == "Pods" ? PolicyType::kPods : PolicyType::kPercent, row.at(1),
          seconds{row.at(2)}};
}

// What the manifest leaves out stays as Kubernetes fills it in.
void apply_rules(const json& manifest, ScalingRules& rules) {
  if (manifest.contains("window")) rules.stabilization_window = seconds{manifest.at("window")};
  if (manifest.contains("tolerance")) rules.tolerance = manifest.at("tolerance").get<double>();
  const std::string select = manifest.value("select", "Max");
  if (select == "Min") rules.select_policy = SelectPolicy::kMin;
  if (select == "Disabled") rules.select_policy = SelectPolicy::kDisabled;
  if (!manifest.contains("policies")) return;
  rules.policies.clear();
  for (const json& row : manifest.at("policies")) rules.policies.push_back(policy_of(row));
}

HpaSpec spec_of(const json& situation, const std::string& selector) {
  HpaSpec spec;
  spec.min_replicas = situation.at("min");
  spec.max_replicas = situation.at("max");
  spec.tolerance = situation.at("tolerance");
  spec.downscale_stabilization = seconds{situation.at("downscale")};
  for (const json& row : situation.at("metrics")) {
    spec.metrics.push_back(metric_of(row, spec.metrics.size(), selector));
  }
  if (!situation.contains("behavior")) return spec;
  spec.behavior.emplace();
  const json& behavior = situation.at("behavior");
  if (behavior.contains("up")) apply_rules(behavior.at("up"), spec.behavior->scale_up);
  if (behavior.contains("down")) apply_rules(behavior.at("down"), spec.behavior->scale_down);
  return spec;
}

std::optional<std::int64_t> number_or_none(const json& cell) {
  if (cell.is_null()) return std::nullopt;
  return cell.get<std::int64_t>();
}

RecordedDecision decision_of(const json& row, const json& texts) {
  RecordedDecision decision;
  decision.desired = row.at(5);
  const json& places = row.at(6);
  for (std::size_t i = 0; i < 3; ++i) {
    decision.conditions.at(i) = texts.at(places.at(i).get<std::size_t>());
  }
  decision.rescale = texts.at(places.at(3).get<std::size_t>());
  for (const json& cell : row.at(7)) decision.current_milli.push_back(number_or_none(cell));
  return decision;
}

RecordedSync sync_of(const json& row, const HpaSpec& spec, const json& texts) {
  RecordedSync sync;
  sync.at = SteadyTime{} + kStart + seconds{row.at(0)};
  sync.observation.spec_replicas = row.at(1);
  sync.observation.status_replicas = row.at(2);
  sync.observation.pods = pods_of(row.at(3));
  for (const json& answer : row.at(4)) {
    const auto& metric = spec.metrics.at(sync.observation.readings.size());
    sync.observation.readings.push_back(reading_of(answer, metric.type));
  }
  sync.decision = decision_of(row, texts);
  return sync;
}

RecordedSituation situation_of(const json& line, const json& head) {
  RecordedSituation situation;
  situation.kind = line.at("kind");
  situation.spec = spec_of(line, head.at("selector"));
  for (const json& row : line.at("syncs")) {
    situation.syncs.push_back(sync_of(row, situation.spec, head.at("texts")));
  }
  return situation;
}

}  // namespace

std::vector<RecordedSituation> read_recording(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) throw std::runtime_error("no recording at " + path);
  const json head = json::parse(line);
  std::vector<RecordedSituation> situations;
  while (std::getline(file, line)) situations.push_back(situation_of(json::parse(line), head));
  return situations;
}

}  // namespace leadline
