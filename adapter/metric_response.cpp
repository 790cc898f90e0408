#include "adapter/metric_response.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

namespace leadline {
namespace {

using Json = nlohmann::ordered_json;
using std::chrono::seconds;

Json list_of(std::string_view kind, std::string_view api_version, Json items) {
  return {{"kind", kind},
          {"apiVersion", api_version},
          {"metadata", Json::object()},
          {"items", std::move(items)}};
}

Json reference(const ObjectReference& object) {
  Json json = {{"kind", object.kind}};
  if (!object.namespace_name.empty()) json["namespace"] = object.namespace_name;
  json["name"] = object.name;
  json["apiVersion"] = object.api_version;
  return json;
}

Json item_v1beta1(const CustomItem& item, const Json& selector) {
  Json json = {{"describedObject", reference(item.object)},
               {"metricName", item.metric},
               {"timestamp", rfc3339(item.timestamp)}};
  if (item.window) json["window"] = item.window->count();
  json["value"] = item.value;
  json["selector"] = selector;
  return json;
}

Json item_v1beta2(const CustomItem& item, const Json& selector) {
  Json json = {{"describedObject", reference(item.object)},
               {"metric", {{"name", item.metric}, {"selector", selector}}},
               {"timestamp", rfc3339(item.timestamp)}};
  if (item.window) json["windowSeconds"] = item.window->count();
  json["value"] = item.value;
  return json;
}

Json external_item(const ExternalItem& item) {
  Json json = {{"metricName", item.metric},
               {"metricLabels", Json::object()},
               {"timestamp", rfc3339(item.timestamp)}};
  for (const auto& [name, value] : item.labels) json["metricLabels"][name] = value;
  if (item.window) json["window"] = item.window->count();
  json["value"] = item.value;
  return json;
}

Json column(std::string_view name, std::string_view format, std::string_view description) {
  return {{"name", name},
          {"type", "string"},
          {"format", format},
          {"description", description},
          {"priority", 0}};
}

Json columns() {
  return Json::array({column("Name", "name", "Name of the metric."),
                      column("Labels", "", "Labels that everything in the value shares."),
                      column("Value", "", "The value, as a Kubernetes quantity."),
                      column("Window", "", "The span that a rate, mean or quantile covers."),
                      column("Age", "", "Time since the oldest sample in the value was taken.")});
}

std::string labels_cell(const Labels& labels) {
  if (labels.empty()) return "<none>";
  std::vector<std::string> pairs;
  pairs.reserve(labels.size());
  for (const auto& [name, value] : labels) pairs.push_back(fmt::format("{}={}", name, value));
  return fmt::format("{}", fmt::join(pairs, ","));
}

// As kubectl prints short ages: `95s`, then `4m12s`, then `37m`.
std::string age_cell(WallTime::duration age) {
  const auto whole = std::max<std::int64_t>(0, std::chrono::floor<seconds>(age).count());
  if (whole < 120) return fmt::format("{}s", whole);
  const auto minutes = whole / 60;
  if (minutes >= 10) return fmt::format("{}m", minutes);
  return whole % 60 == 0 ? fmt::format("{}m", minutes) : fmt::format("{}m{}s", minutes, whole % 60);
}

Json row(const ExternalItem& item, const TableContext& context, std::string_view api_version) {
  const std::string window =
      item.window ? fmt::format("{}s", item.window->count()) : std::string("<none>");
  return {{"cells",
           {item.metric, labels_cell(item.labels), item.value, window,
            age_cell(context.now - item.timestamp)}},
          {"object",
           {{"kind", "PartialObjectMetadata"},
            {"apiVersion", api_version},
            {"metadata",
             {{"name", item.metric},
              {"namespace", context.namespace_name},
              {"creationTimestamp", nullptr}}}}}};
}

}  // namespace

std::string rfc3339(WallTime time) {
  const auto whole = std::chrono::floor<seconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(whole);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(whole - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::string custom_metric_list(MetricApi api, std::span<const CustomItem> items,
                               const LabelSelector& metric_selector, JsonStyle style) {
  const bool old = api == MetricApi::kCustomV1beta1;
  const Json selector = metric_selector.to_json();
  Json list = Json::array();
  for (const auto& item : items) {
    list.push_back(old ? item_v1beta1(item, selector) : item_v1beta2(item, selector));
  }
  const char* version = old ? "custom.metrics.k8s.io/v1beta1" : "custom.metrics.k8s.io/v1beta2";
  return to_text(list_of("MetricValueList", version, std::move(list)), style);
}

std::string external_metric_list(std::span<const ExternalItem> items, JsonStyle style) {
  Json list = Json::array();
  for (const auto& item : items) list.push_back(external_item(item));
  return to_text(
      list_of("ExternalMetricValueList", "external.metrics.k8s.io/v1beta1", std::move(list)),
      style);
}

std::string external_metric_table(std::span<const ExternalItem> items, const TableContext& context,
                                  JsonStyle style) {
  const char* version =
      context.format == DataFormat::kTableV1beta1 ? "meta.k8s.io/v1beta1" : "meta.k8s.io/v1";
  Json rows = Json::array();
  for (const auto& item : items) rows.push_back(row(item, context, version));
  return to_text({{"kind", "Table"},
                  {"apiVersion", version},
                  {"metadata", Json::object()},
                  {"columnDefinitions", columns()},
                  {"rows", std::move(rows)}},
                 style);
}

}  // namespace leadline
