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

RedisQueue stream_of_llm() {
  RedisQueue stream = queue("work", "flow");
  stream.kind = QueueKind::kStream;
  stream.workload = "llm";
  return stream;
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
      if (item.window) text += fmt::format("/{}s", item.window->count());
      if (!item.labels.contains("throughput_age")) continue;
      text += fmt::format(" {} a second, {} ago", item.labels.at("requests_per_second_per_replica"),
                          item.labels.at("throughput_age"));
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

  QueueBoard board_{
      {queue("mail", "shop"), queue("clips", "shop"), queue("mail", "other"), stream_of_llm()}};
  SelfMetrics metrics_;
  ViewCell views_;
  WorkloadThroughput throughput_{views_};
  QueueAnswers answers_{milliseconds{5000}, throughput_};
  QueueService service_{board_, answers_, metrics_};
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

TEST_F(QueueServiceTest, AgesAndRatesAreOfStreams) {
  know(3, 4);
  const auto& work = board_.configured()[3];
  const QueueRates rates = {.arrivals = 1.5, .completions = 0.25, .span = milliseconds{59'300}};
  QueueState state = {.depth = 3, .sampled_at = noon().steady, .problem = {}};
  state.flow = {.oldest_age = 12.5, .rates = rates, .sampled_at = noon().steady};
  work->publish(state);
  EXPECT_EQ(external("flow/redis_queue_oldest_age_seconds"), "work=12500m");
  EXPECT_EQ(external("flow/redis_queue_arrivals_per_second"), "work=1500m/60s");
  EXPECT_EQ(external("flow/redis_queue_completions_per_second"), "work=250m/60s");
  const auto ends_with = [&](const std::string& path, const std::string& end) {
    const std::string answer = external(path);
    EXPECT_TRUE(answer.ends_with(end)) << answer;
  };
  ends_with("other/redis_queue_oldest_age_seconds",
            "queue mail: a queue of this kind does not tell when its jobs came");
  ends_with("other/redis_queue_arrivals_per_second",
            "queue mail: a queue of this kind does not tell how many jobs came");
  state.flow.sampled_at -= seconds{6};
  work->publish(state);
  ends_with("flow/redis_queue_arrivals_per_second", "queue work: older than 5000 ms");
  ends_with("flow/redis_queue_oldest_age_seconds", "queue work: older than 5000 ms");
  state.flow = {};
  work->publish(state);
  ends_with("flow/redis_queue_completions_per_second", "queue work: not asked yet");
}

TEST_F(QueueServiceTest, TheTimeToDrainIsThatOfOneReplica) {
  const auto publish = [&](std::int64_t depth, std::optional<std::int64_t> in_flight) {
    board_.configured()[3]->publish(
        {.depth = depth, .in_flight = in_flight, .sampled_at = noon().steady, .problem = {}});
  };
  publish(90, 30);
  EXPECT_TRUE(external("flow/redis_queue_drain_seconds")
                  .ends_with("queue work: no throughput of Deployment llm was measured yet"));
  publish(0, 0);
  EXPECT_EQ(external("flow/redis_queue_drain_seconds"), "work=0");
  Pod pod = test::pod_of("llm-0");
  pod.namespace_name = "flow";
  views_.publish(test::ViewBuilder().with(pod, {}).build());  // 60 requests in 59.7 s
  EXPECT_EQ(external("flow/redis_queue_drain_seconds"), "work=0");
  publish(90, 30);
  EXPECT_EQ(external("flow/redis_queue_drain_seconds"), "work=119400m 1.01 a second, 0s ago");
  views_.publish(test::ViewBuilder().build());  // scaled to zero
  publish(597, std::nullopt);
  EXPECT_EQ(external("flow/redis_queue_drain_seconds"), "work=594015m 1.01 a second, 0s ago");
  know(3, 4);
  EXPECT_TRUE(external("other/redis_queue_drain_seconds")
                  .ends_with("queue mail: no workload is configured for this queue"));
}

// Who asks often, as an autoscaler at zero workers may, need not wait a second for the first job.
TEST_F(QueueServiceTest, AnEmptyQueueIsWatchedOnceItWasAskedFor) {
  const auto is_watched = [&](std::size_t place, SteadyTime now) {
    return board_.configured()[place]->is_watched(now);
  };
  know(0, 0);
  EXPECT_FALSE(is_watched(0, noon().steady));
  EXPECT_EQ(external("shop/redis_queue_depth"), "mail=0 clips=0");
  EXPECT_TRUE(is_watched(0, noon().steady));
  EXPECT_FALSE(is_watched(0, noon().steady + seconds{1}));
  EXPECT_FALSE(is_watched(1, noon().steady)) << "workers have jobs of clips";
  EXPECT_FALSE(is_watched(2, noon().steady)) << "of another namespace";
}

TEST_F(QueueServiceTest, ItServesItsNamesInAnyCaseAndOnlyWithQueues) {
  EXPECT_TRUE(service_.serves("Redis_Queue_Depth"));
  EXPECT_FALSE(service_.serves("queue_depth"));
  const QueueBoard none{{}};
  EXPECT_FALSE(QueueService(none, answers_, metrics_).serves("redis_queue_depth"));
}

}  // namespace
}  // namespace leadline
