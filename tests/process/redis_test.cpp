// The real adapter beside a real redis-server: what the HPA reads of a work queue, and that it
// never reads 0 where nobody knows.

#include <fstream>

#include <gtest/gtest.h>

#include "tests/process/rig.h"
#include "tests/unit/adapter/redis/real_redis.h"

namespace leadline {
namespace {

using test::RealRedis;

class RedisProcessTest : public testing::Test {
 protected:
  void start() { start(fmt::format("address: \"127.0.0.1:{}\"", redis_.server().port)); }

  // `server`: the rest of the server's YAML.
  void start(const std::string& server) {
    const std::string redis = fmt::format(
        "{{servers: [{{name: main, {}}}], queues: ["
        "{{name: mail, namespace: shop, server: main, kind: list, keys: [mail, mail:low]}}, "
        "{{name: clips, namespace: shop, server: main, preset: rq, keys: [clips]}}, "
        "{{name: mail, namespace: other, server: main, kind: set, keys: [mail]}}, "
        "{{name: work, namespace: flow, server: main, kind: stream, keys: [work], group: g, "
        "workload: llm}}]}}",
        server);
    rig_.write_pods_file();
    rig_.start_adapter({"--max-age-ms", "2000", "--redis", redis});
  }

  [[nodiscard]] static std::string path(const std::string& place, const std::string& queue = "") {
    return "/apis/external.metrics.k8s.io/v1beta1/namespaces/" + place +
           (queue.empty() ? "" : "?labelSelector=queue%3D" + queue);
  }

  [[nodiscard]] bool becomes(const std::string& place, const std::string& queue, double want) {
    return Rig::eventually([&] { return rig_.value_of(path(place, queue)) == want; });
  }

  [[nodiscard]] bool is_missing(const std::string& place, std::string_view why) {
    return Rig::eventually([&] {
      const ApiAnswer answer = rig_.ask(path(place, "mail"));
      return answer.status == 404 && answer.body.find(why) != std::string::npos;
    });
  }

  RealRedis redis_;
  Rig rig_;
};

TEST_F(RedisProcessTest, AQueueIsAnExternalMetricOfItsNamespace) {
  redis_.say({"RPUSH", "mail", "a", "b"});
  redis_.say({"RPUSH", "mail:low", "c"});
  redis_.say({"ZADD", "rq:wip:clips", "1", "job"});
  start();
  EXPECT_TRUE(becomes("shop/redis_queue_depth", "mail", 3)) << rig_.adapter_log();
  EXPECT_TRUE(becomes("shop/redis_queue_in_flight", "clips", 1));
  const auto items = nlohmann::json::parse(rig_.ask(path("shop/redis_queue_depth")).body)["items"];
  ASSERT_EQ(items.size(), 2U) << items;
  EXPECT_EQ(items[1]["metricLabels"]["queue"], "clips");
  EXPECT_EQ(items[1]["metricLabels"]["server"], "main");
  EXPECT_EQ(items[1]["value"], "0");
  EXPECT_TRUE(is_missing("other/redis_queue_depth", "SCARD mail: WRONGTYPE"));
  const std::string resources = rig_.ask("/apis/external.metrics.k8s.io/v1beta1").body;
  EXPECT_NE(resources.find("\"redis_queue_depth\""), std::string::npos) << resources;
  EXPECT_GT(sample_of(rig_.self_metrics(),
                      "leadline_adapter_redis_polls_total{outcome=\"answered\","
                      "server=\"main\"}"),
            0)
      << rig_.self_metrics();
}

TEST_F(RedisProcessTest, AStreamTellsItsFlow) {
  for (int i = 0; i < 3; ++i) redis_.say({"XADD", "work", "*", "k", "v"});
  start();
  EXPECT_TRUE(Rig::eventually([&] {
    const auto age = rig_.value_of(path("flow/redis_queue_oldest_age_seconds"));
    return age > 0.5 && age < 60;
  })) << rig_.adapter_log();
  EXPECT_TRUE(becomes("flow/redis_queue_arrivals_per_second", "work", 0));
  for (int i = 0; i < 300; ++i) redis_.say({"XADD", "work", "*", "k", "v"});
  EXPECT_TRUE(Rig::eventually([&] {
    return rig_.value_of(path("flow/redis_queue_arrivals_per_second")) > 1;
  })) << rig_.ask(path("flow/redis_queue_arrivals_per_second")).body;
  EXPECT_TRUE(becomes("flow/redis_queue_completions_per_second", "work", 0));
  const auto drain = rig_.ask(path("flow/redis_queue_drain_seconds"));
  EXPECT_EQ(drain.status, 404);
  EXPECT_NE(drain.body.find("no throughput of Deployment llm was measured yet"), std::string::npos)
      << drain.body;
  redis_.say({"XGROUP", "CREATE", "work", "g", "$"});  // nothing waits any more
  EXPECT_TRUE(becomes("flow/redis_queue_oldest_age_seconds", "work", 0));
  EXPECT_TRUE(becomes("flow/redis_queue_drain_seconds", "work", 0));
  const std::string resources = rig_.ask("/apis/external.metrics.k8s.io/v1beta1").body;
  EXPECT_NE(resources.find("\"redis_queue_drain_seconds\""), std::string::npos) << resources;
}

TEST_F(RedisProcessTest, ALostServerIsUnknownUntilItIsBack) {
  redis_.say({"RPUSH", "mail", "a"});
  start();
  ASSERT_TRUE(becomes("shop/redis_queue_depth", "mail", 1)) << rig_.adapter_log();
  redis_.kill();
  bool was_zero = false;
  EXPECT_TRUE(Rig::eventually([&] {
    const ApiAnswer answer = rig_.ask(path("shop/redis_queue_depth", "mail"));
    was_zero = was_zero || answer.body.find("\"value\":\"0\"") != std::string::npos;
    return answer.status == 404;
  }));
  EXPECT_FALSE(was_zero);
  EXPECT_TRUE(is_missing("shop/redis_queue_depth", "older than 2000 ms: connect"));
  redis_.start();
  redis_.say({"RPUSH", "mail", "a", "b"});
  EXPECT_TRUE(becomes("shop/redis_queue_depth", "mail", 2)) << rig_.adapter_log();
}

TEST_F(RedisProcessTest, AUserOverTlsIsServedAndItsPasswordIsNowhere) {
  const RedisServer tls = redis_.tls_server();
  const std::string password = redis_.folder() / "password";
  std::ofstream(password) << "open-sesame\n";
  redis_.say({"ACL", "SETUSER", "leadline", "on", ">open-sesame", "~*", "+llen", "+zcard"});
  redis_.say({"RPUSH", "mail", "a", "b"});
  start(fmt::format(
      "address: \"localhost:{}\", username: leadline, password_file: {}, "
      "tls: {{ca_file: {}, cert_file: {}, key_file: {}}}",
      tls.port, password, tls.tls->ca_file, tls.tls->certificate_file, tls.tls->key_file));
  EXPECT_TRUE(becomes("shop/redis_queue_depth", "mail", 2)) << rig_.adapter_log();
  EXPECT_TRUE(is_missing("other/redis_queue_depth", "SCARD mail: NOPERM"));
  redis_.say({"ACL", "SETUSER", "leadline", "resetpass", ">other"});
  redis_.say({"CLIENT", "KILL", "USER", "leadline"});
  EXPECT_TRUE(is_missing("shop/redis_queue_depth", "login: AUTH was answered WRONGPASS"));
  std::ofstream(password) << "other\n";
  EXPECT_TRUE(becomes("shop/redis_queue_depth", "mail", 2)) << rig_.adapter_log();
  EXPECT_NE(rig_.adapter_log().find("redis poll failed"), std::string::npos);
  EXPECT_EQ(rig_.adapter_log().find("sesame"), std::string::npos);
}

// A server that answers nothing: its samples grow old, and the adapter stays quick.
TEST_F(RedisProcessTest, AServerThatHangsIsUnknownUntilItMoves) {
  redis_.say({"RPUSH", "mail", "a"});
  start();
  ASSERT_TRUE(becomes("shop/redis_queue_depth", "mail", 1)) << rig_.adapter_log();
  redis_.pause();
  EXPECT_TRUE(is_missing("shop/redis_queue_depth", "no complete answer within 2000 ms"));
  EXPECT_TRUE(rig_.adapter_says_ok("/readyz"));
  EXPECT_TRUE(rig_.adapter_says_ok("/livez"));
  redis_.resume();
  EXPECT_TRUE(becomes("shop/redis_queue_depth", "mail", 1)) << rig_.adapter_log();
}

}  // namespace
}  // namespace leadline
