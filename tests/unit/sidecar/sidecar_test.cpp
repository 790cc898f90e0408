// The whole sidecar on one loop, against an engine that is a real HTTP server beside it.

#include "sidecar/sidecar.h"

#include <map>
#include <memory>

#include <gtest/gtest.h>

#include "daemon/http_connection.h"
#include "daemon/http_server.h"
#include "engine/snapshot_codec.h"
#include "tests/unit/sidecar/fakes.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SidecarTest : public testing::Test {
 protected:
  void SetUp() override {
    set_log_level(LogLevel::kCritical);
    start_engine(0);
    SidecarConfig config;
    config.address.url = *parse_url("http://127.0.0.1:" + std::to_string(engine_->port()));
    config.scrape_interval = milliseconds(100);
    config.listen_address = "127.0.0.1";
    config.drain_grace = seconds(10);
    config.pod = {"default", "vllm-0", "uid-1"};
    sidecar_ = std::make_unique<Sidecar>(loop_, config);
    ASSERT_TRUE(sidecar_->start());
    client_ = connect();
  }

  void start_engine(std::uint16_t port) {
    auto made = HttpServer::listen(
        loop_, "127.0.0.1", port, [this](const HttpRequest& request, const Respond& respond) {
          engine_asked_ = request;
          if (request.target != "/metrics") return respond(make_response(404, "text/plain", ""));
          respond(make_response(200, "text/plain; version=0.0.4", page_));
        });
    ASSERT_TRUE(made);
    engine_ = std::move(*made);
  }

  std::unique_ptr<HttpConnection> connect() {
    return std::make_unique<HttpConnection>(
        loop_, *parse_url("http://127.0.0.1:" + std::to_string(sidecar_->port())));
  }

  // Runs the loop until `done` was called, ten seconds at most.
  void run_until_done() {
    const TimerId late = loop_.call_after(seconds(10), [this] {
      ADD_FAILURE() << "nothing came within ten seconds";
      loop_.stop();
    });
    loop_.run();
    loop_.cancel(late);
  }

  HttpAnswer get(const std::string& raw) {
    HttpAnswer answer;
    client_->get({.target = raw}, [&](HttpResult result) {
      EXPECT_TRUE(result) << result.error().error.message;
      if (result) answer = std::move(*result);
      loop_.stop();
    });
    run_until_done();
    return answer;
  }

  // Follows the long poll until a snapshot holds; how an adapter sees the pod.
  template <typename Condition>
  PodSnapshot snapshot_when(Condition holds) {
    std::string token;
    for (int i = 0; i < 200; ++i) {
      const HttpAnswer answer = get("/snapshot?wait_ms=1000&after=" + token);
      token = first_header(answer.headers, "Leadline-Token");
      if (answer.status != 200) continue;
      const auto snapshot = decode_snapshot(answer.body);
      EXPECT_TRUE(snapshot);
      if (snapshot && holds(*snapshot)) return *snapshot;
    }
    ADD_FAILURE() << "no such snapshot came";
    return {};
  }

  static bool has_queue(const PodSnapshot& snapshot, double queue) {
    return !snapshot.series.empty() &&
           snapshot.series[0].gauges[index_of(Gauge::kQueueDepth)] == queue;
  }

  EventLoop loop_;
  std::string page_ = test::vllm_page(3);
  HttpRequest engine_asked_;
  std::unique_ptr<HttpServer> engine_;
  std::unique_ptr<Sidecar> sidecar_;
  std::unique_ptr<HttpConnection> client_;
};

TEST_F(SidecarTest, TheEnginesPageBecomesASnapshot) {
  const PodSnapshot seen = snapshot_when([](const auto& one) { return has_queue(one, 3); });
  EXPECT_EQ(seen.engine, "vllm");
  EXPECT_EQ(seen.state, EngineState::kUp);
  EXPECT_EQ(seen.pod.name, "vllm-0");
  EXPECT_EQ(seen.scrape_interval, milliseconds(100));
  page_ = test::vllm_page(8);
  snapshot_when([](const auto& one) { return has_queue(one, 8); });
}

TEST_F(SidecarTest, AsksTheEnginePolitely) {
  snapshot_when([](const auto& one) { return has_queue(one, 3); });
  EXPECT_EQ(engine_asked_.target, "/metrics");
  EXPECT_EQ(engine_asked_.first_value("Accept"), "text/plain;version=0.0.4");
  EXPECT_EQ(engine_asked_.first_value("Accept-Encoding"), "");
  EXPECT_EQ(engine_asked_.first_value("Authorization"), "");
  const auto accepted = engine_->stats().accepted;
  page_ = test::vllm_page(4);
  snapshot_when([](const auto& one) { return has_queue(one, 4); });
  EXPECT_EQ(engine_->stats().accepted, accepted) << "one connection, kept";
}

TEST_F(SidecarTest, AKilledEngineEmptiesTheSnapshotAndARestartedOneFillsIt) {
  snapshot_when([](const auto& one) { return has_queue(one, 3); });
  const std::uint16_t port = engine_->port();
  engine_.reset();
  const PodSnapshot gone = snapshot_when([](const auto& one) { return one.series.empty(); });
  EXPECT_EQ(gone.state, EngineState::kUnreachable);
  EXPECT_EQ(get("/metrics").body.find("leadline_queue_depth"), std::string::npos);
  EXPECT_EQ(get("/readyz").status, 200) << "readiness does not follow the engine";
  page_ = test::vllm_page(5);
  start_engine(port);
  snapshot_when([](const auto& one) { return has_queue(one, 5); });
}

TEST_F(SidecarTest, AnotherEngineBehindThePortReplacesEverything) {
  snapshot_when([](const auto& one) { return has_queue(one, 3); });
  page_ = "# TYPE ovms_requests_success counter\novms_requests_success{name=\"m\"} 1\n";
  const PodSnapshot seen = snapshot_when([](const auto& one) { return one.engine != "vllm"; });
  EXPECT_EQ(get("/metrics").body.find("model=\"m\""), std::string::npos);
  EXPECT_TRUE(seen.series.empty());
  page_ = test::vllm_page(6);
  snapshot_when([](const auto& one) { return has_queue(one, 6); });
}

TEST_F(SidecarTest, ServesItsPages) {
  snapshot_when([](const auto& one) { return has_queue(one, 3); });
  const HttpAnswer metrics = get("/metrics");
  EXPECT_EQ(metrics.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(metrics.body.find("leadline_queue_depth{model=\"m\",role=\"both\"} 3\n"), std::string::npos)
      << metrics.body;
  EXPECT_EQ(get("/healthz").body, "ok\n");
  EXPECT_EQ(get("/livez").body, "ok\n");
  EXPECT_EQ(get("/readyz").body, "ok\n");
  EXPECT_EQ(get("/healthz?verbose").body, "[+]loop turns\nok\n");
  const std::string verbose = get("/readyz?verbose").body;
  EXPECT_NE(verbose.find("[+]engine up: vllm at http://127.0.0.1:"), std::string::npos) << verbose;
  EXPECT_EQ(get("/").status, 200);
  EXPECT_EQ(get("/nothing").status, 404);
  EXPECT_EQ(get("/snapshot?wait_ms=x").status, 400);
}

TEST_F(SidecarTest, DrainAnswersAParkedPollAtOnce) {
  snapshot_when([](const auto& one) { return has_queue(one, 3); });
  engine_.reset();
  snapshot_when([](const auto& one) { return one.series.empty(); });
  const std::string token(first_header(get("/snapshot").headers, "Leadline-Token"));
  int status = 0;
  bool drained = false;
  client_->get({.target = "/snapshot?wait_ms=10000&after=" + token, .timeout = seconds(20)},
               [&](const HttpResult& result) { status = result ? result->status : -1; });
  // A second client's answer says that the first one's request has come: the loop is one.
  const auto other = connect();
  other->get({.target = "/metrics"}, [&](const HttpResult& result) {
    ASSERT_TRUE(result);
    EXPECT_NE(result->body.find("leadline_parked_polls 1"), std::string::npos);
    sidecar_->drain([&] {
      drained = true;
      loop_.stop();
    });
  });
  run_until_done();
  EXPECT_TRUE(drained);
  EXPECT_EQ(status, 204);
}

}  // namespace
}  // namespace leadline
