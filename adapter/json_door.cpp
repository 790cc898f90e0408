#include "adapter/json_door.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "adapter/given_text.h"
#include "adapter/label_value.h"
#include "engine/scaling/quantity.h"

namespace leadline {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kSegments = 5;           // keda, v1, namespace, workload, metric
constexpr std::size_t kLongestNamespace = 63;  // RFC 1123 label
constexpr std::array<std::string_view, 3> kTriggerKeys = {"kind", "window", "selector"};

bool is_namespace_name(std::string_view text) {
  return !text.empty() && text.size() <= kLongestNamespace && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

// A key that means nothing, or means two things, would be answered with another value than the one
// that was asked for.
std::optional<ApiError> check_query(const RequestTarget& target) {
  constexpr std::string_view kAllowed = "kind, window, selector and pretty are, once each";
  if (!target.dropped.empty()) {
    return bad_request(fmt::format("query {}: malformed, or given twice: {}",
                                   in_quotes(target.dropped), kAllowed));
  }
  for (const auto& [name, value] : target.parameters) {
    const bool known =
        name == "pretty" || std::ranges::find(kTriggerKeys, name) != kTriggerKeys.end();
    if (!known)
      return bad_request(fmt::format("query {}: not known: {}", in_quotes(name), kAllowed));
  }
  return std::nullopt;
}

// KEDA's trigger without what stays KEDA's here: whether it is active, and its target.
Labels metadata_of(const RequestTarget& target) {
  Labels metadata = {
      {"workload", target.segments[3]}, {"metric", target.segments[4]}, {"targetValue", "1"}};
  for (const std::string_view key : kTriggerKeys) {
    if (const auto value = target.parameter(key)) metadata.emplace(key, *value);
  }
  return metadata;
}

// The reader of triggers says where its words come from; these came in a URL.
ApiError wrong_trigger(std::string_view message) {
  constexpr std::string_view kOfATrigger = "trigger metadata: ";
  if (message.starts_with(kOfATrigger)) message.remove_prefix(kOfATrigger.size());
  return bad_request(std::string(message));
}

std::optional<ApiError> check_queue(const RequestTarget& target, std::string_view name) {
  for (const std::string_view key : kTriggerKeys) {
    if (const auto value = target.parameter(key)) {
      return bad_request(fmt::format("{} = {}: a queue has none", key, in_quotes(*value)));
    }
  }
  if (!name.empty() && is_label_value(name)) return std::nullopt;
  return bad_request(
      fmt::format("queue {}: must be a queue's name, a label value", in_quotes(name)));
}

// REQUIRES: `name` is a label value, so that the selector says nothing else.
MetricQuery queue_query(const std::string& namespace_name, std::string_view name,
                        const std::string& metric) {
  MetricQuery query{.api = MetricApi::kExternalV1beta1, .form = QueryForm::kExternal};
  query.namespace_name = query.path_namespace = namespace_name;
  query.metric = query.path_resource = metric;
  query.label_selector = *parse_label_selector(fmt::format("queue={}", name));
  return query;
}

std::int64_t whole_milliseconds(std::chrono::duration<double> time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

}  // namespace

struct JsonDoor::Asked {
  explicit Asked(const RequestTarget& given)
      : target(given),
        namespace_name(given.segments[2]),
        name(given.segments[3]),
        metric(given.segments[4]) {}

  const RequestTarget& target;
  const std::string& namespace_name;
  const std::string& name;  // the workload's or the queue's
  const std::string& metric;
};

bool JsonDoor::is_at(const RequestTarget& target) {
  const auto& segments = target.segments;
  return segments.size() == kSegments && segments[0] == "keda" && segments[1] == "v1";
}

AccessRequest JsonDoor::access_to(const RequestTarget& target) {
  const Asked asked(target);
  return {.verb = "list",
          .group = "external.metrics.k8s.io",
          .version = "v1beta1",
          .resource = asked.metric,
          .subresource = {},
          .name = {},
          .namespace_name = asked.namespace_name,
          .path = {}};
}

ApiResult<std::string> JsonDoor::answer(const RequestTarget& target, Instant now,
                                        JsonStyle style) const {
  const Asked asked(target);
  if (auto error = check_query(target)) return tl::unexpected(std::move(*error));
  if (!is_namespace_name(asked.namespace_name)) {
    return tl::unexpected(bad_request(
        fmt::format("namespace {}: must be lower-case letters, digits and -, at most {} of them",
                    in_quotes(asked.namespace_name), kLongestNamespace)));
  }
  const auto body =
      parts_.queues.serves(asked.metric) ? of_queue(asked, now) : of_workload(asked, now);
  if (!body) return tl::unexpected(body.error());
  return to_text(*body, style);
}

ApiResult<ordered_json> JsonDoor::of_workload(const Asked& asked, Instant now) const {
  if (parts_.catalogue.find_external(asked.metric) == nullptr) {
    return tl::unexpected(not_found(fmt::format(
        "the server could not find the metric {}: /apis/external.metrics.k8s.io/v1beta1 lists "
        "those that are served",
        in_quotes(asked.metric))));
  }
  const auto trigger = parts_.answers.trigger(asked.namespace_name, metadata_of(asked.target));
  if (!trigger) return tl::unexpected(wrong_trigger(trigger.error().message));
  if (!parts_.views.current()->complete) {
    return tl::unexpected(internal_error(std::string(kJustStarted)));
  }
  const auto value = parts_.answers.value(*trigger, now.steady);
  if (!value) return tl::unexpected(not_found(value.error().message));
  ordered_json body = {{"value", keda_number(value->value).number}};
  if (value->sample_age) {
    body["ageMs"] = whole_milliseconds(*value->sample_age);
    parts_.metrics.observe_keda_sample_age(value->sample_age->count());
  }
  body["pods"] = value->pods;
  body["podsFresh"] = value->pods_fresh;
  if (value->pods > 0) body["coverage"] = static_cast<double>(value->pods_fresh) / value->pods;
  return body;
}

ApiResult<ordered_json> JsonDoor::of_queue(const Asked& asked, Instant now) const {
  if (auto error = check_queue(asked.target, asked.name)) return tl::unexpected(std::move(*error));
  const MetricQuery query = queue_query(asked.namespace_name, asked.name, asked.metric);
  const auto items = parts_.queues.external(query, now);
  if (!items) return tl::unexpected(items.error());
  if (items->empty()) {
    return tl::unexpected(metric_not_found({.metric = asked.metric,
                                            .resource = "namespace",
                                            .object = asked.namespace_name,
                                            .selector = query.label_selector.to_string(),
                                            .why = "no such queue is configured"}));
  }
  const ExternalItem& item = items->front();  // a name is unique in its namespace
  const auto milli = milli_of_quantity(item.value);
  if (!milli) return tl::unexpected(internal_error(milli.error().message));
  return ordered_json{{"value", keda_number(static_cast<double>(*milli) / 1000).number},
                      {"ageMs", whole_milliseconds(now.wall - item.timestamp)}};
}

}  // namespace leadline
