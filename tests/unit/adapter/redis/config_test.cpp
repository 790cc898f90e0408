#include "adapter/redis/config.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

std::string errors(std::string_view yaml) {
  DocumentReader reader;
  static_cast<void>(redis_config_from(reader, parse_document(yaml).value()));
  return reader.errors();
}

TEST(RedisConfigTest, ServersAndQueuesAreRead) {
  DocumentReader reader;
  const auto config = redis_config_from(
      reader,
      parse_document(
          "{servers: [{name: a, address: 'redis.jobs:7000', username: u, "
          "password_file: /p, database: 3, tls: {ca_file: /ca}}, {name: b, address: '[::1]:6380'}, "
          "{name: c, address: redis}], queues: [{name: q, namespace: ns, "
          "server: a, kind: stream, keys: [x, y], group: g}, {name: r, "
          "namespace: ns, server: b, preset: celery, keys: [z], workload: llm}, {name: s, "
          "namespace: ns, server: b, kind: list, keys: [z], workload: llm, "
          "workload_kind: StatefulSet}]}")
          .value());
  EXPECT_EQ(reader.errors(), "");
  ASSERT_EQ(config.servers.size(), 3U);
  EXPECT_EQ(config.servers[0].host, "redis.jobs");
  EXPECT_EQ(config.servers[0].port, 7000);
  EXPECT_EQ(config.servers[0].password_file, "/p");
  EXPECT_EQ(config.servers[0].database, 3);
  EXPECT_EQ(config.servers[0].tls.value().ca_file, "/ca");
  EXPECT_EQ(config.servers[1].host, "::1");
  EXPECT_FALSE(config.servers[1].tls);
  EXPECT_EQ(config.servers[1].port, 6380);
  EXPECT_EQ(config.servers[2].host, "redis");
  EXPECT_EQ(config.servers[2].port, 6379);
  ASSERT_EQ(config.queues.size(), 3U);
  EXPECT_EQ(config.queues[0].keys, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(config.queues[0].group, "g");
  EXPECT_EQ(config.queues[1].kind, QueueKind::kCelery);
  EXPECT_EQ(config.queues[0].workload, "");
  EXPECT_EQ(config.queues[1].workload, "llm");
  EXPECT_EQ(config.queues[1].workload_kind, "Deployment");
  EXPECT_EQ(config.queues[2].workload_kind, "StatefulSet");
}

TEST(RedisConfigTest, AQueuesWorkloadIsOneThatIsScaled) {
  const std::string queue =
      "{servers: [{name: a, address: x}], queues: [{name: q, namespace: n, "
      "server: a, kind: list, keys: [k], ";
  EXPECT_EQ(errors(queue + "workload: 'A/b', workload_kind: Pod}]}"),
            "queues[0].workload: \"A/b\" must be the name of what is scaled\n"
            "queues[0].workload_kind: \"Pod\" must be one of Deployment, StatefulSet, ReplicaSet, "
            "LeaderWorkerSet, InferenceService");
  EXPECT_EQ(errors(queue + "workload_kind: Deployment}]}"),
            "queues[0].workload_kind: needs workload");
}

TEST(RedisConfigTest, EveryErrorIsListedAtOnce) {
  EXPECT_EQ(
      errors("{servers: [{name: a, address: 'redis://x'}, {name: a, address: 'x:0', username: u}, "
             "{name: '-', address: '::1', database: -1, tls: {cert_file: /c, insecure: true}}], "
             "queues: [{name: q, namespace: n, server: z, kind: heap, keys: []}, "
             "{name: q, namespace: n, server: a, kind: list, preset: rq, keys: [1, x, x]}, "
             "{name: r, namespace: n, server: a, preset: resque, keys: [x], group: g}]}"),
      "servers[0].address: \"redis://x\" must be HOST:PORT, without a scheme; an IPv6 address in "
      "brackets\n"
      "servers[1].address: \"x:0\" must be HOST:PORT, without a scheme; an IPv6 address in "
      "brackets\n"
      "servers[1].username: needs password_file\n"
      "servers[2].name: \"-\" must be a label value: at most 63 of [A-Za-z0-9._-], alphanumeric at "
      "both ends\n"
      "servers[2].address: \"::1\" must be HOST:PORT, without a scheme; an IPv6 address in "
      "brackets\n"
      "servers[2].database: -1 must be in [0, 65535]\n"
      "servers[2].tls.insecure: is not a key here; known: ca_file, cert_file, key_file\n"
      "servers[2].tls.ca_file: is required\n"
      "servers[2].tls: give both cert_file and key_file, or neither\n"
      "queues[0].kind: \"heap\" must be list, stream, sorted_set, set, hash or counter\n"
      "queues[0].keys: must be a list of 1 to 32 keys\n"
      "queues[1]: needs either kind or preset\n"
      "queues[1].keys: 1 must be text (quote it), and not empty\n"
      "queues[1].keys: \"x\" stands twice\n"
      "queues[2].preset: \"resque\" must be celery, bullmq, sidekiq, rq or asynq\n"
      "queues[2].group: only a stream has consumer groups\n"
      "servers[1].name: \"a\" stands twice\n"
      "queues[0].server: \"z\" is no server of this list\n"
      "queues[1].name: \"n/q\" stands twice");
}

TEST(RedisConfigTest, AServerIsAnAddressOrWhatSentinelsNameOrACluster) {
  DocumentReader reader;
  const auto config = redis_config_from(
      reader,
      parse_document(
          "{servers: [{name: a, database: 2, password_file: /p, sentinel: {master: jobs, "
          "addresses: [s1, 's2:5'], username: u, password_file: /q}}, "
          "{name: b, cluster: true, addresses: ['n1:7000', n2]}, "
          "{name: c, cluster: true, address: 'n1:7000'}, {name: d, cluster: false, address: e}]}")
          .value());
  EXPECT_EQ(reader.errors(), "");
  ASSERT_EQ(config.servers.size(), 4U);
  const RedisSentinels sentinels = config.servers[0].sentinels.value();
  EXPECT_EQ(sentinels.master, "jobs");
  EXPECT_EQ(sentinels.addresses, (std::vector<RedisAddress>{{"s1", 26379}, {"s2", 5}}));
  EXPECT_EQ(sentinels.username, "u");
  EXPECT_EQ(sentinels.password_file, "/q");
  EXPECT_EQ(config.servers[0].password_file, "/p");
  EXPECT_EQ(config.servers[1].cluster, (std::vector<RedisAddress>{{"n1", 7000}, {"n2", 6379}}));
  EXPECT_EQ(config.servers[2].cluster, (std::vector<RedisAddress>{{"n1", 7000}}));
  EXPECT_TRUE(config.servers[3].cluster.empty());
}

TEST(RedisConfigTest, WhatDoesNotGoTogetherIsListedAtOnce) {
  EXPECT_EQ(
      errors("{servers: [{name: a, address: x, sentinel: {master: m, addresses: [s]}}, "
             "{name: b, sentinel: {addresses: ['x:0', 3, ''], username: u, database: 1}}, "
             "{name: c, cluster: true, address: x, addresses: [y], database: 1}, "
             "{name: d, addresses: [x]}, {name: e, cluster: 1, address: x}, "
             "{name: f, cluster: true}, {name: g, cluster: true, addresses: x}, "
             "{name: h, sentinel: here}]}"),
      "servers[0]: give either sentinel, or address, or cluster with its addresses\n"
      "servers[1].sentinel.database: is not a key here; known: master, addresses, username, "
      "password_file\n"
      "servers[1].sentinel.master: is required\n"
      "servers[1].sentinel.addresses[0]: \"x:0\" must be HOST:PORT, without a scheme; an IPv6 "
      "address in brackets\n"
      "servers[1].sentinel.addresses[2]: must be HOST:PORT\n"
      "servers[1].sentinel.username: needs password_file\n"
      "servers[2]: give either address or addresses of a cluster\n"
      "servers[2].database: must be 0: a cluster has no other\n"
      "servers[3].addresses: only a cluster has them (cluster: true); others: address\n"
      "servers[3].address: is required\n"
      "servers[4].cluster: 1 must be true or false\n"
      "servers[5].addresses: must be a list of 1 to 16 of HOST:PORT\n"
      "servers[6].addresses: must be a list of 1 to 16 of HOST:PORT\n"
      "servers[7].sentinel: \"here\" must be a map");
}

}  // namespace
}  // namespace leadline
