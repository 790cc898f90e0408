#include "adapter/redis/sentinel.h"

#include <gtest/gtest.h>

#include "tests/unit/adapter/redis/polled_board.h"
#include "tests/unit/adapter/redis/real_sentinels.h"
#include "tests/unit/daemon/raw_socket.h"

namespace leadline {
namespace {

using test::PolledBoard;
using test::RealSentinels;
using Type = RedisReply::Type;

RedisReply text(std::string words) {
  return {.type = Type::kText, .integer = 0, .text = std::move(words), .items = {}};
}

RedisReply array(std::vector<RedisReply> items) {
  return {.type = Type::kArray, .integer = 0, .text = {}, .items = std::move(items)};
}

RedisReply error(std::string words) {
  return {.type = Type::kError, .integer = 0, .text = std::move(words), .items = {}};
}

std::string problem(const RedisReply& answer) {
  const auto address = master_in(answer);
  return address ? to_text(*address) : address.error().message;
}

TEST(SentinelTest, AnAddressIsReadOfWhateverASentinelSays) {
  EXPECT_EQ(problem(array({text("10.0.0.1"), text("6379")})), "10.0.0.1:6379");
  EXPECT_EQ(problem(array({text("fd00::1"), text("6379")})), "[fd00::1]:6379");
  EXPECT_EQ(problem(array({text("Redis-0.redis"), text("1")})), "redis-0.redis:1");
  EXPECT_EQ(problem({}), "knows no master of this name");
  EXPECT_EQ(problem(error("NOAUTH\r\n" + std::string(1'000, 'x'))).size(), 9 + 200 + 4);
  EXPECT_EQ(problem(array({text("10.0.0.1")})), "names no address");
  EXPECT_EQ(problem(array({text("10.0.0.1"), array({})})), "names no address");
  for (const auto& [host, port] : {std::pair{"", "6379"},
                                   {"10.0.0.1", "0"},
                                   {"10.0.0.1", "65536"},
                                   {"10.0.0.1", "6379x"},
                                   {"10.0.0.1", "99999999999999999999"},
                                   {"a b", "6379"},
                                   {"a:b", "6379"},
                                   {"[::1]", "6379"},
                                   {"a\n", "6379"}}) {
    EXPECT_NE(problem(array({text(host), text(port)})).find("is no address"), std::string::npos);
  }
}

TEST(SentinelTest, OnlyAMastersRoleIsOne) {
  EXPECT_TRUE(check_is_master(array({text("master"), {}, array({})})));
  EXPECT_EQ(check_is_master(array({text("slave")})).error().message, "is no master but slave");
  EXPECT_EQ(check_is_master(error("NOPERM no")).error().message, "ROLE was answered NOPERM no");
  EXPECT_FALSE(check_is_master(array({})));
  EXPECT_FALSE(check_is_master(array({array({text("master")})})));
  EXPECT_FALSE(check_is_master({}));
}

// The board while a master dies and another takes its place, and while the dead one comes back:
// empty, and for some seconds sure that it is the master still.
TEST(SentinelTest, AKilledMasterIsReplacedAndNeverBelievedAgain) {
  RealSentinels redis;
  redis.first().say({"RPUSH", "mail", "a", "b", "c"});
  test::wait_until([&] { return RealSentinels::is_replica_in_step(redis.first()); }, "in step");
  PolledBoard board({"mail"}, redis.server());
  ASSERT_TRUE(board.becomes(0, "3")) << board.shown(0);

  redis.first().kill();
  const SteadyTime killed_at = system_now().steady;
  EXPECT_EQ(board.wrong_until(0, {3}, [&] { return board.is_fresh(0, killed_at); }), "");
  const std::chrono::duration<double> took = system_now().steady - killed_at;
  std::cout << fmt::format("right again {:.2f} s after the master was killed\n", took.count());
  EXPECT_LT(took.count(), 10);

  redis.second().say({"RPUSH", "mail", "d"});
  EXPECT_EQ(board.wrong_until(0, {3, 4}, [&] { return board.shown(0) == "4"; }), "");
  redis.first().start();
  EXPECT_EQ(RealSentinels::role(redis.first()), "master");
  const auto is_back = [&] { return RealSentinels::role(redis.first()) == "slave"; };
  EXPECT_EQ(board.wrong_until(0, {4}, is_back), "");
  const SteadyTime back_at = system_now().steady;
  EXPECT_EQ(board.wrong_until(0, {4}, [&] { return board.is_fresh(0, back_at); }), "");
}

// The old one is well, and says for ten seconds more that it is the master.
TEST(SentinelTest, AMasterThatIsReplacedWhileItIsWellIsLeft) {
  RealSentinels redis;
  redis.first().say({"RPUSH", "mail", "a", "b", "c"});
  PolledBoard board({"mail"}, redis.server());
  ASSERT_TRUE(board.becomes(0, "3")) << board.shown(0);
  redis.fail_over();
  const auto is_done = [&] { return RealSentinels::role(redis.second()) == "master"; };
  EXPECT_EQ(board.wrong_until(0, {3}, is_done), "");
  const SteadyTime done_at = system_now().steady;
  redis.second().say({"RPUSH", "mail", "d"});
  EXPECT_EQ(board.wrong_until(0, {3, 4}, [&] { return board.shown(0) == "4"; }), "");
  const std::chrono::duration<double> took = system_now().steady - done_at;
  std::cout << fmt::format("right again {:.2f} s after another was the master\n", took.count());
  EXPECT_LT(took.count(), 5);
}

std::string answer_of(const test::RealRedis& redis) {
  const std::string port = std::to_string(redis.server().port);
  return fmt::format("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{}\r\n", port.size(), port);
}

// We stay connected to it; it throws away what it has and copies another one, which is empty.
TEST(SentinelTest, ADemotedMasterIsNotBelieved) {
  test::RealRedis demoted, empty;
  demoted.say({"RPUSH", "mail", "a", "b", "c"});
  test::RawListener sentinel;
  RedisServer server = demoted.server();
  server.sentinels =
      RedisSentinels{.master = "jobs", .addresses = {{"127.0.0.1", sentinel.port()}}};
  PolledBoard board({"mail"}, server);
  {
    test::RawSocket peer = sentinel.accept();
    peer.read_until("jobs\r\n");
    peer.send(answer_of(demoted));
    ASSERT_TRUE(board.becomes(0, "3")) << board.shown(0);
    sentinel.close();
  }
  const std::string port = std::to_string(empty.server().port);
  ASSERT_EQ(demoted.say({"REPLICAOF", "127.0.0.1", port}).text, "OK");
  const auto is_empty = [&] { return demoted.say({"EXISTS", "mail"}).integer == 0; };
  EXPECT_EQ(board.wrong_until(0, {3}, is_empty), "");
  const auto has_problem = [&] {
    return board.state(0).problem.starts_with("no master found: sentinel 127.0.0.1:");
  };
  EXPECT_EQ(board.wrong_until(0, {3}, has_problem), "");
  EXPECT_EQ(board.shown(0), "3");  // until it is stale
}

// One that is gone, one that is none, and one that names a replica.
TEST(SentinelTest, TheNextSentinelIsAskedWhereOneIsOfNoUse) {
  RealSentinels redis;
  redis.first().say({"RPUSH", "mail", "a"});
  test::RawListener liar;
  RedisServer server = redis.server();
  const auto good = server.sentinels->addresses.back();
  const auto port = [](std::uint16_t number) { return RedisAddress{"127.0.0.1", number}; };
  server.sentinels->addresses = {port(test::free_port()), port(redis.first().server().port),
                                 port(liar.port())};
  PolledBoard lied_to({"mail"}, server);
  test::RawSocket peer = liar.accept();
  peer.read_until("jobs\r\n");
  peer.send(answer_of(redis.second()));
  EXPECT_TRUE(lied_to.becomes(0, fmt::format("no master found: 127.0.0.1:{}: is no master but "
                                             "slave",
                                             redis.second().server().port)))
      << lied_to.shown(0);
  server.sentinels->addresses[2] = good;
  PolledBoard board({"mail"}, server);
  EXPECT_TRUE(board.becomes(0, "1")) << board.shown(0);
}

}  // namespace
}  // namespace leadline
