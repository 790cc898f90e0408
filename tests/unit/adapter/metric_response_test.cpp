#include "adapter/metric_response.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace leadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kTenOClock = WallTime{} + seconds{1'787'220'000};  // 2026-08-20T10:00:00Z

CustomList pod_list(std::size_t pods = 1) {
  const CustomItem item{"v1", "p-1", kTenOClock, seconds{60}, "1500m"};
  return {"Pod", "ns", "queue_depth", std::vector(pods, item), nullptr};
}

ExternalItem external_item() {
  return {"queue_depth", {{"queue", "a"}, {"coverage", "1"}}, kTenOClock, seconds{30}, "42"};
}

LabelSelector selector_of(std::string_view text) {
  return *parse_label_selector(text);
}

TEST(MetricResponseTest, WritesCustomV1beta1) {
  EXPECT_EQ(custom_metric_list(MetricApi::kCustomV1beta1, pod_list(), selector_of("model=a"),
                               JsonStyle::kCompact),
            R"({"kind":"MetricValueList","apiVersion":"custom.metrics.k8s.io/v1beta1",)"
            R"("metadata":{},"items":[{"describedObject":{"kind":"Pod","namespace":"ns",)"
            R"("name":"p-1","apiVersion":"v1"},"metricName":"queue_depth",)"
            R"("timestamp":"2026-08-20T10:00:00Z","window":60,"value":"1500m",)"
            R"("selector":{"matchLabels":{"model":"a"}}}]})"
            "\n");
}

TEST(MetricResponseTest, WritesCustomV1beta2) {
  EXPECT_EQ(custom_metric_list(MetricApi::kCustomV1beta2, pod_list(), selector_of("a>5"),
                               JsonStyle::kCompact),
            R"({"kind":"MetricValueList","apiVersion":"custom.metrics.k8s.io/v1beta2",)"
            R"("metadata":{},"items":[{"describedObject":{"kind":"Pod","namespace":"ns",)"
            R"("name":"p-1","apiVersion":"v1"},"metric":{"name":"queue_depth","selector":null},)"
            R"("timestamp":"2026-08-20T10:00:00Z","windowSeconds":60,"value":"1500m"}]})"
            "\n");
}

TEST(MetricResponseTest, LeavesOutWindowAndNamespaceWhereThereIsNone) {
  CustomList nodes{
      .kind = "Node", .namespace_name = {}, .metric = "queue_depth", .items = {}, .names = {}};
  nodes.items.push_back({"v1", "n1", kTenOClock, std::nullopt, "1500m"});
  for (const auto api : {MetricApi::kCustomV1beta1, MetricApi::kCustomV1beta2}) {
    const std::string body = custom_metric_list(api, nodes, {}, JsonStyle::kCompact);
    EXPECT_EQ(body.find("window"), std::string::npos);
    EXPECT_EQ(body.find("namespace"), std::string::npos);
    EXPECT_NE(body.find(R"("selector":null)"), std::string::npos);
  }
}

TEST(MetricResponseTest, EmptyListIsAnArray) {
  for (const auto& body :
       {custom_metric_list(MetricApi::kCustomV1beta1, {}, {}, JsonStyle::kCompact),
        custom_metric_list(MetricApi::kCustomV1beta2, {}, {}, JsonStyle::kCompact),
        external_metric_list({}, JsonStyle::kCompact)}) {
    EXPECT_NE(body.find(R"("metadata":{},"items":[]})"), std::string::npos) << body;
  }
  EXPECT_NE(external_metric_table({}, {}, JsonStyle::kCompact).find(R"("rows":[])"),
            std::string::npos);
}

TEST(MetricResponseTest, WritesExternal) {
  ExternalItem bare = external_item();
  bare.labels.clear();
  bare.window.reset();
  EXPECT_EQ(external_metric_list(std::vector{external_item(), bare}, JsonStyle::kCompact),
            R"({"kind":"ExternalMetricValueList","apiVersion":"external.metrics.k8s.io/v1beta1",)"
            R"("metadata":{},"items":[{"metricName":"queue_depth",)"
            R"("metricLabels":{"coverage":"1","queue":"a"},"timestamp":"2026-08-20T10:00:00Z",)"
            R"("window":30,"value":"42"},{"metricName":"queue_depth","metricLabels":{},)"
            R"("timestamp":"2026-08-20T10:00:00Z","value":"42"}]})"
            "\n");
}

TEST(MetricResponseTest, PrettyIndentsByTwo) {
  const std::string body = external_metric_list({}, JsonStyle::kPretty);
  EXPECT_EQ(body.substr(0, body.find(',')), "{\n  \"kind\": \"ExternalMetricValueList\"");
  EXPECT_EQ(nlohmann::json::parse(body),
            nlohmann::json::parse(external_metric_list({}, JsonStyle::kCompact)));
}

TEST(MetricResponseTest, PrettyListsSayWhatCompactOnesDo) {
  const auto written = [&](JsonStyle style) {
    return custom_metric_list(MetricApi::kCustomV1beta2, pod_list(2), selector_of("a=b"), style);
  };
  const auto pretty = nlohmann::ordered_json::parse(written(JsonStyle::kPretty));
  EXPECT_EQ(pretty.dump() + "\n", written(JsonStyle::kCompact));
  EXPECT_EQ(pretty["items"].size(), 2U);
}

TEST(MetricResponseTest, EscapesWhatJsonWants) {
  const std::string odd = "a\"b\\c\nd\x01\xc3\xa9";
  ExternalItem item = external_item();
  item.labels = {{odd, odd}, {"plain", "x/y"}};
  const std::string body = external_metric_list(std::vector{item}, JsonStyle::kCompact);
  const auto labels = nlohmann::json::parse(body)["items"][0]["metricLabels"];
  EXPECT_EQ(labels[odd], odd);
  EXPECT_EQ(labels["plain"], "x/y");
}

TEST(MetricResponseTest, TableHoldsNameLabelsValueWindowAndAge) {
  const TableContext context{DataFormat::kTableV1, "ns", kTenOClock + milliseconds{3900}};
  const auto table = nlohmann::json::parse(
      external_metric_table(std::vector{external_item()}, context, JsonStyle::kCompact));
  EXPECT_EQ(table["kind"], "Table");
  EXPECT_EQ(table["apiVersion"], "meta.k8s.io/v1");
  ASSERT_EQ(table["columnDefinitions"].size(), 5U);
  EXPECT_EQ(table["columnDefinitions"][0]["name"], "Name");
  EXPECT_EQ(table["columnDefinitions"][0]["format"], "name");
  EXPECT_EQ(table["rows"][0]["cells"].dump(),
            R"(["queue_depth","coverage=1,queue=a","42","30s","3s"])");
  EXPECT_EQ(table["rows"][0]["object"].dump(),
            R"({"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata","metadata":)"
            R"({"creationTimestamp":null,"name":"queue_depth","namespace":"ns"}})");
}

TEST(MetricResponseTest, TableAnswersTheVersionThatWasAsked) {
  const TableContext context{DataFormat::kTableV1beta1, "ns", kTenOClock};
  const auto table = nlohmann::json::parse(
      external_metric_table(std::vector{external_item()}, context, JsonStyle::kCompact));
  EXPECT_EQ(table["apiVersion"], "meta.k8s.io/v1beta1");
  EXPECT_EQ(table["rows"][0]["object"]["apiVersion"], "meta.k8s.io/v1beta1");
}

TEST(MetricResponseTest, TableAgesReadAsKubectlWritesThem) {
  const auto f = [](milliseconds age, std::string_view want) {
    SCOPED_TRACE(std::string(want));
    const TableContext context{DataFormat::kTableV1, "ns", kTenOClock + age};
    const auto table = nlohmann::json::parse(
        external_metric_table(std::vector{external_item()}, context, JsonStyle::kCompact));
    EXPECT_EQ(table["rows"][0]["cells"][4], want);
  };
  f(milliseconds{-500}, "0s");
  f(milliseconds{0}, "0s");
  f(seconds{119}, "119s");
  f(seconds{120}, "2m");
  f(seconds{252}, "4m12s");
  f(seconds{601}, "10m");
}

TEST(MetricResponseTest, TimestampsAreUtcWholeSecondsRoundedDown) {
  const auto f = [](WallTime time, std::string_view want) { EXPECT_EQ(rfc3339(time), want); };
  f(WallTime{}, "1970-01-01T00:00:00Z");
  f(kTenOClock, "2026-08-20T10:00:00Z");
  f(kTenOClock + milliseconds{999}, "2026-08-20T10:00:00Z");
  f(WallTime{} + seconds{951'827'696}, "2000-02-29T12:34:56Z");
  f(WallTime{} - milliseconds{1}, "1969-12-31T23:59:59Z");
}

TEST(MetricResponseTest, BytesThatAreNotUtf8DoNotThrow) {
  CustomList list = pod_list();
  list.metric = "bad\xff";
  const std::string body =
      custom_metric_list(MetricApi::kCustomV1beta1, list, {}, JsonStyle::kCompact);
  EXPECT_NE(body.find("bad\xef\xbf\xbd"), std::string::npos);
}

}  // namespace
}  // namespace leadline
