#include "adapter/metric_service.h"

#include <gtest/gtest.h>

#include "adapter/request_target.h"
#include "tests/unit/adapter/view_builder.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::noon;
using test::pod_of;
using test::Said;
using test::ViewBuilder;

constexpr std::string_view kCustom = "/apis/custom.metrics.k8s.io/v1beta1/";
constexpr std::string_view kExternal = "/apis/external.metrics.k8s.io/v1beta1/namespaces/";

Catalogue catalogue_of_tests() {
  CatalogueConfig config;
  config.aliases = {{"DCGM_FI_DEV_GPU_UTIL", "running_requests", "", 10},
                    {"quick_rate", "inference_requests_per_second", "15s", 1}};
  config.slo_bounds[index_of(Latency::kTtft)] = 1.0;
  return std::move(*Catalogue::make(config));
}

class MetricServiceTest : public testing::Test {
 protected:
  void serve(const ViewBuilder& builder) { views_.publish(builder.build()); }

  [[nodiscard]] MetricQuery query(std::string_view prefix, std::string_view path) const {
    const auto target = parse_request_target(std::string(prefix).append(path));
    return parse_metric_query(*target).value();
  }

  // `a=1500m b=0`, or the error's message.
  [[nodiscard]] std::string custom(std::string_view path, Instant now = noon()) const {
    const auto items = service_.custom(query(kCustom, path), now);
    if (!items) return fmt::format("{} {}", items.error().http_status, items.error().message);
    std::string text;
    for (const CustomItem& item : items->items) {
      text += fmt::format("{}{}={}", text.empty() ? "" : " ", item.name, item.value);
    }
    return text;
  }

  // `3 coverage=1 engine=vllm ...`, "none", or the error's message.
  [[nodiscard]] std::string external(std::string_view path, Instant now = noon()) const {
    const auto items = service_.external(query(kExternal, path), now);
    if (!items) return fmt::format("{} {}", items.error().http_status, items.error().message);
    if (items->empty()) return "none";
    EXPECT_EQ(items->size(), 1U);
    std::string text = items->front().value;
    for (const auto& [key, value] : items->front().labels) {
      text += fmt::format(" {}={}", key, value);
    }
    return text;
  }

  [[nodiscard]] std::string self_metrics() { return metrics_.text({}); }

  ViewCell views_;
  Catalogue catalogue_ = catalogue_of_tests();
  SelfMetrics metrics_;
  MetricService service_{views_, catalogue_, {}, metrics_};
};

TEST_F(MetricServiceTest, NothingIsServedBeforeAllPodsWereTried) {
  const std::string unknown = "500 not all pods were heard yet: this replica has just started";
  EXPECT_EQ(custom("namespaces/ns/pods/*/queue_depth"), unknown);
  serve(ViewBuilder().with(pod_of("a"), {.queue_depth = 3}).incomplete());
  EXPECT_EQ(custom("namespaces/ns/pods/*/queue_depth"), unknown);
  EXPECT_EQ(custom("namespaces/ns/pods/a/queue_depth"), unknown);
  EXPECT_EQ(external("ns/queue_depth"), unknown);
}

TEST_F(MetricServiceTest, EachFormFindsItsPods) {
  Pod on_other_node = pod_of("b");
  on_other_node.node = "n2";
  serve(ViewBuilder()
            .with(pod_of("a"), {.queue_depth = 3})
            .with(on_other_node, {.queue_depth = 4})
            .with(pod_of("c", "chat"), {.queue_depth = 5})
            .object({"v1", "Service", "ns", "front", {}, {{"app", "llm"}}})
            .object({"v1", "Node", "", "n2", {{"zone", "z"}}, {}}));
  const auto f = [this](std::string_view path, std::string_view want) {
    EXPECT_EQ(custom(path), want) << path;
  };
  f("namespaces/ns/pods/a/queue_depth", "a=3");
  f("namespaces/ns/pods/%2A/queue_depth", "a=3 b=4 c=5");
  f("namespaces/ns/pods/*/queue_depth?labelSelector=app%3Dllm", "a=3 b=4");
  f("namespaces/ns/deployments.apps/llm/queue_depth", "llm=7");
  f("namespaces/ns/deployments.apps/*/queue_depth", "chat=5 llm=7");
  f("namespaces/ns/replicasets.apps/llm-7f/queue_depth", "llm-7f=7");
  f("namespaces/ns/services/front/queue_depth", "front=7");
  f("namespaces/ns/metrics/queue_depth", "ns=12");
  f("nodes/n1/queue_depth", "n1=8");
  f("namespaces/ns/nodes/n2/queue_depth", "n2=4");
  f("nodes/*/queue_depth?labelSelector=zone%3Dz", "n2=4");
  f("namespaces/other/pods/*/queue_depth", "");
}

TEST_F(MetricServiceTest, WhatIsNotThereIsSaidWithItsName) {
  serve(ViewBuilder().with(pod_of("a"), {}));
  const auto f = [this](std::string_view path, std::string_view want) {
    EXPECT_EQ(custom(path).substr(0, want.size()), want) << path;
  };
  f("namespaces/ns/pods/a/nope", "404 the server could not find the metric nope for pods");
  f("namespaces/ns/pods/x/queue_depth",
    "404 the server could not find the metric queue_depth for pods x");
  f("namespaces/ns/widgets/x/queue_depth",
    "404 the server could not find the metric queue_depth for widgets");
  f("namespaces/ns/pods/a/ttft_slo_miss_percent",
    "404 the server could not find the metric ttft_slo_miss_percent for pods");
  EXPECT_EQ(custom("namespaces/ns/deployments.apps/llm/ttft_slo_miss_percent"), "llm=20");
  EXPECT_EQ(external("ns/nope").substr(0, 3), "404");
}

TEST_F(MetricServiceTest, ExternalIsOneItemOverWhatTheSelectorMatches) {
  serve(ViewBuilder()
            .with(pod_of("a"), {.queue_depth = 3})
            .with(pod_of("b"), {.queue_depth = 4})
            .with(pod_of("c", "chat"), {.queue_depth = 5, .model = "small", .engine = "sglang"}));
  const auto f = [this](std::string_view path, std::string_view want) {
    EXPECT_EQ(external(path), want) << path;
  };
  f("ns/queue_depth", "12 coverage=1 kind=Deployment role=both");
  f("ns/queue_depth?labelSelector=workload%3Dllm",
    "7 coverage=1 engine=vllm kind=Deployment model=meta-llama.Llama-3-8B role=both workload=llm");
  f("ns/queue_depth?labelSelector=engine%3Dsglang",
    "5 coverage=1 engine=sglang kind=Deployment model=small role=both workload=chat");
  f("ns/queue_depth?labelSelector=model%3Dmeta-llama.Llama-3-8B,app+in+(llm,other)",
    "7 app=llm coverage=1 engine=vllm kind=Deployment model=meta-llama.Llama-3-8B role=both "
    "workload=llm");
  f("ns/queue_depth?labelSelector=engine!%3Dvllm,role%3Dboth",
    "5 coverage=1 engine=sglang kind=Deployment model=small role=both workload=chat");
  f("ns/queue_depth?labelSelector=app%3Dllm,workload%3Dchat", "none");
  f("ns/queue_depth?labelSelector=queue%3Djobs", "none");
  f("other/queue_depth", "none");
}

TEST_F(MetricServiceTest, TheWindowIsAParameter) {
  serve(ViewBuilder().with(pod_of("a"), {}));
  const auto f = [this](std::string_view path, std::string_view want) {
    const std::string got = external(path);
    EXPECT_NE(got.find(want), std::string::npos) << path << ": " << got;
  };
  f("ns/inference_requests_per_second", "window=60s");
  f("ns/inference_requests_per_second?labelSelector=window%3D300s", "window=300s");
  f("ns/quick_rate", "window=15s");
  f("ns/quick_rate?labelSelector=window%3D%3D60s", "window=60s");
  f("ns/queue_depth?labelSelector=window%3D30s", "400 ");
  f("ns/queue_depth?labelSelector=window+in+(60s)", "400 ");
  f("ns/queue_depth?labelSelector=window", "400 ");
  f("ns/queue_depth?labelSelector=window%3D15s,window%3D60s", "400 ");
  EXPECT_EQ(external("ns/queue_depth?labelSelector=window%3D15s").find("window="),
            std::string::npos);
}

TEST_F(MetricServiceTest, WindowAndTimestampAreWhatWasReallyCovered) {
  serve(ViewBuilder()
            .with(pod_of("a"), {}, milliseconds{1500})
            .with(pod_of("b"), {}, milliseconds{2500}));
  const auto rate = service_.external(query(kExternal, "ns/inference_requests_per_second"), noon());
  ASSERT_TRUE(rate && rate->size() == 1);
  EXPECT_EQ(rate->front().window, seconds{60});  // 59.7 s, rounded up
  EXPECT_EQ(rate->front().timestamp, noon().wall - milliseconds{2500});
  const auto depth = service_.external(query(kExternal, "ns/queue_depth"), noon());
  EXPECT_EQ(depth->front().window, std::nullopt);
}

TEST_F(MetricServiceTest, AnAliasScalesAndKeepsItsSpelling) {
  serve(ViewBuilder().with(pod_of("a"), {.running = 7}));
  const auto items = service_.external(query(kExternal, "ns/dcgm_fi_dev_gpu_util"), noon());
  ASSERT_TRUE(items && items->size() == 1);
  EXPECT_EQ(items->front().metric, "DCGM_FI_DEV_GPU_UTIL");
  EXPECT_EQ(items->front().value, "70");
}

TEST_F(MetricServiceTest, StaleIsAbsentWithItsReason) {
  serve(ViewBuilder()
            .with(pod_of("a"), {.queue_depth = 3}, milliseconds{5001})
            .with(pod_of("b"), {.queue_depth = 3}, milliseconds{6000})
            .with(pod_of("c"), {.queue_depth = 3}));
  const std::string why = "coverage 1/3 below 0.5; stale: a, b";
  EXPECT_NE(external("ns/queue_depth").find(why), std::string::npos) << external("ns/queue_depth");
  const std::string object = custom("namespaces/ns/deployments.apps/llm/queue_depth");
  EXPECT_NE(object.find(why), std::string::npos) << object;
  EXPECT_EQ(custom("namespaces/ns/pods/*/queue_depth"), "c=3");
  EXPECT_EQ(custom("namespaces/ns/pods/a/queue_depth").substr(0, 3), "404");
  EXPECT_NE(self_metrics().find("leadline_adapter_absent_total{why=\"low_coverage\"}"),
            std::string::npos);
}

TEST_F(MetricServiceTest, ARememberedValueEndsWithItsFirstStalePod) {
  serve(ViewBuilder()
            .with(pod_of("a"), {.queue_depth = 3}, milliseconds{4900})
            .with(pod_of("b"), {.queue_depth = 5}, milliseconds{0}));
  const auto at = [](milliseconds later) {
    return Instant{noon().steady + later, noon().wall + later};
  };
  const auto value = [&](milliseconds later) { return external("ns/queue_depth", at(later)); };
  EXPECT_EQ(value(milliseconds{0}).substr(0, 2), "8 ");
  EXPECT_EQ(value(milliseconds{99}).substr(0, 2), "8 ");
  EXPECT_EQ(value(milliseconds{101}).substr(0, 15), "10 coverage=0.5");
  EXPECT_EQ(value(milliseconds{5001}).substr(0, 3), "404");
}

TEST_F(MetricServiceTest, APodWithoutASidecarIsExpectedWhereItsWorkloadHasOne) {
  Pod bare = pod_of("b");
  bare.port = 0;
  Pod other = pod_of("c", "web");
  other.port = 0;
  serve(ViewBuilder().with(pod_of("a"), {.queue_depth = 3}).silent(bare).silent(other));
  EXPECT_EQ(external("ns/queue_depth").substr(0, 14), "6 coverage=0.5");
  EXPECT_NE(external("ns/queue_depth?labelSelector=workload%3Dllm").find("6 coverage=0.5"),
            std::string::npos);
  EXPECT_EQ(external("ns/queue_depth?labelSelector=workload%3Dweb"), "none");
  EXPECT_NE(custom("namespaces/ns/deployments.apps/web/queue_depth").find("no pod with a sidecar"),
            std::string::npos);
}

TEST_F(MetricServiceTest, APodThatCannotSayItsModelIsStillExpected) {
  serve(ViewBuilder()
            .with(pod_of("a"), {.queue_depth = 3})
            .silent(pod_of("b"))
            .with(pod_of("c", "chat"), {.queue_depth = 9, .model = "small"})
            .silent(pod_of("d", "chat")));
  EXPECT_EQ(external("ns/queue_depth?labelSelector=model%3Dmeta-llama.Llama-3-8B").substr(0, 14),
            "6 coverage=0.5");
}

TEST_F(MetricServiceTest, OnlyTheMatchingSeriesOfAPodCounts) {
  const Pod pod = pod_of("a");
  PodState state;
  auto snapshot = test::snapshot_of(pod, {.queue_depth = 3, .model = "base"});
  snapshot->series.push_back(test::series_of({.queue_depth = 4, .model = "lora"}));
  state.snapshot = snapshot;
  state.sampled_at = noon().steady;
  serve(ViewBuilder().add(pod, state));
  EXPECT_EQ(custom("namespaces/ns/pods/a/queue_depth"), "a=7");
  EXPECT_EQ(custom("namespaces/ns/pods/a/queue_depth?metricLabelSelector=model%3Dlora"), "a=4");
  EXPECT_EQ(custom("namespaces/ns/pods/*/queue_depth?metricLabelSelector=model%3Dnone"), "");
  EXPECT_EQ(custom("namespaces/ns/deployments.apps/llm/queue_depth?metricLabelSelector=model"
                   "+notin+(base)"),
            "llm=4");
  EXPECT_EQ(external("ns/queue_depth?labelSelector=model%3Dbase").substr(0, 2), "3 ");
}

TEST_F(MetricServiceTest, AnIdleFleetIsZero) {
  serve(ViewBuilder().with(pod_of("a"), {}).with(pod_of("b"), {}));
  EXPECT_EQ(custom("namespaces/ns/deployments.apps/llm/in_flight_requests"), "llm=0");
  EXPECT_EQ(external("ns/queue_depth").substr(0, 2), "0 ");
}

TEST_F(MetricServiceTest, BeyondAQuantityIsClampedAndCounted) {
  serve(ViewBuilder().with(pod_of("a"), {.queue_depth = 1e17}));
  EXPECT_EQ(custom("namespaces/ns/pods/a/queue_depth"), "a=9223372036854775807m");
  EXPECT_NE(self_metrics().find("leadline_adapter_clamped_values_total 1"), std::string::npos);
}

TEST_F(MetricServiceTest, NoPodsAreNoValue) {
  serve(ViewBuilder());
  EXPECT_EQ(external("ns/queue_depth"), "none");
  EXPECT_EQ(custom("namespaces/ns/pods/*/queue_depth"), "");
  EXPECT_EQ(custom("namespaces/ns/deployments.apps/llm/queue_depth").substr(0, 3), "404");
}

}  // namespace
}  // namespace leadline
