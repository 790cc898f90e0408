#include "demo/dashboard.h"

#include <ctime>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "engine/scaling/quantity.h"

namespace leadline {
namespace {

struct Shown {
  std::optional<double> value;
  std::optional<double> age;  // seconds
};

// `2026-08-20T10:00:00Z` -> seconds before now.
std::optional<double> age_of(const std::string& timestamp) {
  std::tm fields{};
  if (::strptime(timestamp.c_str(), "%Y-%m-%dT%H:%M:%SZ", &fields) == nullptr) return std::nullopt;
  const auto then = std::chrono::system_clock::from_time_t(::timegm(&fields));
  return std::chrono::duration<double>(system_now().wall - then).count();
}

Shown read_item(const ApiAnswer& answer) {
  const auto body = nlohmann::json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  if (answer.status != 200 || !body.is_object() ||
      body.value("items", nlohmann::json::array()).size() != 1) {
    return {};
  }
  const auto& item = body["items"][0];
  const auto milli = milli_of_quantity(item.value("value", ""));
  if (!milli) return {};
  return {.value = static_cast<double>(*milli) / 1000, .age = age_of(item.value("timestamp", ""))};
}

}  // namespace

Frame read_dashboard(const HpaManifest& manifest, const Autoscaler::Ask& ask) {
  const std::string stem =
      fmt::format("/apis/custom.metrics.k8s.io/v1beta2/namespaces/{}/deployments.apps/{}/",
                  manifest.namespace_name, manifest.workload);
  const std::string recent = "?metricLabelSelector=window%3D15s";
  Frame frame;
  const Shown in_flight = read_item(ask(stem + "in_flight_requests"));
  frame.in_flight = in_flight.value;
  frame.newest_sample_age = in_flight.age;
  frame.queue = read_item(ask(stem + "queue_depth")).value;
  frame.ttft_p95_seconds = read_item(ask(stem + "ttft_seconds_p95" + recent)).value;
  frame.tokens_per_second = read_item(ask(stem + "generation_tokens_per_second" + recent)).value;
  return frame;
}

}  // namespace leadline
