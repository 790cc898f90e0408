#include "adapter/redis/queue_service.h"

#include <gtest/gtest.h>

#include "adapter/request_target.h"
#include "tests/unit/adapter/view_builder.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::noon;

RedisQueue queue(std::string name, std::string namespace_name) {
  return {.name = std::move(name),
          .namespace_name = std::move(namespace_name),
          .server = "main",
          .kind = QueueKind::kList,
          .keys = {"k"},
          .group = {}};
}

class QueueServiceTest : public testing::Test {
 protected:
  // `mail=3 clips=1000`, or the error.
  [[nodiscard]] std::string external(const std::string& path, Instant now = noon()) const {
    const auto target =
        parse_request_target("/apis/external.metrics.k8s.io/v1beta1/namespaces/" + path);
    const auto items = service_.external(parse_metric_query(*target).value(), now);
    if (!items) return fmt::format("{} {}", items.error().http_status, items.error().message);
    std::string text;
    for (const ExternalItem& item : *items) {
      text += fmt::format("{}{}={}", text.empty() ? "" : " ", item.labels.at("queue"), item.value);
    }
    return text.empty() ? "none" : text;
  }

  void know(std::int64_t mail, std::int64_t clips) {
    const auto publish = [&](std::size_t place, QueueState state) {
      state.problem.clear();
      board_.configured()[place]->publish(std::move(state));
    };
    publish(0, {.depth = mail, .sampled_at = noon().steady});
    publish(1, {.depth = clips, .in_flight = 2, .sampled_at = noon().steady - seconds{1}});
    publish(2, {.depth = 7, .sampled_at = noon().steady});
  }

  QueueBoard board_{{queue("mail", "shop"), queue("clips", "shop"), queue("mail", "other")}};
  SelfMetrics metrics_;
  QueueService service_{board_, milliseconds{5000}, metrics_};
};

TEST_F(QueueServiceTest, EachQueueOfTheNamespaceIsAnItem) {
  know(3, 1000);
  EXPECT_EQ(external("shop/redis_queue_depth"), "mail=3 clips=1000");
  EXPECT_EQ(external("shop/redis_queue_depth?labelSelector=queue%3Dmail"), "mail=3");
  EXPECT_EQ(external("shop/redis_queue_depth?labelSelector=server%3Dmain"), "mail=3 clips=1000");
  EXPECT_EQ(external("other/redis_queue_depth"), "mail=7");
  EXPECT_EQ(external("shop/redis_queue_depth?labelSelector=queue%3Dnone"), "none");
  EXPECT_EQ(external("elsewhere/redis_queue_depth"), "none");
  EXPECT_EQ(external("shop/redis_queue_in_flight?labelSelector=queue%3Dclips"), "clips=2");
}

// The HPA adds items up: one left out would scale its workers away.
TEST_F(QueueServiceTest, OneUnknownQueueMakesTheAnswerUnknown) {
  const std::string missing =
      "404 the server could not find the metric redis_queue_depth for namespace shop: ";
  EXPECT_EQ(external("shop/redis_queue_depth"),
            missing + "queue mail: not asked yet; queue clips: not asked yet");
  know(3, 4);
  EXPECT_EQ(external("shop/redis_queue_depth", {noon().steady + seconds{5}, noon().wall}),
            missing + "queue clips: older than 5000 ms");
  EXPECT_EQ(
      external("shop/redis_queue_in_flight?labelSelector=queue%3Dmail"),
      "404 the server could not find the metric redis_queue_in_flight for namespace shop with "
      "selector queue=mail: queue mail: a queue of this kind does not tell its jobs in flight");
}

TEST_F(QueueServiceTest, ItServesItsNamesInAnyCaseAndOnlyWithQueues) {
  EXPECT_TRUE(service_.serves("Redis_Queue_Depth"));
  EXPECT_FALSE(service_.serves("queue_depth"));
  const QueueBoard none{{}};
  EXPECT_FALSE(QueueService(none, milliseconds{5000}, metrics_).serves("redis_queue_depth"));
}

}  // namespace
}  // namespace leadline
