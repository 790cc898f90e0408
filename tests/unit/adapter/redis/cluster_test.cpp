#include "adapter/redis/cluster.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/unit/adapter/redis/polled_board.h"
#include "tests/unit/adapter/redis/real_cluster.h"
#include "tests/unit/daemon/raw_socket.h"

namespace leadline {
namespace {

using test::PolledBoard;
using test::RealCluster;

constexpr std::size_t kFirst = 0, kSecond = 1, kThird = 2;  // nodes, and the queues on them

std::vector<std::string> a_key_on_each() {
  return {RealCluster::key_on(kFirst), RealCluster::key_on(kSecond), RealCluster::key_on(kThird)};
}

void push(RealCluster& redis, std::size_t node, const std::string& key, int jobs) {
  for (int i = 0; i < jobs; ++i) {
    EXPECT_EQ(redis.node(node).say({"RPUSH", key, "job"}).type, RedisReply::Type::kInteger);
  }
}

TEST(ClusterTest, EachQueueIsCountedAtItsNode) {
  RealCluster redis;
  const auto keys = a_key_on_each();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(redis.node(0).say({"CLUSTER", "KEYSLOT", keys[i]}).integer, slot_of(keys[i]));
    push(redis, i, keys[i], static_cast<int>(i) + 1);
  }
  PolledBoard board(keys, redis.server());
  EXPECT_TRUE(board.becomes(kFirst, "1")) << board.shown(kFirst);
  EXPECT_TRUE(board.becomes(kSecond, "2")) << board.shown(kSecond);
  EXPECT_TRUE(board.becomes(kThird, "3")) << board.shown(kThird);
  const std::string stats = redis.node(kSecond).say({"INFO", "stats"}).text;
  // The test's, and one of the client's.
  EXPECT_NE(stats.find("total_connections_received:2\r\n"), std::string::npos) << stats;
}

// A slot that moves from one node to another while it is counted: with its key still there, with
// its key gone ahead, and when all know.
TEST(ClusterTest, AQueueIsRightWhileItsSlotMoves) {
  RealCluster redis;
  const std::string key = RealCluster::key_on(kFirst);
  const std::string none = RealCluster::key_on(kFirst, "none");  // same slot, no such key
  ASSERT_EQ(slot_of(key), slot_of(none));
  push(redis, kFirst, key, 3);
  PolledBoard board({key, none}, redis.server());
  ASSERT_TRUE(board.becomes(0, "3")) << board.shown(0);
  const auto stay_right = [&] {
    const SteadyTime later = system_now().steady + std::chrono::milliseconds{300};
    const auto are_fresh = [&] { return board.is_fresh(0, later) && board.is_fresh(1, later); };
    EXPECT_EQ(board.wrong_until(0, {3}, are_fresh), "");
    EXPECT_EQ(board.shown(1), "0");
  };
  const std::string slot = std::to_string(slot_of(key));
  const std::string target_port = std::to_string(redis.node(kSecond).server().port);
  const std::string source = redis.id(kFirst), target = redis.id(kSecond);
  redis.node(kSecond).say({"CLUSTER", "SETSLOT", slot, "IMPORTING", source});
  redis.node(kFirst).say({"CLUSTER", "SETSLOT", slot, "MIGRATING", target});
  stay_right();
  EXPECT_EQ(redis.node(kFirst).say({"MIGRATE", "127.0.0.1", target_port, key, "0", "5000"}).text,
            "OK");
  stay_right();
  const std::string calls = redis.node(kSecond).say({"INFO", "commandstats"}).text;
  EXPECT_NE(calls.find("cmdstat_asking"), std::string::npos) << "no ASK was followed";
  redis.node(kSecond).say({"CLUSTER", "SETSLOT", slot, "NODE", target});
  stay_right();
  redis.say_to_all({"CLUSTER", "SETSLOT", slot, "NODE", target});
  stay_right();
  push(redis, kSecond, key, 1);
  EXPECT_EQ(board.wrong_until(0, {3, 4}, [&] { return board.shown(0) == "4"; }), "");
}

TEST(ClusterTest, ALostNodeCostsItsOwnQueuesOnly) {
  RealCluster redis;
  const auto keys = a_key_on_each();
  for (std::size_t i = 0; i < keys.size(); ++i) push(redis, i, keys[i], 2);
  PolledBoard board(keys, redis.server_with_all());
  for (std::size_t i = 0; i < keys.size(); ++i) ASSERT_TRUE(board.becomes(i, "2"));

  redis.node(kFirst).kill();  // the address that was asked so far
  EXPECT_TRUE(board.becomes(kFirst, "LLEN " + keys[0])) << board.shown(kFirst);
  const std::string problem = board.state(kFirst).problem;
  EXPECT_NE(problem.find("no answer from its node 127.0.0.1:"), std::string::npos) << problem;
  push(redis, kThird, keys[kThird], 1);
  EXPECT_EQ(board.wrong_until(kThird, {2, 3}, [&] { return board.shown(kThird) == "3"; }), "");
  const SteadyTime killed_at = system_now().steady;
  const auto both_are_fresh = [&] {
    return board.is_fresh(kSecond, killed_at + std::chrono::seconds{2}) &&
           board.is_fresh(kThird, killed_at + std::chrono::seconds{2});
  };
  EXPECT_EQ(board.wrong_until(kFirst, {}, both_are_fresh), "");
  EXPECT_EQ(board.state(kFirst).depth, std::nullopt);

  redis.node(kFirst).start();
  const SteadyTime back_at = system_now().steady;
  EXPECT_EQ(board.wrong_until(kFirst, {2}, [&] { return board.shown(kFirst) == "2"; }), "");
  const std::chrono::duration<double> took = system_now().steady - back_at;
  std::cout << fmt::format("right again {:.2f} s after the node was back\n", took.count());
}

TEST(ClusterTest, AReplicaThatTakesItsMastersPlaceIsFound) {
  RealCluster redis;
  const std::string key = RealCluster::key_on(kSecond);
  push(redis, kSecond, key, 2);
  const auto replica = redis.replica_of(kSecond);
  PolledBoard board({key, RealCluster::key_on(kThird)}, redis.server());
  ASSERT_TRUE(board.becomes(0, "2")) << board.shown(0);
  redis.node(kSecond).kill();
  const SteadyTime killed_at = system_now().steady;
  EXPECT_EQ(board.wrong_until(0, {2}, [&] { return board.is_fresh(0, killed_at); }), "");
  const std::chrono::duration<double> took = system_now().steady - killed_at;
  std::cout << fmt::format("right again {:.2f} s after the master was killed\n", took.count());
  EXPECT_LT(took.count(), 10);
  EXPECT_EQ(replica->say({"ROLE"}).items.at(0).text, "master");
}

// A node that hangs is not waited for each time.
TEST(ClusterTest, AHangingNodeDelaysTheOthersLittle) {
  RealCluster redis;
  const auto keys = a_key_on_each();
  PolledBoard board(keys, redis.server_with_all());
  ASSERT_TRUE(board.becomes(kThird, "0"));
  redis.node(kSecond).pause();
  EXPECT_TRUE(board.becomes(kSecond, "LLEN " + keys[1])) << board.shown(kSecond);
  for (int i = 0; i < 20; ++i) {
    const SteadyTime since = system_now().steady;
    EXPECT_EQ(board.wrong_until(kThird, {0}, [&] { return board.is_fresh(kThird, since); }), "");
    EXPECT_LT(system_now().steady - since, std::chrono::seconds{2});
  }
  redis.node(kSecond).resume();
  EXPECT_TRUE(board.becomes(kSecond, "0")) << board.shown(kSecond);
}

TEST(ClusterTest, AllNodesLostIsAFailedPoll) {
  RealCluster redis;
  const std::string key = RealCluster::key_on(kFirst);
  push(redis, kFirst, key, 2);
  PolledBoard board({key}, redis.server_with_all());
  ASSERT_TRUE(board.becomes(0, "2"));
  for (std::size_t i = 0; i < RealCluster::kNodes; ++i) redis.node(i).kill();
  const auto has_problem = [&] { return !board.state(0).problem.empty(); };
  EXPECT_EQ(board.wrong_until(0, {2}, has_problem), "");
  EXPECT_EQ(board.shown(0), "2");  // until it is stale
}

// A cluster of one, which names its node by the name that its certificate has.
TEST(ClusterTest, OverTlsAndWithTheRightsThatAreNamed) {
  test::RealRedis redis({"--cluster-enabled", "yes", "--tls-cluster", "yes", "--cluster-port",
                         std::to_string(test::free_port()), "--cluster-announce-hostname",
                         "localhost", "--cluster-preferred-endpoint-type", "hostname"});
  redis.say({"CLUSTER", "ADDSLOTSRANGE", "0", "16383"});
  test::wait_until([&] { return redis.say({"RPUSH", "mail", "a", "b"}).integer > 0; }, "a cluster");
  RedisServer server = redis.tls_server();
  server.cluster = {{.host = server.host, .port = server.port}};
  RedisQueue queue = {.name = "mail", .namespace_name = "ns", .server = "main", .keys = {"mail"}};
  RedisCommand make_user = {"ACL", "SETUSER", "leadline", "on", ">sesame"};
  std::istringstream rules(acl_rules({&queue, 1}, "main") + " " + topology_rules(server));
  for (std::string rule; rules >> rule;) make_user.push_back(rule);
  ASSERT_EQ(redis.say(make_user).text, "OK");
  server.username = "leadline";
  server.password_file = redis.folder() / "password";
  std::ofstream(server.password_file) << "sesame";
  PolledBoard board({"mail", "other"}, server);
  EXPECT_TRUE(board.becomes(0, "2")) << board.shown(0);
  EXPECT_TRUE(board.becomes(1, "LLEN other: NOPERM")) << board.shown(1);
}

// Whoever answers in a node's place may not send us where the cluster is not.
TEST(ClusterTest, ARedirectToWhereTheClusterIsNotIsNotFollowed) {
  test::RawListener node, elsewhere;
  RedisServer server = {.name = "main", .timeout = std::chrono::milliseconds{500}};
  server.cluster = {{.host = "127.0.0.1", .port = node.port()}};
  const std::string slots =
      fmt::format("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$0\r\n\r\n:{}\r\n", node.port());
  PolledBoard board({"a"}, server);
  test::RawSocket peer = node.accept();
  peer.read_until("SLOTS\r\n");
  peer.send(slots);
  for (const char* kind : {"MOVED", "ASK"}) {
    peer.read_until("a\r\n");
    peer.send(fmt::format("-{} 1 127.0.0.1:{}\r\n", kind, elsewhere.port()));
    if (std::string_view(kind) == "MOVED") {
      peer.read_until("SLOTS\r\n");
      peer.send(slots);
    }
    EXPECT_TRUE(board.becomes(
        0, fmt::format("LLEN a: it is at 127.0.0.1:{}, which no configured", elsewhere.port())))
        << board.shown(0);
  }
}

// Two nodes that each send us to the other: three times, and no more.
TEST(ClusterTest, ARedirectInACircleEnds) {
  test::RawListener node;
  RedisServer server = {.name = "main", .timeout = std::chrono::milliseconds{500}};
  server.cluster = {{.host = "127.0.0.1", .port = node.port()}};
  const std::string slots =
      fmt::format("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$-1\r\n:{}\r\n", node.port());
  PolledBoard board({"a"}, server);
  test::RawSocket peer = node.accept();
  peer.read_until("SLOTS\r\n");
  peer.send(slots);
  for (int i = 0; i < 4; ++i) {
    peer.read_until("a\r\n");
    peer.send("-ASK 1 :" + std::to_string(node.port()) + "\r\n");
    if (i == 3) break;
    EXPECT_TRUE(peer.read_until("ASKING\r\n").ends_with("ASKING\r\n"));
    peer.send("+OK\r\n");
  }
  EXPECT_TRUE(board.becomes(0, "LLEN a: ASK 1")) << board.shown(0);
}

}  // namespace
}  // namespace leadline
