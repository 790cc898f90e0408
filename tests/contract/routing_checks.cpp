// Checks 1-17: paths.

#include "tests/contract/contract_rig.h"

namespace leadline::test {
namespace {

using nlohmann::json;
using Names = std::vector<std::string>;

TEST_F(ContractTest, Check01WildcardPodsAnswersAMetricValueList) {
  start();
  const json list = data(kAllPods);
  EXPECT_EQ(list["kind"], "MetricValueList");
  EXPECT_EQ(list["apiVersion"], "custom.metrics.k8s.io/v1beta1");
  EXPECT_EQ(list["metadata"], json::object());
  EXPECT_EQ(keys_of(list), (Names{"apiVersion", "items", "kind", "metadata"}));
  EXPECT_EQ(described(kAllPods), (Names{"p-1", "p-2", "p-3", "p-4"}));
}

TEST_F(ContractTest, Check02ALiteralStarAsksForTheSame) {
  fleet_.sampled_at(system_now().steady);  // else the timestamps move on
  start();
  const std::string literal = kV1beta1 + "/namespaces/ns/pods/*/queue_depth";
  // The way to a sample's time is measured, so a second's turn may lie between two polls.
  ASSERT_TRUE(eventually([&] { return get(kAllPods).body == get(literal).body; }));
  EXPECT_EQ(described(literal), (Names{"p-1", "p-2", "p-3", "p-4"}));
}

TEST_F(ContractTest, Check03V1beta2SpellsMetricAndWindowItsOwnWay) {
  start();
  const json list = data(kV1beta2 + "/namespaces/ns/pods/%2A/inference_requests_per_second");
  EXPECT_EQ(list["kind"], "MetricValueList");
  EXPECT_EQ(list["apiVersion"], "custom.metrics.k8s.io/v1beta2");
  ASSERT_EQ(list["items"].size(), 4U);
  for (const json& item : list["items"]) {
    EXPECT_EQ(keys_of(item),
              (Names{"describedObject", "metric", "timestamp", "value", "windowSeconds"}));
    EXPECT_EQ(item["metric"]["name"], "inference_requests_per_second");
    EXPECT_EQ(keys_of(item["metric"]), (Names{"name", "selector"}));
    EXPECT_TRUE(item["windowSeconds"].is_number_integer());
    EXPECT_EQ(item["windowSeconds"], 60);
    EXPECT_EQ(item["value"], "1");
  }
}

TEST_F(ContractTest, Check04V1beta1HasWindowAsAnInteger) {
  start();
  const json item = only_item(kV1beta1 + "/namespaces/ns/pods/p-1/inference_requests_per_second");
  EXPECT_EQ(keys_of(item),
            (Names{"describedObject", "metricName", "selector", "timestamp", "value", "window"}));
  EXPECT_TRUE(item["window"].is_number_integer());
  EXPECT_EQ(item["window"], 60);
  EXPECT_EQ(item["metricName"], "inference_requests_per_second");
  EXPECT_FALSE(only_item(kOnePod).contains("window")) << "a gauge has none";
}

TEST_F(ContractTest, Check05OnePodIsExactlyOneItem) {
  start();
  for (const std::string& version : {kV1beta1, kV1beta2}) {
    const json item = only_item(version + "/namespaces/ns/pods/p-1/queue_depth");
    EXPECT_EQ(item["describedObject"],
              (json{{"kind", "Pod"}, {"namespace", "ns"}, {"name", "p-1"}, {"apiVersion", "v1"}}));
    EXPECT_EQ(item["value"], "3");
  }
}

TEST_F(ContractTest, Check06AnAbsentPodIs404InBodyAndStatusLine) {
  start();
  for (const std::string& version : {kV1beta1, kV1beta2}) {
    expect_status(get(version + "/namespaces/ns/pods/absent/queue_depth"), 404, "NotFound",
                  {"queue_depth", "pods", "absent"});
  }
}

TEST_F(ContractTest, Check07AnUnknownMetricIs404ThatNamesMetricAndResource) {
  start();
  expect_status(get(kV1beta1 + "/namespaces/ns/pods/p-1/unknown"), 404, "NotFound",
                {"the server could not find the metric unknown for pods"});
  expect_status(get(kV1beta1 + "/namespaces/ns/pods/%2A/unknown"), 404, "NotFound",
                {"the server could not find the metric unknown for pods"});
  expect_status(get(kV1beta1 + "/namespaces/ns/widgets.example.com/w/queue_depth"), 404, "NotFound",
                {"the server could not find the metric queue_depth for widgets.example.com"});
}

TEST_F(ContractTest, Check08WorkloadsCarryTheirOwnApiVersion) {
  start();
  const auto f = [this](const std::string& object, const json& reference, const char* value) {
    const json item = only_item(kV1beta1 + "/namespaces/ns/" + object + "/queue_depth");
    EXPECT_EQ(item["describedObject"], reference);
    EXPECT_EQ(item["value"], value) << object;
  };
  const json deployment = {
      {"kind", "Deployment"}, {"namespace", "ns"}, {"name", "d"}, {"apiVersion", "apps/v1"}};
  f("deployments.apps/d", deployment, "8");
  f("deployment.apps/d", deployment, "8");
  f("leaderworkersets.leaderworkerset.x-k8s.io/l",
    {{"kind", "LeaderWorkerSet"},
     {"namespace", "ns"},
     {"name", "l"},
     {"apiVersion", "leaderworkerset.x-k8s.io/v1"}},
    "7");
}

TEST_F(ContractTest, Check09MetricsOfTheNamespaceDescribeIt) {
  start();
  const json item = only_item(kV1beta1 + "/namespaces/ns/metrics/queue_depth");
  EXPECT_EQ(item["describedObject"],
            (json{{"kind", "Namespace"}, {"name", "ns"}, {"apiVersion", "v1"}}));
  EXPECT_EQ(item["value"], "26");
  EXPECT_EQ(get(kV1beta1 + "/namespaces/nowhere/metrics/queue_depth").status, 404);
}

TEST_F(ContractTest, Check10ANodeIsTheSameWithAndWithoutANamespaceInThePath) {
  start();
  json rooted = only_item(kV1beta1 + "/nodes/n1/queue_depth");
  EXPECT_EQ(rooted["describedObject"],
            (json{{"kind", "Node"}, {"name", "n1"}, {"apiVersion", "v1"}}));
  EXPECT_EQ(rooted["value"], "10");
  json below = only_item(kV1beta1 + "/namespaces/x/nodes/n1/queue_depth");
  rooted.erase("timestamp");
  below.erase("timestamp");
  EXPECT_EQ(below, rooted);
}

TEST_F(ContractTest, Check11NodesAreSelectedByTheirOwnLabels) {
  start();
  const std::string nodes = kV1beta1 + "/nodes/%2A/queue_depth";
  EXPECT_EQ(described(nodes), (Names{"n1", "n2"}));
  EXPECT_EQ(described(nodes + "?labelSelector=zone%3Da"), Names{"n1"});
  EXPECT_EQ(described(nodes + "?labelSelector=zone%3Dc"), Names{});
}

TEST_F(ContractTest, Check12OtherShapesOfPathAreRefused) {
  start();
  const auto f = [this](const std::string& path, int code, const char* reason) {
    SCOPED_TRACE(path);
    expect_status(get(kV1beta1 + path), code, reason);
    expect_status(get(kV1beta2 + path), code, reason);
  };
  f("/namespaces/ns/pods", 400, "BadRequest");
  f("/namespaces/ns/metrics", 400, "BadRequest");
  f("/nodes", 404, "NotFound");
  f("/nodes/foo", 404, "NotFound");
  f("/namespaces/ns", 404, "NotFound");
  f("/namespaces/ns/pods/p", 404, "NotFound");
  f("/nodes/n1/queue_depth/more", 404, "NotFound");
  f("/namespaces/ns/pods/p-1/queue_depth/more", 404, "NotFound");
  f("/namespaces/ns/pods/p-1/queue_depth/more/still", 404, "NotFound");
  f("/namespaces/ns/pods/p-1%2Fqueue_depth", 404, "NotFound");
  f("/namespaces/ns/pods//queue_depth", 404, "NotFound");
}

TEST_F(ContractTest, Check13ATrailingSlashChangesNothing) {
  start();
  EXPECT_EQ(only_item(kOnePod + "/")["value"], "3");
  EXPECT_EQ(described(kAllPods + "/?labelSelector=tier%3Da"), Names{"p-1"});
  EXPECT_EQ(only_item(kQueueOfAll + "/")["value"], "26");
  EXPECT_EQ(only_item(kV1beta1 + "/namespaces/ns/metrics/queue_depth/")["value"], "26");
}

TEST_F(ContractTest, Check14MetricNamesMayHoldPipesColonsCapitalsAndSpaces) {
  start({"--metrics", R"([{name: "Odd|Name:of ALL", signal: queue_depth}])"});
  for (const char* const written : {"Odd%7CName%3Aof%20ALL", "Odd%7cName:of%20ALL"}) {
    const json old = only_item(kV1beta1 + "/namespaces/ns/pods/p-1/" + written);
    EXPECT_EQ(old["metricName"], "Odd|Name:of ALL");
    EXPECT_EQ(old["value"], "3");
    const json item = only_item(kV1beta2 + "/namespaces/ns/pods/p-1/" + written);
    EXPECT_EQ(item["metric"]["name"], "Odd|Name:of ALL");
  }
  // A plus is a space in queries only.
  EXPECT_EQ(get(kV1beta1 + "/namespaces/ns/pods/p-1/Odd%7CName:of+ALL").status, 404);
  EXPECT_EQ(get(kV1beta1 + "/namespaces/ns/pods/p-1/odd%7Cname:of%20all").status, 404);
}

TEST_F(ContractTest, Check15ExternalNamesAreFoundInAnyCaseAndEchoedAsConfigured) {
  start({"--metrics", "[{name: DCGM_FI_DEV_GPU_UTIL, signal: queue_depth}]"});
  for (const char* const asked : {"dcgm_fi_dev_gpu_util", "DCGM_FI_DEV_GPU_UTIL"}) {
    const json item = only_item(kExternal + "/namespaces/ns/" + asked);
    EXPECT_EQ(item["metricName"], "DCGM_FI_DEV_GPU_UTIL");
    EXPECT_EQ(item["value"], "26");
  }
}

TEST_F(ContractTest, Check16ExternalHasOneShapeOfPathOnly) {
  start();
  for (const char* path : {"/queue_depth", "/namespaces/ns/queue_depth/more", "/namespaces/ns",
                           "/namespaces/ns/", "/namespaces", "/namespaces/ns/queue_depth/x/y"}) {
    SCOPED_TRACE(path);
    expect_status(get(kExternal + path), 404, "NotFound");
  }
}

TEST_F(ContractTest, Check17EveryMethodButGetIs405) {
  start();
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH"}) {
    for (const std::string& path :
         {kAllPods, kOnePod, kQueueOfAll, std::string("/apis"), kV1beta1, std::string("/version"),
          std::string("/healthz"), std::string("/"), std::string("/nothing/here")}) {
      SCOPED_TRACE(std::string(method) + " " + path);
      expect_status(call({.path = path,
                          .headers = {{"Content-Type", "application/json"}},
                          .method = method,
                          .body = "{}"}),
                    405, "MethodNotAllowed");
    }
  }
}

}  // namespace
}  // namespace leadline::test
