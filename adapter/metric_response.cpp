#include "adapter/metric_response.h"

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace leadline {
namespace {

using Json = nlohmann::ordered_json;
using std::chrono::seconds;

// A body is written as text: as a tree, 1,000 items would cost some 30,000 allocations.
class ListWriter {
 public:
  ListWriter(std::string_view kind, std::string_view api_version, std::size_t items) {
    json_.reserve(128 + items * 256);
    json_ += R"({"kind":)";
    append_json_string(json_, kind);
    text(R"(,"apiVersion":)", api_version);
    json_ += R"(,"metadata":{},"items":[)";
  }

  // A comma stands before every item but the first.
  void begin_item() { json_.append(json_.back() == '[' ? "{" : ",{"); }
  void end_item() { json_ += '}'; }
  void raw(std::string_view json) { json_ += json; }
  void text(std::string_view key, std::string_view value) {
    json_ += key;
    append_json_string(json_, value);
  }
  // 1,000 items were sampled within a few seconds: each is written once.
  void timestamp(WallTime time) {
    const auto second = std::chrono::floor<seconds>(time).time_since_epoch().count();
    Stamp& stamp = stamps_[static_cast<std::size_t>(second) % stamps_.size()];
    if (stamp.second != second || stamp.text.empty())
      stamp = {second, fmt::format(R"(,"timestamp":"{}")", rfc3339(time))};
    json_ += stamp.text;
  }
  void window(std::string_view key, const std::optional<seconds>& span) {
    if (!span) return;
    json_ += key;
    json_ += std::to_string(span->count());
  }

  std::string finish(JsonStyle style) {
    json_ += "]}";
    return finish_text(std::move(json_), style);
  }

 private:
  struct Stamp {
    std::int64_t second = -1;
    std::string text;
  };
  std::string json_;
  std::array<Stamp, 8> stamps_;
};

std::string json_string(std::string_view text) {
  std::string json;
  append_json_string(json, text);
  return json;
}

// What every item of a custom list says in the same words: written once, then copied.
struct CustomFrame {
  std::string begin;            // up to the object's name
  std::string metric;           // between the object and the timestamp
  std::string_view window_key;  // `window` has another name in each version
  std::string end;              // behind the value

  CustomFrame(MetricApi api, const CustomList& custom, const LabelSelector& metric_selector) {
    begin = R"("describedObject":{"kind":)" + json_string(custom.kind);
    if (!custom.namespace_name.empty())
      begin += R"(,"namespace":)" + json_string(custom.namespace_name);
    begin += R"(,"name":)";
    const std::string name = json_string(custom.metric);
    const std::string selector = compact_text(metric_selector.to_json());
    if (api == MetricApi::kCustomV1beta1) {
      metric = fmt::format(R"(}},"metricName":{})", name);
      window_key = R"(,"window":)";
      end = R"(,"selector":)" + selector;
    } else {
      metric = fmt::format(R"(}},"metric":{{"name":{},"selector":{}}})", name, selector);
      window_key = R"(,"windowSeconds":)";
    }
  }
};

void write_custom(ListWriter& list, const CustomItem& item, const CustomFrame& frame) {
  list.begin_item();
  list.text(frame.begin, item.name);
  list.text(R"(,"apiVersion":)", item.api_version);
  list.raw(frame.metric);
  list.timestamp(item.timestamp);
  list.window(frame.window_key, item.window);
  list.text(R"(,"value":)", item.value);
  list.raw(frame.end);
  list.end_item();
}

void write_labels(ListWriter& list, const Labels& labels) {
  list.raw(R"(,"metricLabels":{)");
  const char* comma = "";
  for (const auto& [name, value] : labels) {
    list.text(std::exchange(comma, ","), name);
    list.text(":", value);
  }
  list.raw("}");
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
  std::string text = "0000-00-00T00:00:00Z";
  // By hand: each of 1,000 items has one, and a formatter takes ten times as long.
  const auto write = [&text](std::size_t last, auto number) {
    for (; number > 0; number /= 10) text[last--] = static_cast<char>('0' + number % 10);
  };
  write(3, static_cast<int>(date.year()));
  write(6, static_cast<unsigned>(date.month()));
  write(9, static_cast<unsigned>(date.day()));
  write(12, clock.hours().count());
  write(15, clock.minutes().count());
  write(18, clock.seconds().count());
  return text;
}

std::string custom_metric_list(MetricApi api, const CustomList& custom,
                               const LabelSelector& metric_selector, JsonStyle style) {
  const bool old = api == MetricApi::kCustomV1beta1;
  const char* version = old ? "custom.metrics.k8s.io/v1beta1" : "custom.metrics.k8s.io/v1beta2";
  const CustomFrame frame(api, custom, metric_selector);
  ListWriter list("MetricValueList", version, custom.items.size());
  for (const CustomItem& item : custom.items) write_custom(list, item, frame);
  return list.finish(style);
}

std::string external_metric_list(std::span<const ExternalItem> items, JsonStyle style) {
  ListWriter list("ExternalMetricValueList", "external.metrics.k8s.io/v1beta1", items.size());
  for (const ExternalItem& item : items) {
    list.begin_item();
    list.text(R"("metricName":)", item.metric);
    write_labels(list, item.labels);
    list.timestamp(item.timestamp);
    list.window(R"(,"window":)", item.window);
    list.text(R"(,"value":)", item.value);
    list.end_item();
  }
  return list.finish(style);
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
