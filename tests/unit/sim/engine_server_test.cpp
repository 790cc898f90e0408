#include "sim/engine_server.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <httplib.h>
#include <nlohmann/json.hpp>

#include "sim/sse_reader.h"
#include "sim/vllm_page.h"

namespace leadline {
namespace {

using nlohmann::json;

// A step takes 0.1 ms per prompt token or per batch: quick, whatever the machine.
PerfModel quick_model() {
  return {{{1, .0001}}, {{1, .0001}}};
}
// A step takes a minute: what is admitted stays.
PerfModel slow_model() {
  return {{{1, 60}}, {{1, 60}}};
}

class EngineServerTest : public testing::Test {
 protected:
  void start(EngineServerConfig config = {}, PerfModel perf = quick_model()) {
    auto server = EngineServer::start(std::move(config), std::move(perf));
    ASSERT_TRUE(server.has_value()) << server.error().message;
    server_ = std::move(*server);
  }

  // A client whose every request closes its connection, so that stop() need not wait for it.
  httplib::Client client() const {
    httplib::Client made("127.0.0.1", server_->port());
    made.set_keep_alive(false);
    made.set_read_timeout(30);
    return made;
  }

  httplib::Result get(const std::string& path) const { return client().Get(path); }

  httplib::Result post(const std::string& path, const std::string& body) const {
    return client().Post(path, body, "application/json");
  }

  std::string page() const {
    const auto result = get("/metrics");
    return result ? result->body : "no answer";
  }

  json state() const { return json::parse(get("/sim/state")->body, nullptr, false); }

  void wait_for_running(int count) const {
    while (state()["running"] != count) std::this_thread::yield();
  }

  std::unique_ptr<EngineServer> server_;
};

TEST_F(EngineServerTest, LooksLikeVllm) {
  start();
  EXPECT_EQ(get("/version")->body, R"({"version":"0.32.0"})");
  EXPECT_EQ(get("/health")->status, 200);
  const json models = json::parse(get("/v1/models")->body, nullptr, false);
  EXPECT_EQ(models["data"][0]["owned_by"], "vllm");
  EXPECT_EQ(models["data"][0]["id"], "llama2-70b");
  const auto metrics = get("/metrics");
  EXPECT_EQ(metrics->get_header_value("Content-Type"), kVllmContentType);
  EXPECT_NE(metrics->body.find(
                "\nvllm:num_requests_waiting{engine=\"0\",model_name=\"llama2-70b\"} 0.0\n"),
            std::string::npos);
}

TEST_F(EngineServerTest, StreamsEveryTokenThenUsage) {
  start();
  const auto result = post("/v1/completions",
                           R"({"prompt":[1,2,3],"max_tokens":25,"stream":true,
                               "stream_options":{"include_usage":true}})");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 200);
  SseReader reader;
  EXPECT_EQ(reader.feed(result->body), 25);
  ASSERT_TRUE(reader.usage().has_value());
  EXPECT_EQ(reader.usage()->generation_tokens, 25);
  EXPECT_TRUE(reader.done());
}

TEST_F(EngineServerTest, ManyStreamsAtOnceLoseNoToken) {
  start();
  std::atomic<int> tokens{0};
  std::vector<std::thread> threads;
  for (int i = 1; i <= 40; ++i) {
    threads.emplace_back([this, i, &tokens] {
      const std::string body =
          R"({"messages":[{"content":"x"}],"stream":true,"max_tokens":)" + std::to_string(i) + '}';
      const auto result = post("/v1/chat/completions", body);
      SseReader reader;
      if (result) tokens += reader.feed(result->body);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(tokens, 40 * 41 / 2);
  const json totals = state()["totals"];
  EXPECT_EQ(totals["generation_tokens"], 40 * 41 / 2);
  EXPECT_EQ(totals["finished_requests"], 40);
  EXPECT_EQ(totals["ttft_seconds_count"], 40);
  EXPECT_NE(page().find("http_requests_total{handler=\"/v1/chat/completions\",method=\"POST\","
                        "status=\"2xx\"} 40.0\n"),
            std::string::npos);
}

TEST_F(EngineServerTest, BadRequestsAnswerAsOpenAiDoes) {
  start();
  const auto f = [this](const std::string& body, int status, const std::string& type) {
    SCOPED_TRACE(body);
    const auto result = post("/v1/completions", body);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->status, status);
    const json error = json::parse(result->body, nullptr, false)["error"];
    EXPECT_EQ(error["type"], type);
    EXPECT_EQ(error["code"], status);
  };
  f("{", 400, "BadRequestError");
  f(R"({"prompt":"a","max_tokens":0})", 400, "BadRequestError");
  f(R"({"prompt":"a","model":"nobody"})", 404, "NotFoundError");
}

TEST_F(EngineServerTest, QueueLimitRefusesAndCounts) {
  EngineServerConfig config;
  config.batching.max_queued = 1;
  start(config, slow_model());
  std::thread first([this] { post("/v1/completions", R"({"prompt":"a","max_tokens":9})"); });
  wait_for_running(1);
  EXPECT_EQ(post("/v1/completions", R"({"prompt":"a"})")->status, 503);
  EXPECT_EQ(state()["totals"]["admission_rejections"], 1);
  server_->host().restart();
  first.join();
}

TEST_F(EngineServerTest, PageFaultsDoWhatTheySay) {
  start();
  const auto f = [this](const std::string& faults) {
    SCOPED_TRACE(faults);
    const auto set = post("/sim/faults", faults);
    EXPECT_EQ(set->status, 200) << set->body;
    return get("/metrics");
  };
  EXPECT_EQ(f(R"({"page_status":500})")->status, 500);
  EXPECT_EQ(f(R"({"page_status":0,"garbage_page":true})")->body.find("vllm:"), std::string::npos);
  EXPECT_EQ(f(R"({"garbage_page":false,"truncate_page":1000})")->body.size(), 1000U);
  EXPECT_FALSE(f(R"({"truncate_page":0,"cut_page":1000})")) << "the body ends too early";
  EXPECT_GE(f(R"({"cut_page":0,"page_bytes":3000000})")->body.size(), 3'000'000U);
  EXPECT_GT(f(R"({"page_bytes":0,"huge_label_bytes":1000000})")->body.size(), 1'000'000U);
  EXPECT_EQ(
      f(R"({"huge_label_bytes":0,"content_type":"text/html"})")->get_header_value("Content-Type"),
      "text/html");
  EXPECT_NE(f(R"({"content_type":"","model_name":"x/y"})")->body.find("model_name=\"x/y\""),
            std::string::npos);
  EXPECT_EQ(f(R"({"become":"other"})")->body.find("vllm:"), std::string::npos);
  EXPECT_EQ(get("/version")->status, 404);
  EXPECT_EQ(post("/sim/faults", R"({"nonsense":1})")->status, 400);
}

TEST_F(EngineServerTest, HangAnswersNothingButItsOwnSwitch) {
  start();
  ASSERT_EQ(post("/sim/faults", R"({"hang":true})")->status, 200);
  httplib::Client impatient("127.0.0.1", server_->port());
  impatient.set_read_timeout(0, 200'000);
  EXPECT_FALSE(impatient.Get("/metrics"));
  ASSERT_EQ(post("/sim/faults", R"({"hang":false})")->status, 200);
  EXPECT_EQ(get("/metrics")->status, 200);
}

TEST_F(EngineServerTest, FreezeKeepsRequestsWhereTheyAre) {
  start();
  ASSERT_EQ(post("/sim/faults", R"({"freeze":true})")->status, 200);
  std::thread request([this] { post("/v1/completions", R"({"prompt":"a","max_tokens":3})"); });
  while (state()["waiting"] != 1) std::this_thread::yield();
  EXPECT_EQ(state()["totals"]["generation_tokens"], 0);
  ASSERT_EQ(post("/sim/faults", R"({"freeze":false})")->status, 200);
  request.join();
  EXPECT_EQ(state()["totals"]["generation_tokens"], 3);
}

TEST_F(EngineServerTest, RestartDropsEverythingAndMovesTheStartTime) {
  start({}, slow_model());
  const double start_time = state()["start_time_seconds"];
  std::atomic<bool> whole{true};
  std::thread request([&] {
    whole = static_cast<bool>(
        post("/v1/completions", R"({"prompt":"a","max_tokens":3,"stream":true})"));
  });
  wait_for_running(1);
  EXPECT_EQ(post("/sim/faults", R"({"restart":true})")->status, 200);
  request.join();
  EXPECT_FALSE(whole) << "the stream broke off";
  const json now = state();
  EXPECT_EQ(now["running"], 0);
  EXPECT_EQ(now["totals"]["accepted"], 0);
  EXPECT_GT(now["start_time_seconds"].get<double>(), start_time);
  EXPECT_EQ(json::parse(get("/sim/faults")->body, nullptr, false)["restart"], false);
}

TEST_F(EngineServerTest, MarksShowOnTheNextPageAndTheStateKeepsTheTruth) {
  start();
  const json marked = json::parse(post("/sim/mark", R"({"waiting":7})")->body, nullptr, false);
  EXPECT_EQ(marked["waiting"], 7);
  EXPECT_GT(marked["steady_ns"].get<std::int64_t>(), 0);
  EXPECT_NE(page().find("vllm:num_requests_waiting{engine=\"0\",model_name=\"llama2-70b\"} 7.0\n"),
            std::string::npos);
  EXPECT_EQ(state()["waiting"], 0);
  EXPECT_EQ(state()["marks"]["waiting"], 7);
  post("/sim/mark", R"({"waiting":null})");
  EXPECT_NE(page().find("vllm:num_requests_waiting{engine=\"0\",model_name=\"llama2-70b\"} 0.0\n"),
            std::string::npos);
  EXPECT_EQ(post("/sim/mark", R"({"waiting":-1})")->status, 400);
  EXPECT_EQ(post("/sim/mark", R"({"depth":1})")->status, 400);
}

TEST_F(EngineServerTest, LoadingAnswers503EverywhereButSim) {
  EngineServerConfig config;
  config.loading = std::chrono::hours(1);
  start(config);
  for (const char* path : {"/health", "/metrics", "/v1/models"}) EXPECT_EQ(get(path)->status, 503);
  EXPECT_EQ(get("/sim/state")->status, 200);
}

TEST_F(EngineServerTest, DrainRefusesNewRequestsAndLetsTheOldEnd) {
  start();
  EXPECT_TRUE(server_->drain(std::chrono::seconds(30)));
  EXPECT_EQ(post("/v1/completions", R"({"prompt":"a"})")->status, 503);
}

TEST_F(EngineServerTest, TakenPortIsAnError) {
  start();
  EngineServerConfig config;
  config.port = server_->port();
  const auto second = EngineServer::start(config, quick_model());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::kUnavailable);
}

}  // namespace
}  // namespace leadline
