#include "adapter/keda_scaler.h"

#include <gtest/gtest.h>

#include "tests/required.h"
#include "tests/unit/adapter/view_builder.h"

namespace leadline {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using test::noon;

class KedaScalerTest : public testing::Test {
 protected:
  std::shared_ptr<KedaSubject> subject(Labels metadata) {
    metadata.insert({"server", "main"});
    return required(scaler_.subject("shop", metadata, noon().steady));
  }
  void know(QueueState state, const std::string& key = "mail") {
    state.sampled_at = noon().steady;
    state.problem.clear();
    for (const auto& counted : *queues_.of("main")) {
      if (counted->queue().keys.front() == key) counted->publish(state);
    }
  }
  // `7 active`, `0 idle`, or why not.
  static std::string answer(KedaSubject& subject, SteadyTime now = noon().steady) {
    const auto value = subject.value(now);
    const auto active = subject.active(now);
    if (!value) return value.error().message;
    return fmt::format("{} {}", value->value, active.value() ? "active" : "idle");
  }

  ViewCell views_;
  Catalogue catalogue_ = std::move(*Catalogue::make({}));
  KedaAnswers answers_{views_, catalogue_, {}};
  QueueBoard queues_{{{.name = "clips",
                       .namespace_name = "shop",
                       .server = "main",
                       .kind = QueueKind::kList,
                       .keys = {"clips"},
                       .group = {},
                       .workload = "llm"}}};
  RedisConfig redis_{.servers = {{.name = "main", .namespaces = {"*"}}},
                     .queues = {queues_.configured()[0]->queue()},
                     .allowed_addresses = {{"redis.shop", 6379}}};
  SelfMetrics metrics_;
  EventLoop loop_;
  RedisPollers servers_{loop_, queues_, metrics_};
  WorkloadThroughput throughput_{views_};
  QueueAnswers queue_answers_{seconds{5}, throughput_};
  KedaScaler scaler_{{answers_, queues_, servers_, redis_, queue_answers_}};
};

TEST_F(KedaScalerTest, AWorkloadIsASubjectToo) {
  const auto workload = subject({{"workload", "llm"}, {"targetValue", "4"}});
  EXPECT_EQ(workload->metric_name(), "in_flight_requests");
  EXPECT_EQ(workload->target_value(), 4);
  EXPECT_EQ(workload->value(noon().steady).error().code, Errc::kUnavailable);
}

TEST_F(KedaScalerTest, AQueueIsUnknownUntilItWasCountedAndWhenThatIsOld) {
  const auto mail = subject({{"listName", "mail"}});
  EXPECT_EQ(answer(*mail), "redis queue mail: not asked yet");
  EXPECT_EQ(mail->active(noon().steady).error().code, Errc::kUnavailable);
  know({.depth = 3});
  EXPECT_EQ(answer(*mail), "3 active");
  EXPECT_EQ(answer(*mail, noon().steady + seconds{6}), "redis queue mail: older than 5000 ms");
  EXPECT_EQ(mail->value(noon().steady + seconds{6}).error().code, Errc::kUnavailable);
  EXPECT_EQ(mail->target_value(), 5);  // told all the same: KEDA's fallback rests on it
}

TEST_F(KedaScalerTest, WhatIsInFlightIsWorkWhateverTheActivation) {
  const auto mail = subject(
      {{"stream", "mail"}, {"consumerGroup", "g"}, {"lagCount", "5"}, {"activationLagCount", "3"}});
  know({.depth = 0, .in_flight = 0});
  EXPECT_EQ(answer(*mail), "0 idle");
  know({.depth = 3, .in_flight = 0});
  EXPECT_EQ(answer(*mail), "3 idle");
  know({.depth = 4, .in_flight = 0});
  EXPECT_EQ(answer(*mail), "4 active");
  know({.depth = 0, .in_flight = 1});
  EXPECT_EQ(answer(*mail), "1 active");
}

TEST_F(KedaScalerTest, OneMeasureOfTwo) {
  const Labels of = {{"stream", "mail"}, {"consumerGroup", "g"}};
  Labels depth = of, flying = of;
  depth["metric"] = "redis_queue_depth";
  flying["metric"] = "redis_queue_in_flight";
  const auto waiting = subject(depth), in_flight = subject(flying);
  know({.depth = 4, .in_flight = 2});
  EXPECT_EQ(answer(*waiting), "4 active");
  EXPECT_EQ(answer(*in_flight), "2 active");
  const auto list = subject({{"listName", "mail"}, {"metric", "redis_queue_in_flight"}});
  know({.depth = 4});
  EXPECT_EQ(answer(*list),
            "redis queue mail: a queue of this kind does not tell its jobs in flight");
}

TEST_F(KedaScalerTest, AFlowIsFoundOutFromTheFirstTriggerOn) {
  const Labels of = {{"stream", "mail"}, {"consumerGroup", "g"}};
  subject(of);
  const auto counted = queues_.of("main")->back();
  EXPECT_FALSE(counted->wants_flow());
  Labels with_age = of;
  with_age.insert({{"metric", "redis_queue_oldest_age_seconds"}, {"targetValue", "30"}});
  const auto age = subject(with_age);
  EXPECT_TRUE(counted->wants_flow());
  QueueState state = {.depth = 4, .in_flight = 0};
  know(state);
  EXPECT_EQ(answer(*age), "redis queue mail: not asked yet");
  EXPECT_EQ(age->active(noon().steady).value(), true);
  state.flow = {.oldest_age = 42, .rates = QueueRates{}, .sampled_at = noon().steady};
  know(state);
  EXPECT_EQ(answer(*age), "42 active");
}

TEST_F(KedaScalerTest, ATimeToDrainIsUnknownWhileNothingWasMeasured) {
  const auto drain =
      subject({{"queue", "clips"}, {"metric", "redis_queue_drain_seconds"}, {"targetValue", "60"}});
  know({.depth = 4}, "clips");
  EXPECT_EQ(answer(*drain), "redis queue clips: no throughput of Deployment llm was measured yet");
  know({.depth = 0}, "clips");
  EXPECT_EQ(answer(*drain), "0 idle");
}

TEST_F(KedaScalerTest, KedaIsWokenAgainWhileNobodyTakesJobs) {
  const auto mail = subject({{"listName", "mail"}});
  know({.depth = 1});
  EXPECT_TRUE(mail->believed_at_zero(noon().steady));
  know({.depth = 1, .taken_at = noon().steady});
  EXPECT_FALSE(mail->believed_at_zero(noon().steady + seconds{10}));
  EXPECT_TRUE(mail->believed_at_zero(noon().steady + seconds{11}));
}

TEST_F(KedaScalerTest, TriggersOfOneQueueShareIt) {
  subject({{"listName", "mail"}});
  subject({{"listName", "mail"}, {"listLength", "9"}});
  subject({{"queue", "clips"}});
  EXPECT_EQ(queues_.of("main")->size(), 2);
  subject({{"stream", "mail"}});
  EXPECT_EQ(queues_.of("main")->size(), 3);
}

TEST_F(KedaScalerTest, OneServerWithOneLoginIsOne) {
  const auto of = [&](const std::string& password, const std::string& list) {
    const Labels metadata = {
        {"listName", list}, {"address", "redis.shop:6379"}, {"password", password}};
    const auto subject = required(scaler_.subject("shop", metadata, noon().steady));
    return subject->value(noon().steady).error().message.ends_with("not asked yet");
  };
  EXPECT_TRUE(of("a", "mail") && of("a", "mail") && of("a", "letters") && of("b", "mail"));
  EXPECT_EQ(queues_.of("redis.shop:6379/0")->size(), 2);
  EXPECT_EQ(queues_.of("redis.shop:6379/0#2")->size(), 1);
  for (int i = 0; i < 14; ++i) EXPECT_TRUE(of(std::to_string(i), "mail"));
  EXPECT_FALSE(of("one more", "mail"));
}

TEST_F(KedaScalerTest, AnAwaitedQueueIsWatched) {
  const auto mail = subject({{"listName", "mail"}});
  const auto counted = queues_.of("main")->back();
  EXPECT_FALSE(counted->is_watched(noon().steady));
  mail->await_work(noon().steady);
  EXPECT_TRUE(counted->is_watched(noon().steady));
  EXPECT_FALSE(counted->is_watched(noon().steady + seconds{1}));
}

TEST_F(KedaScalerTest, WhatNobodyAsksForIsForgotten) {
  const auto mail = subject({{"listName", "mail"}});
  subject({{"listName", "letters"}});
  static_cast<void>(mail->active(noon().steady + minutes{60}));
  scaler_.look(noon().steady + minutes{61});
  ASSERT_EQ(queues_.of("main")->size(), 2);  // the configured one, and this
  EXPECT_EQ(queues_.of("main")->back()->queue().name, "mail");
}

TEST_F(KedaScalerTest, ATenantHasItsShareOfQueues) {
  const auto ask = [&](const std::string& namespace_name, std::size_t number) {
    const Labels metadata = {{"listName", std::to_string(number)}, {"server", "main"}};
    const auto subject = required(scaler_.subject(namespace_name, metadata, noon().steady));
    EXPECT_EQ(subject->target_value(), 5);
    return subject->value(noon().steady).error().message;
  };
  for (std::size_t i = 0; i < QueueBoard::kMaxAskedOfNamespace; ++i) {
    EXPECT_EQ(ask("shop", i), fmt::format("redis queue {}: not asked yet", i));
  }
  EXPECT_EQ(ask("shop", 9999), "triggers of this namespace ask for 500 queues, the most");
  EXPECT_EQ(ask("shop", 0), "redis queue 0: not asked yet");
  EXPECT_EQ(ask("other", 9999), "redis queue 9999: not asked yet");
}

}  // namespace
}  // namespace leadline
