#include "adapter/metric_query.h"

#include <array>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace leadline {
namespace {

const std::string kCustom = "/apis/custom.metrics.k8s.io/v1beta1";
const std::string kExternal = "/apis/external.metrics.k8s.io/v1beta1";

ApiResult<MetricQuery> query_of(const std::string& raw) {
  const auto target = parse_request_target(raw);
  if (!target) return tl::unexpected(target.error());
  return parse_metric_query(*target);
}

// `form namespace resource object metric [selector] [metric selector]`, `-` for what is empty.
std::string render(const std::string& raw) {
  const auto query = query_of(raw);
  if (!query) {
    const auto& error = query.error();
    return fmt::format("{} {}: {}", error.http_status, error.reason, error.message);
  }
  const auto or_dash = [](std::string_view text) { return text.empty() ? "-" : text; };
  constexpr std::array<std::string_view, 4> kForms = {"object", "all", "itself", "external"};
  return fmt::format("{} {} {} {} {} [{}] [{}]", kForms.at(static_cast<std::size_t>(query->form)),
                     or_dash(query->namespace_name),
                     query->resource == nullptr ? "?" : query->resource->name,
                     or_dash(query->object), query->metric, query->label_selector.to_string(),
                     query->metric_label_selector.to_string());
}

TEST(MetricQueryTest, ReadsEveryCustomForm) {
  const auto f = [](const std::string& path, std::string_view want) {
    SCOPED_TRACE(path);
    EXPECT_EQ(render(kCustom + path), want);
  };
  f("/namespaces/ns/pods/p-1/m", "object ns pods p-1 m [] []");
  f("/namespaces/ns/pods/p-1/m/", "object ns pods p-1 m [] []");
  f("/namespaces/ns/pods/%2A/m", "all ns pods - m [] []");
  f("/namespaces/ns/pods/*/m", "all ns pods - m [] []");
  f("/namespaces/ns/pod/p/m", "object ns pods p m [] []");
  f("/namespaces/ns/deployments.apps/d/m", "object ns deployments.apps d m [] []");
  f("/namespaces/ns/deployment/d/m", "object ns deployments.apps d m [] []");
  f("/namespaces/ns/deployment.apps/d/m", "object ns deployments.apps d m [] []");
  f("/namespaces/ns/statefulsets.apps/s/m", "object ns statefulsets.apps s m [] []");
  f("/namespaces/ns/replicasets.apps/r/m", "object ns replicasets.apps r m [] []");
  f("/namespaces/ns/services/s/m", "object ns services s m [] []");
  f("/namespaces/ns/leaderworkersets.leaderworkerset.x-k8s.io/l/m",
    "object ns leaderworkersets.leaderworkerset.x-k8s.io l m [] []");
  f("/namespaces/ns/inferenceservices.serving.kserve.io/i/m",
    "object ns inferenceservices.serving.kserve.io i m [] []");
  f("/namespaces/ns/jobs.batch/j/m", "object ns ? j m [] []");
  f("/namespaces/ns/deployments.extensions/d/m", "object ns ? d m [] []");
  f("/namespaces/ns/pods.apps/p/m", "object ns ? p m [] []");
  f("/nodes/n1/m", "object - nodes n1 m [] []");
  f("/nodes/%2A/m?labelSelector=zone%3Da", "all - nodes - m [zone=a] []");
  f("/namespaces/x/nodes/n1/m", "object - nodes n1 m [] []");
  f("/namespaces/x/node/%2A/m", "all - nodes - m [] []");
  f("/namespaces/ns/metrics/m", "itself - namespaces ns m [] []");
  f("/namespaces/x/namespaces/ns/m", "object - namespaces ns m [] []");
  f("/persistentvolumes/v/m", "object - ? v m [] []");
}

TEST(MetricQueryTest, KeepsTheMetricNameAsItWasWritten) {
  const auto f = [](const std::string& segment, std::string_view want) {
    SCOPED_TRACE(segment);
    const auto query = query_of(kCustom + "/namespaces/ns/pods/p/" + segment);
    ASSERT_TRUE(query);
    EXPECT_EQ(query->metric, want);
  };
  f("DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_GPU_UTIL");
  f("vllm:num_requests_waiting", "vllm:num_requests_waiting");
  f("vllm%3Anum%7Cx", "vllm:num|x");
  f("a%20b", "a b");
  f("a+b", "a+b");
  f("*", "*");
}

TEST(MetricQueryTest, WrongShapesAre400Or404) {
  const auto f = [](const std::string& raw, std::string_view want) {
    SCOPED_TRACE(raw);
    EXPECT_EQ(render(raw).substr(0, want.size()), want);
  };
  f(kCustom + "/namespaces/ns/pods", "400 BadRequest: invalid request path");
  f(kCustom + "/namespaces/ns/pods/", "400 BadRequest: invalid request path");
  f(kCustom + "/namespaces/ns/metrics", "400 BadRequest: invalid request path");
  f(kCustom + "/nodes/foo", "404 NotFound: the server could not find the requested resource");
  f(kCustom + "/namespaces/ns", "404 NotFound");
  f(kCustom + "/namespaces/ns/pods/p", "404 NotFound");
  f(kCustom + "/namespaces/ns/pods/p/m/x", "404 NotFound");
  f(kCustom + "/namespaces/ns/pods/p/m/x/y", "404 NotFound");
  f(kCustom + "/nodes/n/m/x", "404 NotFound");
  f(kCustom + "/nodes", "404 NotFound");
  f(kCustom, "404 NotFound");
  f(kCustom + "/namespaces/ns/pods/p/a%2Fb", "404 NotFound");
  f(kCustom + "/namespaces/ns/pods/p/..", "404 NotFound");
  f(kCustom + "/namespaces/ns/pods/p/a%25b", "404 NotFound");
  f(kCustom + "/namespaces/ns/pods/p/%zz", "400 BadRequest");
  f(kCustom + "/pods/p/m",
    "404 NotFound: the server could not find the metric m for pods: this resource is namespaced");
  f("/apis/custom.metrics.k8s.io/v1/namespaces/ns/pods/p/m", "404 NotFound");
  f("/apis/metrics.k8s.io/v1beta1/namespaces/ns/pods/p", "404 NotFound");
  f("/api/v1/namespaces/ns/pods/p", "404 NotFound");
}

TEST(MetricQueryTest, ReadsVersions) {
  EXPECT_EQ(query_of(kCustom + "/nodes/n/m")->api, MetricApi::kCustomV1beta1);
  EXPECT_EQ(query_of("/apis/custom.metrics.k8s.io/v1beta2/nodes/n/m")->api,
            MetricApi::kCustomV1beta2);
  EXPECT_EQ(query_of(kExternal + "/namespaces/ns/m")->api, MetricApi::kExternalV1beta1);
}

TEST(MetricQueryTest, ExternalHasOneFormOnly) {
  const auto f = [](const std::string& path, std::string_view want) {
    SCOPED_TRACE(path);
    EXPECT_EQ(render(kExternal + path).substr(0, want.size()), want);
  };
  f("/namespaces/ns/queue_depth", "external ns ? - queue_depth [] []");
  f("/namespaces/ns/queue_depth/", "external ns ? - queue_depth [] []");
  f("/namespaces/ns/DCGM?labelSelector=q+in+%28a%2Cb%29", "external ns ? - DCGM [q in (a,b)] []");
  f("/namespaces/ns/m?limit=500&watch=false", "external ns ? - m [] []");
  f("/namespaces/ns/m?metricLabelSelector=%2F", "external ns ? - m [] []");
  f("/namespaces/ns/m?fieldSelector=metadata.name%3Dx", "external ns ? - m [] []");
  f("/queue_depth", "404 NotFound");
  f("/namespaces/ns", "404 NotFound");
  f("/namespaces/ns/m/x", "404 NotFound");
  f("/pods/p/m", "404 NotFound");
  f("/namespaces/ns/m?watch=true", "405 MethodNotAllowed: watch is not supported");
  f("/namespaces/ns/m?watch=1", "405 MethodNotAllowed");
  f("/namespaces/ns/m?labelSelector=%2F", "400 BadRequest: invalid labelSelector");
}

TEST(MetricQueryTest, ReadsSelectorsAndIgnoresTheRest) {
  const auto f = [](const std::string& tail, std::string_view want) {
    SCOPED_TRACE(tail);
    EXPECT_EQ(render(kCustom + "/namespaces/ns/pods/" + tail).substr(0, want.size()), want);
  };
  f("%2A/m?labelSelector=app%3Dvllm&metricLabelSelector=n%3E5", "all ns pods - m [app=vllm] [n>5]");
  f("%2A/m?labelSelector=", "all ns pods - m [] []");
  f("%2A/m?labelSelector=a%3D1&labelSelector=b%3D2", "all ns pods - m [a=1] []");
  f("%2A/m?labelSelector=a+in+(x)", "all ns pods - m [a in (x)] []");
  f("%2A/m?labelSelector=a%20in%20(x)", "all ns pods - m [a in (x)] []");
  f("%2A/m?labelSelector=a%3Db%2Bc", "400 BadRequest: invalid labelSelector: ");
  f("%2A/m?labelSelector=a%3Db%2Fc", "400 BadRequest: invalid labelSelector: ");
  f("%2A/m?metricLabelSelector=a%3D%3D%3Db", "400 BadRequest: invalid metricLabelSelector: ");
  f("p/m?labelSelector=a%3D1&metricLabelSelector=b%3D2", "object ns pods p m [] [b=2]");
  f("p/m?limit=500&continue=x&timeout=32s&timeoutSeconds=5&resourceVersion=0&watch=true&what=ever",
    "object ns pods p m [] []");
  f("p/m?fieldSelector=metadata.name%3Dp", "object ns pods p m [] []");
  f("p/m?fieldSelector=metadata.name%3D%3Dp", "object ns pods p m [] []");
  f("p/m?fieldSelector=", "object ns pods p m [] []");
  f("p/m?fieldSelector=metadata.name%3Dq",
    "400 BadRequest: fieldSelector metadata.name doesn't match requested name");
  f("p/m?fieldSelector=status.phase%3DRunning", "400 BadRequest: fieldSelector");
  f("%2A/m?fieldSelector=metadata.name%3Dp", "400 BadRequest: fieldSelector");
}

TEST(MetricQueryTest, KeepsThePathForAuthorisation) {
  const auto f = [](const std::string& raw, std::string_view want_namespace,
                    std::string_view want_resource) {
    SCOPED_TRACE(raw);
    const auto query = query_of(raw);
    ASSERT_TRUE(query);
    EXPECT_EQ(query->path_namespace, want_namespace);
    EXPECT_EQ(query->path_resource, want_resource);
  };
  f(kCustom + "/namespaces/x/nodes/n1/m", "", "nodes");
  f(kCustom + "/namespaces/x/namespaces/%2A/m", "", "namespaces");
  f(kCustom + "/nodes/n1/m", "", "nodes");
  f(kCustom + "/namespaces/ns/metrics/m", "ns", "metrics");
  f(kCustom + "/namespaces/ns/deployments.apps/d/m", "ns", "deployments.apps");
  f(kExternal + "/namespaces/ns/m", "ns", "m");
}

TEST(MetricQueryTest, TellsMetricPathsFromDiscovery) {
  const auto f = [](const std::string& raw, bool want) {
    SCOPED_TRACE(raw);
    EXPECT_EQ(is_metric_path(*parse_request_target(raw)), want);
  };
  f(kCustom, false);
  f(kCustom + "/", false);
  f(kCustom + "/x", true);
  f(kExternal + "/namespaces/ns/m", true);
  f("/apis", false);
  f("/apis/custom.metrics.k8s.io", false);
  f("/apis/custom.metrics.k8s.io/v9/x/y/z", false);
  f("/healthz", false);
}

TEST(MetricQueryTest, UnknownMetricMessageNamesAllThatIsKnown) {
  EXPECT_EQ(metric_not_found({.metric = "m", .resource = "pods"}).message,
            "the server could not find the metric m for pods");
  EXPECT_EQ(status_body(metric_not_found({.metric = "m",
                                          .resource = "pods",
                                          .object = "p-1",
                                          .selector = "a=b",
                                          .why = "stale: p-1"}),
                        JsonStyle::kCompact),
            R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",)"
            R"("message":"the server could not find the metric m for pods p-1 with selector a=b: )"
            R"(stale: p-1","reason":"NotFound","code":404})"
            "\n");
}

}  // namespace
}  // namespace leadline
