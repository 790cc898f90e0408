#include "demo/hpa_manifest.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

std::string manifest_with(const std::string& metrics, const std::string& more = "") {
  return "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\n"
         "metadata: {name: llm, namespace: demo}\n"
         "spec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: llm}\n"
         "  minReplicas: 1\n  maxReplicas: 8\n" +
         more + "  metrics: [" + metrics + "]\n";
}

constexpr const char* kObject =
    "{type: Object, object: {metric: {name: in_flight_requests}, "
    "describedObject: {apiVersion: apps/v1, kind: Deployment, name: llm}, "
    "target: {type: AverageValue, averageValue: 1500m}}}";

TEST(HpaManifestTest, ObjectMetricAsksForTheDescribedObject) {
  const auto manifest = parse_hpa_manifest(manifest_with(kObject));
  ASSERT_TRUE(manifest) << manifest.error().message;
  ASSERT_EQ(manifest->paths.size(), 1u);
  EXPECT_EQ(manifest->paths[0],
            "/apis/custom.metrics.k8s.io/v1beta2/namespaces/demo/deployments.apps/llm/"
            "in_flight_requests");
  EXPECT_EQ(manifest->spec.metrics[0].goal_milli, 1500);
  EXPECT_EQ(manifest->spec.metrics[0].goal_type, GoalType::kAverageValue);
  EXPECT_FALSE(manifest->spec.behavior);
}

TEST(HpaManifestTest, ExternalMetricSendsItsLabelsAsASelector) {
  const auto manifest =
      parse_hpa_manifest(manifest_with("{type: External, external: {metric: {name: queue_depth, "
                                       "selector: {matchLabels: {workload: llm}}}, "
                                       "target: {type: Value, value: 10}}}"));
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->paths[0],
            "/apis/external.metrics.k8s.io/v1beta1/namespaces/demo/"
            "queue_depth?labelSelector=workload%3Dllm");
  EXPECT_EQ(manifest->spec.metrics[0].goal_type, GoalType::kValue);
}

TEST(HpaManifestTest, BehaviorKeepsTheDefaultsItDoesNotName) {
  const auto manifest = parse_hpa_manifest(
      manifest_with(kObject, "  behavior: {scaleDown: {stabilizationWindowSeconds: 15}}\n"));
  ASSERT_TRUE(manifest) << manifest.error().message;
  ASSERT_TRUE(manifest->spec.behavior);
  EXPECT_EQ(manifest->spec.behavior->scale_down.stabilization_window, std::chrono::seconds{15});
  EXPECT_EQ(manifest->spec.behavior->scale_up.policies.size(), 2u);
}

TEST(HpaManifestTest, EveryProblemIsNamedWithItsValue) {
  const auto f = [](const std::string& yaml, std::string_view want) {
    SCOPED_TRACE(yaml);
    const auto manifest = parse_hpa_manifest(yaml);
    ASSERT_FALSE(manifest);
    EXPECT_NE(manifest.error().message.find(want), std::string::npos) << manifest.error().message;
  };
  f("kind: Pod", "kind: must be HorizontalPodAutoscaler");
  f("kind: Pod", "apiVersion: missing");
  f("kind: Pod", "metrics: none that the demo can read");
  f(": [", "yaml-cpp");
  f(manifest_with("{type: Resource}"), "Resource metrics come from metrics-server");
  f(manifest_with(kObject, "  behavior: {scaleDown: {stabilizationWindowSeconds: -1}}\n"),
    "stabilizationWindowSeconds = -1");
  f(manifest_with("{type: Object, object: {metric: {name: m}, describedObject: {kind: Deployment, "
                  "name: llm}, target: {type: AverageValue, averageValue: many}}}"),
    "averageValue = \"many\"");
}

TEST(HpaManifestTest, TheExampleOfTheDemoIsValid) {
  const auto manifest =
      read_hpa_manifest(LEADLINE_SOURCE_DIR "/manifests/examples/hpa-in-flight.yaml");
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->spec.metrics[0].name, "in_flight_requests");
  ASSERT_TRUE(manifest->spec.behavior);
  EXPECT_EQ(manifest->spec.behavior->scale_down.stabilization_window, std::chrono::seconds{15});
}

}  // namespace
}  // namespace leadline
