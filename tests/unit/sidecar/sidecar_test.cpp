// The whole sidecar on one loop, against an engine that is a real HTTP server beside it.

#include "sidecar/sidecar.h"

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "daemon/http_connection.h"
#include "daemon/http_server.h"
#include "engine/snapshot_codec.h"
#include "tests/unit/daemon/loop_thread.h"
#include "tests/unit/sidecar/fakes.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SidecarTest : public testing::Test {
 protected:
  void SetUp() override {
    set_log_level(LogLevel::kCritical);
    engine_says(3);
    start_engine(0);
    thread_.call([this] {
      SidecarConfig config;
      config.address.url = *parse_url("http://127.0.0.1:" + std::to_string(engine_->port()));
      config.scrape_interval = milliseconds(100);
      config.listen_address = "127.0.0.1";
      config.drain_grace = seconds(10);
      config.pod = {"default", "vllm-0", "uid-1"};
      sidecar_ = std::make_unique<Sidecar>(thread_.loop(), config);
      ASSERT_TRUE(sidecar_->start());
      client_ = connect();
    });
  }

  void TearDown() override {
    thread_.call([this] {
      client_.reset();
      sidecar_.reset();
      engine_.reset();
    });
  }

  void start_engine(std::uint16_t port) {
    thread_.call([this, port] {
      auto made =
          HttpServer::listen(thread_.loop(), "127.0.0.1", port,
                             [this](const HttpRequest& request, const Respond& respond) {
                               engine_asked_ = request;
                               const bool page = request.target == "/metrics";
                               respond(make_response(page ? 200 : 404, "text/plain; version=0.0.4",
                                                     page ? page_ : ""));
                             });
      ASSERT_TRUE(made);
      engine_ = std::move(*made);
    });
  }

  void kill_engine() {
    thread_.call([this] { engine_.reset(); });
  }

  void engine_says(double queue) { engine_prints(test::vllm_page(queue)); }
  void engine_prints(const std::string& page) {
    thread_.call([this, page] { page_ = page; });
  }

  // On the loop's thread only.
  std::unique_ptr<HttpConnection> connect() {
    return std::make_unique<HttpConnection>(
        thread_.loop(), *parse_url("http://127.0.0.1:" + std::to_string(sidecar_->port())));
  }

  HttpAnswer get(const std::string& raw) {
    std::promise<HttpResult> promise;
    auto answer = promise.get_future();
    thread_.call([&, this] {
      client_->get({.target = raw},
                   [&](HttpResult result) { promise.set_value(std::move(result)); });
    });
    HttpResult result = test::await(answer);
    EXPECT_TRUE(result) << result.error().error.message;
    return result.value_or(HttpAnswer{});
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

  test::LoopThread thread_;
  // Touched by the loop's thread only.
  std::string page_;
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
  engine_says(8);
  snapshot_when([](const auto& one) { return has_queue(one, 8); });
}

TEST_F(SidecarTest, AsksTheEnginePolitely) {
  snapshot_when([](const auto& one) { return has_queue(one, 3); });
  const HttpRequest asked = thread_.call([this] { return engine_asked_; });
  EXPECT_EQ(asked.target, "/metrics");
  EXPECT_EQ(asked.first_value("Accept"), "text/plain;version=0.0.4");
  EXPECT_EQ(asked.first_value("Accept-Encoding"), "");
  EXPECT_EQ(asked.first_value("Authorization"), "");
  const auto accepted = engine_->stats().accepted;
  engine_says(4);
  snapshot_when([](const auto& one) { return has_queue(one, 4); });
  EXPECT_EQ(engine_->stats().accepted, accepted) << "one connection, kept";
}

TEST_F(SidecarTest, AKilledEngineEmptiesTheSnapshotAndARestartedOneFillsIt) {
  snapshot_when([](const auto& one) { return has_queue(one, 3); });
  const std::uint16_t port = engine_->port();
  kill_engine();
  const PodSnapshot gone = snapshot_when([](const auto& one) { return one.series.empty(); });
  EXPECT_EQ(gone.state, EngineState::kUnreachable);
  EXPECT_EQ(get("/metrics").body.find("leadline_queue_depth"), std::string::npos);
  EXPECT_EQ(get("/readyz").status, 200) << "readiness does not follow the engine";
  engine_says(5);
  start_engine(port);
  snapshot_when([](const auto& one) { return has_queue(one, 5); });
}

TEST_F(SidecarTest, AnotherEngineBehindThePortReplacesEverything) {
  snapshot_when([](const auto& one) { return has_queue(one, 3); });
  engine_prints("# TYPE ovms_requests_success counter\novms_requests_success{name=\"m\"} 1\n");
  const PodSnapshot seen = snapshot_when([](const auto& one) { return one.engine != "vllm"; });
  EXPECT_EQ(get("/metrics").body.find("model=\"m\""), std::string::npos);
  EXPECT_TRUE(seen.series.empty());
  engine_says(6);
  snapshot_when([](const auto& one) { return has_queue(one, 6); });
}

TEST_F(SidecarTest, ServesItsPages) {
  snapshot_when([](const auto& one) { return has_queue(one, 3); });
  const HttpAnswer metrics = get("/metrics");
  EXPECT_EQ(metrics.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(metrics.body.find("leadline_queue_depth{model=\"m\",role=\"both\"} 3\n"),
            std::string::npos)
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
  kill_engine();
  snapshot_when([](const auto& one) { return one.series.empty(); });
  const std::string token(first_header(get("/snapshot").headers, "Leadline-Token"));
  std::promise<HttpResult> parked;
  std::promise<void> drained;
  auto answer = parked.get_future();
  auto end = drained.get_future();
  std::unique_ptr<HttpConnection> other;
  thread_.call([&, this] {
    client_->get({.target = "/snapshot?wait_ms=10000&after=" + token, .timeout = seconds(20)},
                 [&](HttpResult result) { parked.set_value(std::move(result)); });
    other = connect();
  });
  // Once a second client sees the first one's poll parked, the sidecar is told to stop.
  std::function<void()> look = [&, this] {
    other->get({.target = "/metrics"}, [&, this](const HttpResult& result) {
      ASSERT_TRUE(result);
      if (result->body.find("leadline_parked_polls 1\n") == std::string::npos) return look();
      sidecar_->drain([&] { drained.set_value(); });
    });
  };
  thread_.call(look);
  test::await(end);
  const HttpResult result = test::await(answer);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 204);
  thread_.call([&] { other.reset(); });
}

}  // namespace
}  // namespace leadline
