// The JSON for KEDA's metrics-api scaler, with the real binary: values, and who may read them. KEDA
// itself reads it in tests/keda.

#include <fmt/format.h>

#include "tests/contract/security_rig.h"
#include "tests/required.h"

namespace leadline::test {
namespace {

using nlohmann::json;
using std::chrono::seconds;

const std::string kDoor = "/keda/v1/ns/d/queue_depth";

TEST_F(ContractTest, TheJsonDoorGivesAWorkloadsValue) {
  fleet_.sampled_at(system_now().steady - seconds{10});
  start();
  const ApiReply reply = get(kDoor);
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.header("Content-Type"), "application/json");
  const json body = reply.json();
  EXPECT_EQ(keys_of(body),
            (std::vector<std::string>{"ageMs", "coverage", "pods", "podsFresh", "value"}));
  EXPECT_EQ(body["value"], 8);
  EXPECT_EQ(body["pods"], 2);
  EXPECT_EQ(body["podsFresh"], 2);
  EXPECT_EQ(body["coverage"], 1);
  EXPECT_GE(body["ageMs"].get<int>(), 10'000);
  EXPECT_EQ(data("/keda/v1/ns/l/queue_depth?kind=LeaderWorkerSet")["value"], 7);
  EXPECT_EQ(data(kDoor + "?selector=tier%3Da&window=15s")["value"], 3);
  EXPECT_EQ(data("/keda/v1/ns/d/in_flight_requests")["value"], 10);
  EXPECT_EQ(self_metric(R"(leadline_adapter_requests_total{api="keda",code="200"})"), 4);
}

TEST_F(ContractTest, TheJsonDoorNeverSaysZeroForWhatIsUnknown) {
  max_age_ms_ = "5000";
  fleet_.sampled_at("p-1", system_now().steady - seconds{60});
  fleet_.sampled_at("p-2", system_now().steady - seconds{60});
  start();
  expect_status(get(kDoor), 404, "NotFound", {"queue_depth of Deployment ns/d", "stale: p-1, p-2"});
  for (const char* path : {"/keda/v1/ns/nobody/queue_depth", "/keda/v1/other/d/queue_depth"}) {
    expect_status(get(path), 404, "NotFound", {"is listed", "believed after 60 s"});
  }
  expect_status(get("/keda/v1/ns/d/nothing"), 404, "NotFound", {"nothing"});
  expect_status(get("/keda/v1/ns/jobs/redis_queue_depth"), 404, "NotFound", {"redis_queue_depth"});
}

// As configured for KEDA's other door, which is not open here.
TEST_F(ContractTest, TheJsonDoorSaysZeroOfAWorkloadThatIsGoneForItsGrace) {
  start({"--keda-absent-grace-ms", "0"});
  EXPECT_EQ(data("/keda/v1/ns/nobody/queue_depth"),
            (json{{"value", 0}, {"pods", 0}, {"podsFresh", 0}}));
}

TEST_F(ContractTest, TheJsonDoorKnowsQueuesByTheirNames) {
  required(folder_.write("config.yaml",
                         "redis: {servers: [{name: main, address: \"127.0.0.1:1\"}], queues: "
                         "[{name: jobs, namespace: ns, server: main, kind: list, keys: [k]}]}\n"));
  start({"--config", folder_.file("config.yaml")});
  expect_status(get("/keda/v1/ns/jobs/redis_queue_depth"), 404, "NotFound", {"queue jobs: "});
  expect_status(get("/keda/v1/ns/d/redis_queue_depth"), 404, "NotFound", {"no such queue"});
}

TEST_F(ContractTest, TheJsonDoorRefusesWhatCannotBe) {
  start();
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}) {
    EXPECT_EQ(call({.path = kDoor, .headers = {}, .method = method}).status, 405) << method;
  }
  expect_status(get(kDoor + "?kind=Pod"), 400, "BadRequest", {"kind = \"Pod\"", "Deployment"});
  expect_status(get(kDoor + "?window=1h"), 400, "BadRequest",
                {"window = \"1h\"", "15s, 60s, 300s"});
  expect_status(get(kDoor + "?target=1"), 400, "BadRequest",
                {"\"target\"", "kind, window, selector"});
  expect_status(get(kDoor + "?window=15s&window=60s"), 400, "BadRequest", {"\"window=60s\""});
  expect_status(get("/keda/v1/ns/%64%2E%2A/queue_depth"), 400, "BadRequest", {"\"d.*\""});
  expect_status(get("/keda/v1/ns/" + std::string(10'000, 'd') + "/queue_depth"), 400, "BadRequest",
                {"workload"});
  expect_status(get("/keda/v1/ns/d%00/queue_depth"), 400, "BadRequest", {"d%00"});
  for (const char* path :
       {"/keda", "/keda/v1", "/keda/v2/ns/d/queue_depth", "/keda/v1/ns/d",
        "/keda/v1/ns/d/queue_depth/x", "/keda/v1/ns%2Fd/queue_depth", "/keda/v1//d/queue_depth"}) {
    expect_status(get(path), 404, "NotFound");
  }
  EXPECT_EQ(call({.path = kDoor, .headers = {{"Accept", "application/yaml"}}}).status, 406);
}

TEST_F(SecurityTest, TheJsonDoorIsReviewedAsAListOfThatMetricInThatNamespace) {
  start();
  for (const std::string& path :
       {kDoor, kDoor + "?kind=Pod", std::string("/keda/v1/ns/x/queue_depth"),
        std::string("/keda/v1/%6es/d/queue%5Fdepth")}) {
    const json asked = asked_by([&] { static_cast<void>(as("ada-" + path, path)); });
    EXPECT_EQ(asked["resourceAttributes"], (json{{"verb", "list"},
                                                 {"group", "external.metrics.k8s.io"},
                                                 {"version", "v1beta1"},
                                                 {"resource", "queue_depth"},
                                                 {"namespace", "ns"}}))
        << path;
    EXPECT_FALSE(asked.contains("nonResourceAttributes")) << path;
  }
}

TEST_F(SecurityTest, TheJsonDoorNeedsAnIdentity) {
  kube_.know_token("kedas-token", {{"username", "system:serviceaccount:ns:keda"}});
  kube_.set_access([](const json& spec) { return spec["user"] != "system:anonymous"; });
  start();
  EXPECT_EQ(with_token("kedas-token", kDoor).json()["value"], 8);
  // KEDA takes an authority only beside a client's pair, which may be anybody's.
  const std::vector<HttpHeader> token = {{"Authorization", "Bearer kedas-token"}};
  EXPECT_EQ(with(root_authority("anybody"), kDoor, token).json()["value"], 8);
  expect_status(with(root_authority("anybody"), kDoor), 401, "Unauthorized");
  expect_status(with_token("another-token", kDoor), 401, "Unauthorized");
  expect_status(nothing_shown(kDoor, {{"X-API-KEY", "kedas-token"}}), 403, "Forbidden",
                {"system:anonymous", "list", "queue_depth", "in the namespace \"ns\""});
  for (const char* path : {"/keda/v1/ns/d/nothing", "/keda/v1/ns/nobody/queue_depth", "/keda/v1",
                           "/keda/v1/ns/D/queue_depth", "/keda/v1/ns/d/queue_depth?x=1"}) {
    expect_status(nothing_shown(path), 403, "Forbidden", {"system:anonymous"});
  }
}

TEST_F(SecurityTest, TheJsonDoorLeadsToNoOtherNamespaceAndNoOtherMetric) {
  kube_.set_access([](const json& spec) {
    if (!spec.contains("resourceAttributes")) return false;
    const json& of = spec["resourceAttributes"];
    const bool mine = of.value("namespace", "") == "mine" && spec["user"] == "mine";
    const bool tokens = of.value("resource", "") == "queue_tokens" && spec["user"] == "tokens";
    return mine || tokens;
  });
  start();
  for (const std::string& path :
       {kDoor, std::string("/keda/v1/%6es/d/queue_depth"),
        std::string("/keda/v1/mine/../ns/d/queue_depth"),
        std::string("/keda/v1/mine%2F..%2Fns/d/queue_depth"),
        std::string("//keda/v1/ns/d/queue_depth"), std::string("/keda/v1/%2A/d/queue_depth"),
        std::string("/keda/v1/mine/ns%2Fd/queue_depth"), std::string("/keda/v1/mine/d/queue_depth"),
        std::string("/keda/v1/mine/d/queue_depth?namespace=ns"),
        std::string("/keda/v1/mine/d/queue_depth?selector=namespace%3Dns")}) {
    for (const char* user : {"mine", "tokens"}) {
      const ApiReply reply = as(user, path);
      EXPECT_TRUE(reply.status == 403 || reply.status == 400 || reply.status == 404)
          << path << " " << reply.status;
      EXPECT_EQ(reply.body.find("\"value\""), std::string::npos) << path << "\n" << reply.body;
    }
  }
  expect_status(as("mine", kDoor), 403, "Forbidden", {"in the namespace \"ns\""});
  expect_status(as("tokens", kDoor), 403, "Forbidden", {"queue_depth"});
  EXPECT_EQ(as("mine", "/keda/v1/mine/d/queue_depth").status, 404) << "allowed, and nobody's";
}

}  // namespace
}  // namespace leadline::test
