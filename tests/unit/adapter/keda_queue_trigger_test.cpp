#include "adapter/keda_queue_trigger.h"

#include <gtest/gtest.h>

#include "tests/required.h"

namespace leadline {
namespace {

class KedaQueueTriggerTest : public testing::Test {
 protected:
  [[nodiscard]] Result<KedaQueueTrigger> parse(const Labels& metadata,
                                               std::string_view namespace_name = "shop") const {
    return parse_keda_queue_trigger(namespace_name, metadata, redis_);
  }
  [[nodiscard]] KedaQueueTrigger list(Labels more) const {
    more.insert({{"listName", "mail"}, {"server", "main"}});
    return required(parse(more));
  }
  [[nodiscard]] KedaQueueTrigger stream(Labels more) const {
    more.insert({{"stream", "mail"}, {"server", "main"}});
    return required(parse(more));
  }
  [[nodiscard]] std::string errors(const Labels& metadata) const {
    const auto trigger = parse(metadata);
    return trigger ? "none" : trigger.error().message;
  }

  RedisConfig redis_ = {.servers = {{.name = "main", .database = 2, .namespaces = {"shop"}},
                                    {.name = "all", .namespaces = {"*"}},
                                    {.name = "closed"}},
                        .queues = {{.name = "clips",
                                    .namespace_name = "shop",
                                    .server = "closed",
                                    .kind = QueueKind::kCelery,
                                    .keys = {"a", "b"},
                                    .group = {}}},
                        .allowed_addresses = {{"redis.shop", 6379}, {"::1", 7000}}};
};

TEST_F(KedaQueueTriggerTest, AListNameAndAServerAreEnough) {
  const auto trigger = list({});
  EXPECT_EQ(trigger.queue.kind, QueueKind::kAnyOf);
  EXPECT_EQ(trigger.queue.keys, std::vector<std::string>{"mail"});
  EXPECT_EQ(trigger.queue.server, "main");
  EXPECT_EQ(trigger.queue.namespace_name, "shop");
  EXPECT_FALSE(trigger.metric);
  EXPECT_EQ(trigger.metric_name, "redis-mail");
  EXPECT_EQ(trigger.target_value, 5);
  EXPECT_EQ(trigger.activation, 0);
}

// A ScaledObject of KEDA's redis scaler, with `server` added.
TEST_F(KedaQueueTriggerTest, KedasKeysOfListsMeanTheSame) {
  const auto trigger = list({{"address", "redis.shop:6379"},
                             {"passwordFromEnv", "secret"},
                             {"enableTLS", "false"},
                             {"databaseIndex", "2"},
                             {"listLength", "10"},
                             {"activationListLength", "3"}});
  EXPECT_EQ(trigger.target_value, 10);
  EXPECT_EQ(trigger.activation, 3);
  EXPECT_EQ(list({{"listLength", "10"}, {"targetValue", "2.5"}}).target_value, 2.5);
}

TEST_F(KedaQueueTriggerTest, KedasKeysOfStreamsMeanTheSame) {
  const Labels goals = {{"streamLength", "1"}, {"pendingEntriesCount", "2"}, {"lagCount", "3"}};
  EXPECT_EQ(stream(goals).target_value, 1);
  Labels grouped = goals;
  grouped["consumerGroup"] = "g";
  EXPECT_EQ(stream(grouped).target_value, 3);
  EXPECT_EQ(stream(grouped).queue.group, "g");
  grouped["lagCount"] = "0";
  EXPECT_EQ(stream(grouped).target_value, 2);
  EXPECT_EQ(stream({{"activationLagCount", "7"}}).activation, 7);
  EXPECT_EQ(stream({}).metric_name, "redis-streams-mail");
}

TEST_F(KedaQueueTriggerTest, AQueueOfTheConfigurationIsNamed) {
  const auto trigger = required(parse({{"queue", "clips"}, {"metric", "redis_queue_depth"}}));
  EXPECT_TRUE(trigger.is_configured);
  EXPECT_EQ(trigger.queue.keys.size(), 2);
  EXPECT_EQ(trigger.metric, QueueMetric::kDepth);
  EXPECT_FALSE(parse({{"queue", "clips"}}, "other"));
}

// Of seconds and rates there is no share that suits most.
TEST_F(KedaQueueTriggerTest, WhatCountsNoJobsNeedsItsTarget) {
  const auto age = stream({{"metric", "redis_queue_oldest_age_seconds"}, {"targetValue", "30"}});
  EXPECT_EQ(age.metric, QueueMetric::kOldestAge);
  EXPECT_EQ(age.target_value, 30);
  EXPECT_EQ(errors({{"stream", "mail"},
                    {"server", "main"},
                    {"metric", "redis_queue_arrivals_per_second"},
                    {"streamLength", "5"}}),
            "trigger metadata: targetValue: is required with this metric");
}

TEST_F(KedaQueueTriggerTest, TheTimeToDrainNeedsAWorkload) {
  const Labels drain = {{"metric", "redis_queue_drain_seconds"}, {"targetValue", "60"}};
  Labels queue = drain, list = drain;
  queue["queue"] = "clips";
  list.insert({{"listName", "mail"}, {"server", "main"}});
  const std::string refusal =
      "trigger metadata: metric = \"redis_queue_drain_seconds\": needs a queue of the adapter's "
      "redis.queues that has a workload";
  EXPECT_EQ(errors(queue), refusal);
  EXPECT_EQ(errors(list), refusal);
  redis_.queues.front().workload = "llm";
  EXPECT_EQ(required(parse(queue)).metric, QueueMetric::kDrain);
}

TEST_F(KedaQueueTriggerTest, AnOddNameMakesAMetricNameAllTheSame) {
  EXPECT_EQ(list({{"listName", "bull:a/b c.%\xff:wait"}}).metric_name, "redis-bull-a-b-c----wait");
  EXPECT_LE(list({{"listName", std::string(1000, 'x')}}).metric_name.size(), 120);
}

TEST_F(KedaQueueTriggerTest, AServerIsForItsNamespacesOnly) {
  EXPECT_TRUE(parse({{"listName", "mail"}, {"server", "all"}}, "anyone"));
  const std::string refusal =
      "must name one of the adapter's redis.servers that has this namespace among its namespaces; "
      "or give an address of its redis.allowed_addresses";
  EXPECT_EQ(parse({{"listName", "mail"}, {"server", "main"}}, "other").error().message,
            "trigger metadata: server = \"main\": " + refusal);
  EXPECT_EQ(errors({{"listName", "mail"}, {"server", "closed"}}),
            "trigger metadata: server = \"closed\": " + refusal);
}

TEST_F(KedaQueueTriggerTest, AnAllowedAddressComesWithItsLogin) {
  const auto trigger = required(parse({{"listName", "mail"},
                                       {"addressFromEnv", "Redis.shop:6379"},
                                       {"username", "worker"},
                                       {"passwordFromEnv", "s3cret"},
                                       {"databaseIndex", "3"},
                                       {"enableTLS", "true"}}));
  ASSERT_TRUE(trigger.server);
  EXPECT_EQ(trigger.server->host, "redis.shop");
  EXPECT_EQ(trigger.server->username, "worker");
  EXPECT_EQ(trigger.server->password, "s3cret");
  EXPECT_EQ(trigger.server->database, 3);
  EXPECT_TRUE(trigger.server->tls);
  const auto split = required(parse({{"stream", "s"}, {"host", "redis.shop"}, {"port", "6379"}}));
  EXPECT_EQ(split.server->port, 6379);
  EXPECT_FALSE(split.server->tls);
}

TEST_F(KedaQueueTriggerTest, NoOtherAddressIsDialled) {
  for (const char* address : {"redis.shop:6380", "redis.shop.evil:6379", "127.0.0.1:6379", "x:y",
                              "redis://redis.shop:6379", "redis.shop:6379@evil", "[::1]:6379"}) {
    EXPECT_NE(errors({{"listName", "a"}, {"address", address}})
                  .find("is not among the adapter's redis.allowed_addresses"),
              std::string::npos)
        << address;
  }
  const std::string several = errors({{"listName", "a"},
                                      {"address", "[::1]:7000"},
                                      {"unsafeSsl", "true"},
                                      {"enableTLS", "yes"},
                                      {"sentinelMaster", "m"},
                                      {"databaseIndex", "-1"}});
  for (const char* part : {"unsafeSsl", "enableTLS", "sentinelMaster", "databaseIndex"}) {
    EXPECT_NE(several.find(part), std::string::npos) << several;
  }
}

TEST_F(KedaQueueTriggerTest, EveryErrorIsToldAndNoSecretIs) {
  EXPECT_EQ(errors({{"stream", "mail"},
                    {"serverFromEnv", "s3cret"},
                    {"metric", "queue_depth"},
                    {"streamLength", "0"},
                    {"activationLagCount", "-1"}}),
            "trigger metadata: serverFromEnv, not shown: must name one of the adapter's "
            "redis.servers that has this namespace among its namespaces; or give an address of its "
            "redis.allowed_addresses; metric = \"queue_depth\": must be one of redis_queue_depth, "
            "redis_queue_in_flight, redis_queue_oldest_age_seconds, "
            "redis_queue_arrivals_per_second, redis_queue_completions_per_second, "
            "redis_queue_drain_seconds; streamLength = "
            "\"0\": must be a number above 0; activationLagCount = \"-1\": must be a number of at "
            "least 0");
  EXPECT_NE(errors({{"listName", "a"}, {"server", "main"}, {"databaseIndex", "0"}})
                .find("databaseIndex = \"0\": server main is database 2"),
            std::string::npos);
  EXPECT_NE(errors({{"listName", "a"}, {"server", "main"}, {"preset", "none"}}).find("celery"),
            std::string::npos);
  EXPECT_NE(errors({{"listName", std::string(2000, 'x')}, {"server", "main"}}).find("longer"),
            std::string::npos);
}

TEST_F(KedaQueueTriggerTest, ATriggerIsAboutOneThing) {
  const std::string one =
      "trigger metadata: queue: give one of queue, listName, stream and workload";
  EXPECT_TRUE(errors({{"queue", "clips"}, {"listName", "a"}}).starts_with(one));
  EXPECT_TRUE(errors({{"queue", "clips"}, {"workload", "llm"}}).starts_with(one));
  EXPECT_TRUE(is_keda_queue_trigger({{"listNameFromEnv", "a"}}));
  EXPECT_FALSE(is_keda_queue_trigger({{"workload", "llm"}}));
}

}  // namespace
}  // namespace leadline
