// Checks 59-65: negotiation, errors, connections, shutdown. Check 66 is
// tests/process/kubectl_test.cpp.

#include <csignal>
#include <stdexcept>

#include "tests/contract/contract_rig.h"
#include "tests/text_of.h"

namespace leadline::test {
namespace {

using nlohmann::json;
using Names = std::vector<std::string>;

// What kubectl 1.32 sends for `kubectl get`.
constexpr const char* kTableAccept =
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/"
    "json;as=Table;v=v1beta1;g=meta.k8s.io,"
    "application/json";

TEST_F(ContractTest, Check59ProtobufWithAnyIsAnsweredInJsonAndAloneIs406) {
  start();
  for (const std::string& path : {kAllPods, kOnePod, kQueueOfAll, std::string("/apis"), kV1beta1,
                                  kExternal, std::string("/version")}) {
    SCOPED_TRACE(path);
    const ApiReply any = get(path, {{"Accept", "application/vnd.kubernetes.protobuf, */*"}});
    EXPECT_EQ(any.status, 200);
    EXPECT_EQ(any.header("Content-Type"), "application/json");
    EXPECT_TRUE(any.json().is_object()) << any.body;
    expect_status(get(path, {{"Accept", "application/vnd.kubernetes.protobuf"}}), 406,
                  "NotAcceptable",
                  {"only the following media types are accepted: application/json"});
    for (const char* accept :
         {"application/json", "application/*", "*/*", "application/json, */*"}) {
      EXPECT_EQ(get(path, {{"Accept", accept}}).status, 200) << accept;
    }
  }
}

TEST_F(ContractTest, Check60CurlReadsIndentedJsonUnlessItSaysOtherwise) {
  start();
  const HttpHeader curl = {"User-Agent", "curl/8"};
  const auto lines = [](const ApiReply& reply) {
    return std::count(reply.body.begin(), reply.body.end(), '\n');
  };
  for (const std::string& path : {kOnePod, kQueueOfAll, kV1beta1, std::string("/apis"),
                                  kV1beta1 + "/namespaces/ns/pods/absent/queue_depth"}) {
    SCOPED_TRACE(path);
    EXPECT_GT(lines(get(path, {curl})), 5);
    EXPECT_LE(lines(get(path + "?pretty=false", {curl})), 1);
    EXPECT_LE(lines(get(path)), 1);
    EXPECT_GT(lines(get(path + "?pretty=true")), 5);
    EXPECT_EQ(get(path, {curl}).json().size(), get(path).json().size());
  }
}

TEST_F(ContractTest, Check61ExternalAsATableHoldsNameLabelsAndValue) {
  start();
  const std::string path = kQueueOfAll + "?labelSelector=app%3Dweb&limit=500";
  const ApiReply reply = get(path, {{"Accept", kTableAccept}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Content-Type"), "application/json");
  const json table = reply.json();
  EXPECT_EQ(table["kind"], "Table");
  EXPECT_EQ(table["apiVersion"], "meta.k8s.io/v1");
  Names columns;
  for (const json& column : table["columnDefinitions"]) columns.push_back(column["name"]);
  EXPECT_EQ(columns, (Names{"Name", "Labels", "Value", "Window", "Age"}));
  ASSERT_EQ(table["rows"].size(), 1U);
  const json& cells = table["rows"][0]["cells"];
  ASSERT_EQ(cells.size(), columns.size());
  EXPECT_EQ(cells[0], "queue_depth");
  EXPECT_NE(cells[1].get<std::string>().find("app=web"), std::string::npos) << cells[1];
  EXPECT_EQ(cells[2], "8");
  EXPECT_EQ(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
  EXPECT_EQ(table["rows"][0]["object"]["metadata"]["name"], "queue_depth");
  // Custom metrics have no table: the next clause is taken.
  EXPECT_EQ(get(kOnePod, {{"Accept", kTableAccept}}).json()["kind"], "MetricValueList");
}

struct BadCall {
  ApiCall call;
  int code;
  const char* reason;
};

// One of every error that a path of the API can end in.
std::vector<BadCall> bad_calls() {
  const std::string pods = kV1beta1 + "/namespaces/ns/pods";
  return {
      {{.path = pods}, 400, "BadRequest"},
      {{.path = kAllPods + "?labelSelector=a%3D%2F"}, 400, "BadRequest"},
      {{.path = kAllPods + "?metricLabelSelector=a%2C"}, 400, "BadRequest"},
      {{.path = kQueueOfAll + "?labelSelector=window%3D5s"}, 400, "BadRequest"},
      {{.path = kOnePod + "?fieldSelector=metadata.name%3Dother"}, 400, "BadRequest"},
      {{.path = "/apis/%zz"}, 400, "BadRequest"},
      {{.path = kOnePod, .headers = {{"Authorization", "Bearer wrong"}}, .with_token = false},
       401,
       "Unauthorized"},
      {{.path = kOnePod, .with_token = false}, 403, "Forbidden"},
      {{.path = "/apis", .with_token = false}, 403, "Forbidden"},
      {{.path = pods + "/absent/queue_depth"}, 404, "NotFound"},
      {{.path = pods + "/p-1/unknown"}, 404, "NotFound"},
      {{.path = kExternal + "/namespaces/ns/unknown"}, 404, "NotFound"},
      {{.path = "/nothing"}, 404, "NotFound"},
      {{.path = "/openapi/v2"}, 404, "NotFound"},
      {{.path = kOnePod, .method = "DELETE"}, 405, "MethodNotAllowed"},
      {{.path = kQueueOfAll + "?watch=true"}, 405, "MethodNotAllowed"},
      {{.path = kOnePod, .headers = {{"Accept", "application/yaml"}}}, 406, "NotAcceptable"},
  };
}

TEST_F(ContractTest, Check62EveryErrorIsAStatusInJson) {
  start();
  for (const BadCall& each : bad_calls()) {
    SCOPED_TRACE(each.call.method + " " + each.call.path);
    const ApiReply reply = call(each.call);
    expect_status(reply, each.code, each.reason);
    EXPECT_EQ(reply.header("Cache-Control"), "no-cache, private");
    EXPECT_EQ(reply.header("Content-Length"), std::to_string(reply.body.size()));
  }
}

TEST_F(ContractTest, Check62WhatTheServerRefusesByItselfIsAStatusToo) {
  start();
  const ApiReply huge =
      call({.path = "/apis", .headers = {{"X-Padding", std::string(2'000'000, 'x')}}});
  EXPECT_EQ(huge.status, 431);
  EXPECT_EQ(huge.header("Content-Type"), "application/json");
  EXPECT_EQ(huge.json()["kind"], "Status");
  EXPECT_EQ(huge.json()["code"], 431);
}

TEST_F(ContractTest, Check63NoAnswerAsksToRetryLater) {
  start();
  for (const BadCall& each : bad_calls()) {
    EXPECT_EQ(call(each.call).header("Retry-After"), "") << each.call.path;
  }
  for (const std::string& path : {kAllPods, kOnePod, kQueueOfAll, std::string("/apis"), kV1beta2}) {
    const ApiReply reply = get(path);
    EXPECT_EQ(reply.status, 200) << path;
    EXPECT_EQ(reply.header("Retry-After"), "") << path;
  }
}

bool refuses_connections(const ApiAddress& address) {
  try {
    ApiCaller caller(address);
  } catch (const std::runtime_error&) {
    return true;
  }
  return false;
}

TEST_F(ContractTest, Check64TermIsNotReadyThenAnswersForTheGracePeriodThenCloses) {
  start({"--shutdown-delay-ms", "6000", "--drain-grace-ms", "1000"});
  ApiCaller open(address());
  ASSERT_EQ(open.call({.path = kOnePod}).status, 200);
  ASSERT_EQ(ask_metrics_port("/readyz").status, 200);
  ASSERT_EQ(::kill(adapter_.pid(), SIGTERM), 0);
  ASSERT_TRUE(eventually([&] { return log().find("stopping") != std::string::npos; }));
  const ApiReply ready = open.call({.path = "/readyz"});
  EXPECT_EQ(ready.status, 500);
  EXPECT_NE(ready.body.find("not-stopping"), std::string::npos) << ready.body;
  EXPECT_EQ(ask_metrics_port("/readyz").status, 500);
  EXPECT_EQ(open.call({.path = "/livez"}).status, 200);
  // Whoever has not heard of it yet is served, on old connections and new ones.
  EXPECT_EQ(open.call({.path = kOnePod}).status, 200);
  EXPECT_EQ(get(kQueueOfAll).status, 200);
  EXPECT_TRUE(open.wait_for_end());
  EXPECT_TRUE(eventually([&] { return refuses_connections(address()); }));
  EXPECT_TRUE(eventually([&] { return log().find("stopped") != std::string::npos; }));
}

TEST_F(ContractTest, Check65AConnectionLivesThrough2000RequestsAnd6IdleSeconds) {
  start();
  ApiCaller caller(address());
  for (int i = 0; i < 2000; ++i) {
    const ApiReply reply = caller.call({.path = i % 2 == 0 ? kOnePod : kQueueOfAll});
    ASSERT_EQ(reply.status, 200) << "request " << i << ": " << reply.body;
  }
  pause(std::chrono::seconds{6});
  EXPECT_EQ(caller.call({.path = kOnePod}).status, 200);
}

}  // namespace
}  // namespace leadline::test
