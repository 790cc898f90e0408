#include "adapter/api_server.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "adapter/token_gatekeeper.h"
#include "tests/unit/adapter/view_builder.h"

namespace leadline {
namespace {

using nlohmann::json;
using test::noon;
using test::pod_of;
using test::ViewBuilder;

const std::string kPods = "/apis/custom.metrics.k8s.io/v1beta1/namespaces/ns/pods/*/queue_depth";
const std::string kQueue = "/apis/external.metrics.k8s.io/v1beta1/namespaces/ns/queue_depth";

const Catalogue& whole_catalogue() {
  static const Catalogue kCatalogue = std::move(*Catalogue::make({}));
  return kCatalogue;
}

// Made once: it takes a second under the sanitizers.
const ApiDocuments& whole_documents() {
  static const ApiDocuments kDocuments(whole_catalogue());
  return kDocuments;
}

class ApiServerTest : public testing::Test {
 protected:
  ApiServerTest() {
    views_.publish(ViewBuilder().with(pod_of("a"), {.queue_depth = 3}).build());
    probes_.add_live("loop", [this] { return alive_; });
    probes_.add_ready("data", [this] { return ready_; });
  }

  [[nodiscard]] HttpResponse get(const std::string& path, std::vector<HttpHeader> headers = {},
                                 const std::string& method = "GET") const {
    HttpRequest request{
        .method = method, .target = path, .headers = std::move(headers), .body = {}};
    if (request.values_of("Authorization").empty()) {
      request.headers.push_back({"Authorization", "Bearer sesame"});
    }
    return answer(request);
  }

  [[nodiscard]] HttpResponse anonymous(const std::string& path) const {
    return answer({.method = "GET", .target = path, .headers = {}, .body = {}});
  }

  // Within the call: the token's gatekeeper asks nobody.
  [[nodiscard]] HttpResponse answer(const HttpRequest& request) const {
    HttpResponse response{.status = 0};
    server_.handle(request, [&](HttpResponse given) { response = std::move(given); });
    return response;
  }

  bool alive_ = true, ready_ = true;
  ViewCell views_;
  SelfMetrics metrics_;
  MetricService service_{views_, whole_catalogue(), {}, metrics_};
  TokenGatekeeper gatekeeper_{"sesame"};
  Probes probes_;
  ApiServer server_{
      {gatekeeper_, service_, whole_documents(), probes_, metrics_, [] { return noon(); }}};
};

json body_of(const HttpResponse& response) {
  return json::parse(response.body ? *response.body : "", nullptr, false);
}

TEST_F(ApiServerTest, AnswersTheMetricApis) {
  const json custom = body_of(get(kPods));
  EXPECT_EQ(custom["kind"], "MetricValueList");
  EXPECT_EQ(custom["items"][0]["describedObject"]["name"], "a");
  EXPECT_EQ(custom["items"][0]["timestamp"], "2026-08-20T11:59:58Z");  // 1.5 s old, floored
  const json external = body_of(get(kQueue));
  EXPECT_EQ(external["kind"], "ExternalMetricValueList");
  EXPECT_EQ(external["items"][0]["value"], "3");
}

TEST_F(ApiServerTest, EveryAnswerIsJsonAndEveryErrorAStatus) {
  const auto f = [this](const std::string& path, int status, std::string_view reason) {
    SCOPED_TRACE(path);
    const HttpResponse response = get(path);
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.content_type, "application/json");
    const json body = body_of(response);
    EXPECT_EQ(body["kind"], "Status");
    EXPECT_EQ(body["code"], status);
    if (!reason.empty()) EXPECT_EQ(body["reason"], reason);
    EXPECT_TRUE(header_values(response.headers, "Retry-After").empty());
  };
  f("/nothing", 404, "NotFound");
  f("/openapi/v2", 404, "NotFound");
  f("/openapi/v3", 404, "NotFound");
  f("/metrics", 404, "NotFound");
  f("/apis/other.k8s.io", 404, "NotFound");
  f("/apis/custom.metrics.k8s.io/v1beta1/namespaces/ns/pods", 400, "BadRequest");
  f(kPods + "?labelSelector=a%3D%2F", 400, "BadRequest");
  f(kQueue + "?watch=true", 405, "MethodNotAllowed");
  f("/%zz", 400, "BadRequest");
}

TEST_F(ApiServerTest, NobodyReadsAnythingButHealth) {
  const auto f = [this](const std::string& path, int want) {
    EXPECT_EQ(anonymous(path).status, want) << path;
  };
  f("/healthz", 200);
  f("/livez?verbose", 200);
  f("/readyz", 200);
  f("/readyz/data", 403);
  f("/apis", 403);
  f("/version", 403);
  f("/nothing", 403);
  f(kPods, 403);
  f(kQueue, 403);
  f("/apis/custom.metrics.k8s.io/v1beta1/x", 403);
  EXPECT_EQ(body_of(anonymous(kPods))["message"],
            "User \"system:anonymous\" cannot get resource \"pods/queue_depth\" in API group "
            "\"custom.metrics.k8s.io\" in the namespace \"ns\"");
}

TEST_F(ApiServerTest, AWrongIdentityIs401) {
  const auto f = [this](std::vector<HttpHeader> headers) {
    const HttpResponse response = get(kQueue, std::move(headers));
    EXPECT_EQ(response.status, 401);
    EXPECT_EQ(body_of(response)["reason"], "Unauthorized");
  };
  f({{"Authorization", "Bearer other"}});
  f({{"Authorization", "Bearer sesame1"}});
  f({{"Authorization", "Bearer sesam"}});
  f({{"Authorization", "Bearer "}});
  f({{"Authorization", "Basic sesame"}});
  f({{"Authorization", "sesame"}});
  f({{"Authorization", "Bearer sesame"}, {"Authorization", "Bearer sesame"}});
  EXPECT_EQ(get(kQueue, {{"authorization", "bearer sesame"}}).status, 200);
  EXPECT_EQ(answer({.method = "GET",
                    .target = kQueue,
                    .headers = {{"X-Remote-User", "system:masters"},
                                {"X-Remote-Group", "system:masters"}},
                    .body = {}})
                .status,
            403);
}

TEST_F(ApiServerTest, OnlyGetIsAnswered) {
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"}) {
    EXPECT_EQ(get(kQueue, {}, method).status, 405) << method;
    EXPECT_EQ(get("/healthz", {}, method).status, 405) << method;
  }
}

TEST_F(ApiServerTest, DiscoveryIsNegotiated) {
  const HttpHeader v2{"Accept",
                      "application/json;g=apidiscovery.k8s.io;v=v2;"
                      "as=APIGroupDiscoveryList"};
  const HttpResponse aggregated = get("/apis", {v2});
  EXPECT_EQ(aggregated.status, 200);
  EXPECT_EQ(body_of(aggregated)["kind"], "APIGroupDiscoveryList");
  const std::string etag(first_header(aggregated.headers, "ETag"));
  ASSERT_FALSE(etag.empty());
  const HttpResponse same = get("/apis", {v2, {"If-None-Match", etag}});
  EXPECT_EQ(same.status, 304);
  EXPECT_TRUE(!same.body || same.body->empty());
  EXPECT_EQ(body_of(get("/apis"))["kind"], "APIGroupList");
  EXPECT_EQ(get("/apis", {{"Accept", "application/cbor"}}).status, 406);
  EXPECT_EQ(body_of(get("/apis/custom.metrics.k8s.io/"))["kind"], "APIGroup");
  EXPECT_EQ(body_of(get("/apis/custom.metrics.k8s.io/v1beta2"))["kind"], "APIResourceList");
  EXPECT_EQ(body_of(get("/apis/external.metrics.k8s.io/v1beta1"))["kind"], "APIResourceList");
  EXPECT_EQ(body_of(get("/version"))["major"], "0");
  EXPECT_TRUE(body_of(get("/"))["paths"].is_array());
}

TEST_F(ApiServerTest, DataIsNegotiated) {
  const auto f = [this](std::string_view accept, int want) {
    EXPECT_EQ(get(kQueue, {{"Accept", std::string(accept)}}).status, want) << accept;
  };
  f("application/vnd.kubernetes.protobuf, */*", 200);
  f("application/vnd.kubernetes.protobuf", 406);
  const HttpResponse table =
      get(kQueue, {{"Accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}});
  EXPECT_EQ(body_of(table)["kind"], "Table");
  const HttpResponse no_table =
      get(kPods, {{"Accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}});
  EXPECT_EQ(body_of(no_table)["kind"], "MetricValueList");
  EXPECT_NE(get(kQueue, {{"User-Agent", "curl/8"}}).body->find("\n  "), std::string::npos);
  EXPECT_EQ(get(kQueue + "?pretty=false", {{"User-Agent", "curl/8"}}).body->find("\n  "),
            std::string::npos);
}

TEST_F(ApiServerTest, HeadersOfEveryAnswer) {
  const HttpResponse response = get("/nothing", {{"Audit-Id", "7"}});
  EXPECT_EQ(first_header(response.headers, "Cache-Control"), "no-cache, private");
  EXPECT_EQ(first_header(response.headers, "Audit-Id"), "7");
}

TEST_F(ApiServerTest, ProbesNameWhatFails) {
  ready_ = false;
  EXPECT_EQ(anonymous("/healthz").status, 200);
  const HttpResponse not_ready = anonymous("/readyz");
  EXPECT_EQ(not_ready.status, 500);
  EXPECT_EQ(*not_ready.body, "[+]loop ok\n[-]data failed\nreadyz check failed\n");
  EXPECT_EQ(anonymous("/readyz?exclude=data").status, 200);
  EXPECT_EQ(get("/readyz/loop").status, 200);
  EXPECT_EQ(get("/readyz/nope").status, 404);
  alive_ = false;
  EXPECT_EQ(anonymous("/livez").status, 500);
}

TEST_F(ApiServerTest, RequestsAreCountedByApiAndCode) {
  static_cast<void>(get(kQueue));
  static_cast<void>(anonymous(kPods));
  const std::string text = metrics_.text({});
  EXPECT_NE(text.find("leadline_adapter_requests_total{api=\"external\",code=\"200\"} 1"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("leadline_adapter_requests_total{api=\"custom\",code=\"403\"} 1"),
            std::string::npos);
}

}  // namespace
}  // namespace leadline
