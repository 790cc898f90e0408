#include "demo/autoscaler.h"

#include <utility>

#include "engine/scaling/quantity.h"

namespace leadline {
namespace {

using nlohmann::json;

std::string message_of(const json& status, const ApiAnswer& answer) {
  if (status.is_object() && status.contains("message")) return status.value("message", "");
  return answer.status == 0 ? answer.body : fmt::format("HTTP {}", answer.status);
}

// No reading at all where one item cannot be read: a part of a sum would be too low.
MetricReading values_of(const json& items) {
  std::vector<std::int64_t> values;
  for (const json& item : items) {
    const auto milli = milli_of_quantity(item.value("value", ""));
    if (!milli) return NoReading{"an item's value is not a quantity"};
    values.push_back(*milli);
  }
  return values;
}

const char* phase_name(PodPhase phase) {
  return phase == PodPhase::kRunning ? "Running" : "Pending";
}

json record_of(const Autoscaler::Workload& workload, const std::vector<ApiAnswer>& answers,
               const Decision& decision) {
  json record = {{"kind", "sync"},
                 {"spec_replicas", workload.spec_replicas},
                 {"status_replicas", workload.status_replicas},
                 {"pods", json::array()},
                 {"answers", json::array()},
                 {"desired", decision.desired},
                 {"reason", decision.reason}};
  for (const ObservedPod& pod : workload.pods) {
    record["pods"].push_back({{"name", pod.name},
                              {"phase", phase_name(pod.phase)},
                              {"ready", pod.ready},
                              {"deleting", pod.deleting}});
  }
  for (const ApiAnswer& answer : answers) {
    record["answers"].push_back({{"status", answer.status}, {"body", answer.body}});
  }
  return record;
}

}  // namespace

MetricReading read_answer(const MetricSpec& metric, const ApiAnswer& answer) {
  const json body = json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  if (answer.status != 200) return NoReading{message_of(body, answer)};
  if (!body.is_object() || !body.contains("items") || !body["items"].is_array()) {
    return NoReading{"the answer has no items"};
  }
  if (metric.type == MetricType::kObject && body["items"].size() != 1) {
    return NoReading{fmt::format("the answer has {} items, not one", body["items"].size())};
  }
  return values_of(body["items"]);
}

Autoscaler::Autoscaler(HpaManifest manifest, Ask ask)
    : manifest_(std::move(manifest)), ask_(std::move(ask)) {}

Autoscaler::Sync Autoscaler::sync(const Workload& workload, SteadyTime now) {
  std::vector<ApiAnswer> answers;
  Observation seen{.spec_replicas = workload.spec_replicas,
                   .status_replicas = workload.status_replicas,
                   .pods = workload.pods,
                   .readings = {}};
  for (std::size_t i = 0; i < manifest_.paths.size(); ++i) {
    answers.push_back(ask_(manifest_.paths[i]));
    seen.readings.push_back(read_answer(manifest_.spec.metrics[i], answers.back()));
  }
  Decision decision = decide(manifest_.spec, seen, memory_, now);
  json record = record_of(workload, answers, decision);
  return {std::move(decision), std::move(record)};
}

}  // namespace leadline
