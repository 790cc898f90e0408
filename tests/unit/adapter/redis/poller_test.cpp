#include "adapter/redis/poller.h"

#include <atomic>
#include <fstream>

#include <gtest/gtest.h>

#include "daemon/tls_key_pair.h"
#include "tests/unit/adapter/fake_sidecar.h"
#include "tests/unit/adapter/redis/real_redis.h"
#include "tests/unit/daemon/raw_socket.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;
using test::RealRedis;

RedisQueue queue(std::string name, QueueKind kind, std::string group = {}) {
  return {.name = name,
          .namespace_name = "ns",
          .server = "main",
          .kind = kind,
          .keys = {name},
          .group = std::move(group)};
}

std::string huge_text(std::size_t size) {
  std::string text;
  text.resize(size, '1');
  return text;
}

// The real poller against a real redis-server.
class RedisPollerTest : public testing::Test {
 public:
  ~RedisPollerTest() override {
    thread_.call([&] { poller_.reset(); });
  }

 protected:
  void poll(std::vector<RedisQueue> queues) {
    RedisServer server = redis_.server();
    server.timeout = milliseconds{300};
    poll(std::move(queues), server);
  }

  void poll(std::vector<RedisQueue> queues, const RedisServer& server) {
    thread_.call([&] {
      poller_.reset();
      board_ = std::make_unique<QueueBoard>(std::move(queues));
      poller_ = std::make_unique<RedisPoller>(thread_.loop(), server, *board_, metrics_,
                                              RedisPollerOptions{.interval = milliseconds{10}});
      poller_->start();
    });
  }

  // `depth/in flight`, or the reason.
  [[nodiscard]] std::string shown(std::size_t place) const {
    const QueueState state = *board_->configured()[place]->state();
    if (!state.depth) return state.problem;
    return fmt::format("{}/{}", *state.depth,
                       state.in_flight ? std::to_string(*state.in_flight) : "-");
  }

  [[nodiscard]] testing::AssertionResult becomes(std::size_t place, const std::string& want) {
    if (test::eventually(thread_, [&] { return shown(place).starts_with(want); }))
      return testing::AssertionSuccess();
    return testing::AssertionFailure() << shown(place) << " instead of " << want;
  }

  [[nodiscard]] testing::AssertionResult has_problem(std::string_view want) {
    const auto holds = [&] {
      return board_->configured()[0]->state()->problem.find(want) != std::string::npos;
    };
    if (test::eventually(thread_, holds)) return testing::AssertionSuccess();
    return testing::AssertionFailure() << board_->configured()[0]->state()->problem;
  }

  // `oldest age, arrivals/completions`, in whole numbers; or of each the reason.
  [[nodiscard]] std::string flow(std::size_t place) const {
    const QueueFlow flow = board_->configured()[place]->state()->flow;
    const auto shown = [](const Result<double>& number) {
      return number ? fmt::format("{:.0f}", *number) : number.error().message;
    };
    if (!flow.rates) return shown(flow.oldest_age) + ", " + flow.rates.error().message;
    return fmt::format("{}, {:.0f}/{}", shown(flow.oldest_age), flow.rates->arrivals,
                       shown(flow.rates->completions));
  }

  [[nodiscard]] testing::AssertionResult flows(std::size_t place, const std::string& want) {
    if (test::eventually(thread_, [&] { return flow(place).starts_with(want); }))
      return testing::AssertionSuccess();
    return testing::AssertionFailure() << flow(place) << " instead of " << want;
  }

  [[nodiscard]] testing::AssertionResult tells_age(std::size_t place) {
    const auto told = [&] {
      return board_->configured()[place]->state()->flow.oldest_age.has_value();
    };
    if (test::eventually(thread_, told)) return testing::AssertionSuccess();
    return testing::AssertionFailure() << flow(place);
  }

  // An entry whose ID says that it was made so long ago; gives its ID.
  std::string add_aged(const std::string& stream, std::chrono::seconds age) {
    const auto now = redis_.say({"TIME"}).items.at(0).text;
    const std::string id = std::to_string((std::stoll(now) - age.count()) * 1000) + "-0";
    return redis_.say({"XADD", stream, id, "k", "v"}).text;
  }

  void add(const std::string& stream, int entries) {
    for (int i = 0; i < entries; ++i) redis_.say({"XADD", stream, "*", "k", "v"});
  }

  void read(const std::string& stream, int entries) {
    redis_.say({"XREADGROUP", "GROUP", "g", "c", "COUNT", std::to_string(entries), "STREAMS",
                stream, ">"});
  }

  RealRedis redis_;
  SelfMetrics metrics_;
  test::LoopThread thread_;
  std::unique_ptr<QueueBoard> board_;
  std::unique_ptr<RedisPoller> poller_;
};

TEST_F(RedisPollerTest, EachKindIsCounted) {
  redis_.say({"RPUSH", "list", "a", "b"});
  redis_.say({"ZADD", "zset", "1", "a"});
  redis_.say({"SADD", "set", "a", "b", "c"});
  redis_.say({"HSET", "hash", "a", "b"});
  redis_.say({"SET", "counter", "42"});
  add("stream", 3);
  poll({queue("list", QueueKind::kList), queue("zset", QueueKind::kSortedSet),
        queue("set", QueueKind::kSet), queue("hash", QueueKind::kHash),
        queue("counter", QueueKind::kCounter), queue("stream", QueueKind::kStream),
        queue("missing", QueueKind::kList), queue("no-stream", QueueKind::kStream, "g"),
        queue("list", QueueKind::kSet), queue("stream", QueueKind::kStream, "g")});
  EXPECT_TRUE(becomes(0, "2/-"));
  EXPECT_TRUE(becomes(1, "1/-"));
  EXPECT_TRUE(becomes(2, "3/-"));
  EXPECT_TRUE(becomes(3, "1/-"));
  EXPECT_TRUE(becomes(4, "42/-"));
  EXPECT_TRUE(becomes(5, "3/-"));
  EXPECT_TRUE(becomes(6, "0/-"));
  EXPECT_TRUE(becomes(7, "0/0"));
  EXPECT_TRUE(becomes(8, "SCARD list: WRONGTYPE"));
  EXPECT_TRUE(becomes(9, "3/0"));  // its group does not exist yet
  redis_.say({"LPOP", "list", "2"});
  EXPECT_TRUE(becomes(0, "0/-"));
}

// The cases of keda.md §3.5 in which KEDA's own scalers answer 0 or far too much.
TEST_F(RedisPollerTest, AStreamsBacklogIsRightWhereLagIsNilOrStale) {
  const auto make = [&](const std::string& stream, const std::string& from, int entries) {
    add(stream, entries);
    redis_.say({"XGROUP", "CREATE", stream, "g", from});
  };
  make("delivered", "0", 10);
  read("delivered", 10);
  make("deleted", "0", 8);
  const auto entries = redis_.say({"XRANGE", "deleted", "-", "+"});
  redis_.say({"XDEL", "deleted", entries.items.at(4).items.at(0).text});
  make("trimmed", "0", 100);
  read("trimmed", 10);
  redis_.say({"XTRIM", "trimmed", "MAXLEN", "50"});
  add("middle", 3);
  const auto third = redis_.say({"XRANGE", "middle", "-", "+"}).items.at(2).items.at(0).text;
  add("middle", 6);
  redis_.say({"XGROUP", "CREATE", "middle", "g", third});
  make("finished", "0", 100);
  read("finished", 10);
  redis_.say({"XTRIM", "finished", "MAXLEN", "50"});
  read("finished", 50);  // Redis says lag 40 from here on
  poll({queue("delivered", QueueKind::kStream, "g"), queue("deleted", QueueKind::kStream, "g"),
        queue("trimmed", QueueKind::kStream, "g"), queue("middle", QueueKind::kStream, "g"),
        queue("finished", QueueKind::kStream, "g")});
  EXPECT_TRUE(becomes(0, "0/10"));
  EXPECT_TRUE(becomes(1, "7/0"));
  EXPECT_TRUE(becomes(2, "50/10"));
  EXPECT_TRUE(becomes(3, "6/0"));
  EXPECT_TRUE(becomes(4, "0/60"));
}

TEST_F(RedisPollerTest, ALostServerIsNeverZeroAndComesBack) {
  redis_.say({"RPUSH", "list", "a", "b"});
  poll({queue("list", QueueKind::kList)});
  ASSERT_TRUE(becomes(0, "2/-"));
  redis_.kill();
  ASSERT_TRUE(has_problem("connect"));
  EXPECT_EQ(shown(0), "2/-");  // until it is stale
  redis_.start();
  EXPECT_TRUE(becomes(0, "0/-"));  // nothing was saved: this is knowledge
  redis_.say({"RPUSH", "list", "a"});
  EXPECT_TRUE(becomes(0, "1/-"));
}

TEST_F(RedisPollerTest, AServerThatHangsKeepsItsLastSampleAndItsAge) {
  redis_.say({"RPUSH", "list", "a"});
  poll({queue("list", QueueKind::kList)});
  ASSERT_TRUE(becomes(0, "1/-"));
  redis_.pause();
  ASSERT_TRUE(has_problem("no complete answer within 300 ms"));
  const auto sampled_at = board_->configured()[0]->state()->sampled_at;
  const auto failed_again = [&] {
    return metrics_.text({}).find("outcome=\"failed\",server=\"main\"} 2") != std::string::npos ||
           metrics_.text({}).find("server=\"main\",outcome=\"failed\"} 2") != std::string::npos;
  };
  EXPECT_TRUE(test::eventually(thread_, failed_again)) << metrics_.text({});
  EXPECT_EQ(board_->configured()[0]->state()->sampled_at, sampled_at);
  redis_.resume();
  redis_.say({"RPUSH", "list", "b"});
  EXPECT_TRUE(becomes(0, "2/-"));
}

TEST_F(RedisPollerTest, OnlyTheRightsThatAreNamedAreNeeded) {
  redis_.say({"RPUSH", "list", "a"});
  add("stream", 8);
  redis_.say({"XGROUP", "CREATE", "stream", "g", "0"});
  const auto entries = redis_.say({"XRANGE", "stream", "-", "+"});
  redis_.say({"XDEL", "stream", entries.items.at(4).items.at(0).text});
  const std::vector<RedisQueue> queues = {queue("list", QueueKind::kList),
                                          queue("stream", QueueKind::kStream, "g")};
  RedisCommand make_user = {"ACL", "SETUSER", "leadline", "on", ">sesame"};
  std::istringstream rules(acl_rules(queues, "main"));
  for (std::string rule; rules >> rule;) make_user.push_back(rule);
  ASSERT_EQ(redis_.say(make_user).text, "OK");

  const auto password = redis_.folder() / "password";
  std::ofstream(password) << "wrong\n";
  RedisServer server = redis_.server();
  server.username = "leadline";
  server.password_file = password;
  auto with_foreign = queues;
  with_foreign.push_back(queue("secret", QueueKind::kList));
  poll(with_foreign, server);
  ASSERT_TRUE(has_problem("login: AUTH was answered WRONGPASS"));
  EXPECT_EQ(board_->configured()[0]->state()->depth, std::nullopt);
  std::ofstream(password) << "sesame\n";  // rotated: read again at the next attempt
  EXPECT_TRUE(becomes(0, "1/-"));
  EXPECT_TRUE(becomes(1, "7/0"));
  EXPECT_TRUE(tells_age(1));
  EXPECT_TRUE(becomes(2, "LLEN secret: NOPERM"));
  redis_.say({"ACL", "SETUSER", "leadline", "-llen"});  // rights may go while we are connected
  EXPECT_TRUE(becomes(0, "LLEN list: NOPERM"));
  EXPECT_TRUE(becomes(1, "7/0"));
  redis_.say({"ACL", "DELUSER", "leadline"});  // which ends its connections
  EXPECT_TRUE(has_problem("login: AUTH was answered WRONGPASS"));
}

// Redis quotes the arguments of a command that it does not know.
TEST_F(RedisPollerTest, AServersWordsNeverTellThePassword) {
  const RealRedis odd({"--rename-command", "AUTH", "HELLO_AUTH"});
  const auto password = redis_.folder() / "password";
  std::ofstream(password) << "sesame";
  RedisServer server = odd.server();
  server.password_file = password;
  poll({queue("list", QueueKind::kList)}, server);
  ASSERT_TRUE(has_problem("login: AUTH was answered ERR"));
  EXPECT_EQ(board_->configured()[0]->state()->problem, "login: AUTH was answered ERR");
}

TEST_F(RedisPollerTest, OverTlsBothEndsAreVerified) {
  redis_.say({"RPUSH", "list", "a"});
  const std::vector<RedisQueue> queues = {queue("list", QueueKind::kList)};
  poll(queues, redis_.tls_server());
  EXPECT_TRUE(becomes(0, "1/-"));
  redis_.kill();
  ASSERT_TRUE(has_problem("connect"));
  redis_.start();
  EXPECT_TRUE(becomes(0, "0/-"));

  const auto is_refused = [&](const RedisServer& server, std::string_view why) {
    poll(queues, server);
    const auto asked = [&] { return board_->configured()[0]->state()->problem != "not asked yet"; };
    EXPECT_TRUE(test::eventually(thread_, asked));
    EXPECT_TRUE(has_problem(why));
    EXPECT_EQ(board_->configured()[0]->state()->depth, std::nullopt);
  };
  RedisServer server = redis_.tls_server();
  server.host = "127.0.0.1";
  is_refused(server, "TLS: IP address mismatch");
  server = redis_.tls_server();
  server.tls->certificate_file.clear();
  is_refused(server, "");
  server = redis_.tls_server();
  server.tls->ca_file = redis_.folder() / "none";
  is_refused(server, "authorities");
  const KeyPair other = *make_authority("other", system_now().wall, std::chrono::hours{48});
  std::ofstream(server.tls->ca_file) << other.certificate_pem;
  is_refused(server, "TLS: self-signed certificate in certificate chain");
  server = redis_.tls_server();
  server.port = redis_.server().port;
  server.timeout = milliseconds{300};
  is_refused(server, "");  // TLS to a plain port
  server = redis_.server();
  server.port = redis_.tls_server().port;
  is_refused(server, "");  // plain to a TLS port
}

// What nobody but a hostile or broken server sends.
TEST_F(RedisPollerTest, AReplyThatIsTooMuchIsUnknownAndTheNextOneIsNot) {
  test::RawListener listener;
  RedisServer server = redis_.server();
  server.port = listener.port();
  poll({queue("list", QueueKind::kList)}, server);
  for (const auto& [bytes, why] : {std::pair{"*2147483647\r\n", "more values than allowed"},
                                   {"HTTP/1.1 400\r\n", "no Redis"},
                                   {":1\r\n:2\r\n", "more replies than were asked for"}}) {
    test::RawSocket peer = listener.accept();
    EXPECT_TRUE(peer.read_until("list\r\n").ends_with("list\r\n"));
    peer.send(bytes);
    EXPECT_TRUE(has_problem(why));
  }
  test::RawSocket peer = listener.accept();
  peer.read_until("list\r\n");
  peer.send(":7\r\n");
  EXPECT_TRUE(becomes(0, "7/-"));
}

// A huge string is not fetched; huge entries cost their own queue, and no other: of some of them it
// is known that there are at least two, of the largest nothing.
TEST_F(RedisPollerTest, AHugeValueCostsItsOwnQueueOnly) {
  redis_.say({"SET", "counter", huge_text(20'000'000)});
  const auto add_without_lag = [&](const std::string& stream, std::size_t size) {
    for (int i = 0; i < 4; ++i) redis_.say({"XADD", stream, "*", "k", huge_text(size)});
    redis_.say({"XGROUP", "CREATE", stream, "g", "0"});
    const auto last = redis_.say({"XREVRANGE", stream, "+", "-", "COUNT", "1"});
    redis_.say({"XADD", stream, "*", "k", "v"});
    redis_.say({"XDEL", stream, last.items.at(0).items.at(0).text});
  };
  add_without_lag("large", 6'000'000);
  add_without_lag("huge", 9'000'000);
  redis_.say({"RPUSH", "list", "a"});
  redis_.say({"XADD", "good", "*", "k", "v"});
  poll({queue("counter", QueueKind::kCounter), queue("large", QueueKind::kStream, "g"),
        queue("huge", QueueKind::kStream, "g"), queue("list", QueueKind::kList),
        queue("good", QueueKind::kStream, "g")});
  EXPECT_TRUE(becomes(0, "GETRANGE counter: the reply is no count"));
  EXPECT_TRUE(becomes(1, "2/0"));
  EXPECT_TRUE(becomes(2, "entries not delivered yet: the replies are larger than allowed"));
  redis_.say({"RPUSH", "list", "b"});
  EXPECT_TRUE(becomes(3, "2/-"));
  EXPECT_TRUE(becomes(4, "1/0"));
}

TEST_F(RedisPollerTest, APollerThatIsGoneLeavesNoSeriesBehind) {
  poll({queue("a", QueueKind::kList)});
  ASSERT_TRUE(becomes(0, "0/-"));
  EXPECT_NE(metrics_.text({}).find("server=\"main\""), std::string::npos);
  thread_.call([&] { poller_.reset(); });
  EXPECT_EQ(metrics_.text({}).find("server=\"main\""), std::string::npos) << metrics_.text({});
}

// One connection for all queues of a server, kept from poll to poll.
TEST_F(RedisPollerTest, QueuesShareOneConnection) {
  poll({queue("a", QueueKind::kList), queue("b", QueueKind::kSet), queue("c", QueueKind::kHash)});
  ASSERT_TRUE(becomes(2, "0/-"));
  redis_.say({"RPUSH", "a", "x"});
  ASSERT_TRUE(becomes(0, "1/-"));
  const std::string stats = redis_.say({"INFO", "stats"}).text;
  EXPECT_NE(stats.find("total_connections_received:2\r\n"), std::string::npos) << stats;
}

// KEDA's `listName` says no type, and a user may have the right to look at one of them only.
TEST_F(RedisPollerTest, WhicheverCollectionLiesThereIsCounted) {
  redis_.say({"RPUSH", "list", "a", "b"});
  redis_.say({"ZADD", "zset", "1", "a"});
  redis_.say({"SADD", "set", "a", "b", "c"});
  redis_.say({"HSET", "hash", "a", "b", "c", "d"});
  redis_.say({"SET", "text", "42"});
  add("stream", 3);
  std::vector<RedisQueue> queues;
  for (const char* key : {"list", "zset", "set", "hash", "missing", "text", "stream"}) {
    queues.push_back(queue(key, QueueKind::kAnyOf));
  }
  poll(queues);
  EXPECT_TRUE(becomes(0, "2/-"));
  EXPECT_TRUE(becomes(1, "1/-"));
  EXPECT_TRUE(becomes(2, "3/-"));
  EXPECT_TRUE(becomes(3, "2/-"));
  EXPECT_TRUE(becomes(4, "0/-"));
  EXPECT_TRUE(becomes(5, "LLEN text: neither a list, a sorted set, a set nor a hash"));
  EXPECT_TRUE(becomes(6, "LLEN stream: neither"));
  redis_.say({"ACL", "SETUSER", "default", "-zcard", "-scard", "-hlen"});
  EXPECT_TRUE(becomes(1, "ZCARD zset: NOPERM"));
  EXPECT_EQ(shown(0), "2/-");
}

// A trigger's queue is counted from the moment it asks, without the round of the others; and where
// somebody waits for its first job, that is seen long before the next round.
TEST_F(RedisPollerTest, WhatSomebodyWaitsForIsCountedBetweenRounds) {
  std::atomic<int> told = 0;
  thread_.call([&] {
    board_ = std::make_unique<QueueBoard>(std::vector<RedisQueue>{});
    board_->on_first_job([&] { ++told; });
    poller_ = std::make_unique<RedisPoller>(thread_.loop(), redis_.server(), *board_, metrics_,
                                            RedisPollerOptions{.interval = std::chrono::hours{1}});
    poller_->start();
  });
  const auto counted = *board_->asked(queue("jobs", QueueKind::kList), system_now().steady);
  const auto depth_is = [&](std::int64_t depth) {
    return test::eventually(thread_, [&] {
      counted->watch(system_now().steady);
      return counted->state()->depth == depth;
    });
  };
  EXPECT_TRUE(depth_is(0));
  EXPECT_FALSE(counted->state()->taken_at);
  EXPECT_EQ(told, 0);
  redis_.say({"RPUSH", "jobs", "a", "b"});
  EXPECT_TRUE(depth_is(2));
  EXPECT_TRUE(test::eventually(thread_, [&] { return told == 1; }));
  EXPECT_FALSE(counted->state()->taken_at);
  redis_.say({"LPOP", "jobs"});
  EXPECT_TRUE(depth_is(1));
  EXPECT_TRUE(counted->state()->taken_at);  // a worker was there
  EXPECT_EQ(told, 1);
}

// What was acknowledged lies in the stream still, and is nobody's oldest job.
TEST_F(RedisPollerTest, TheOldestJobIsPendingOrNotDelivered) {
  using std::chrono::seconds;
  const auto done = add_aged("stream", seconds{9000});
  const auto pending = add_aged("stream", seconds{3000});
  add_aged("stream", seconds{1000});
  redis_.say({"XGROUP", "CREATE", "stream", "g", "0"});
  redis_.say({"RPUSH", "queue:mail", R"({"enqueued_at": 1700000000.5})"});
  redis_.say({"XADD", "made-up", "5-1", "k", "v"});
  poll({queue("stream", QueueKind::kStream, "g"), queue("stream", QueueKind::kStream),
        queue("stream", QueueKind::kStream, "nobody"), queue("missing", QueueKind::kStream, "g"),
        queue("mail", QueueKind::kSidekiq), queue("made-up", QueueKind::kStream),
        queue("list", QueueKind::kList)});
  EXPECT_TRUE(flows(0, "900"));
  read("stream", 2);
  EXPECT_TRUE(flows(0, "900"));
  redis_.say({"XACK", "stream", "g", done});
  EXPECT_TRUE(flows(0, "300"));
  redis_.say({"XACK", "stream", "g", pending});
  EXPECT_TRUE(flows(0, "100"));
  read("stream", 1);
  EXPECT_TRUE(flows(0, "100"));
  const auto rest = redis_.say({"XPENDING", "stream", "g", "-", "+", "1"});
  redis_.say({"XACK", "stream", "g", rest.items.at(0).items.at(0).text});
  EXPECT_TRUE(flows(0, "0, "));
  EXPECT_TRUE(flows(1, "900"));
  EXPECT_TRUE(flows(2, "900"));
  EXPECT_TRUE(flows(3, "0, "));
  EXPECT_TRUE(test::eventually(thread_, [&] {
    return board_->configured()[4]->state()->flow.oldest_age.value_or(0) > 1e6;
  }));
  EXPECT_TRUE(flows(5, "its oldest job's time, 5 ms, is none"));
  EXPECT_TRUE(flows(6, "not asked yet, not asked yet"));
}

TEST_F(RedisPollerTest, AStreamsRatesAreCountedByRedis) {
  add("stream", 500);
  redis_.say({"XGROUP", "CREATE", "stream", "g", "0"});
  poll({queue("stream", QueueKind::kStream, "g")});
  ASSERT_TRUE(becomes(0, "500/0"));
  ASSERT_TRUE(tells_age(0));
  add("stream", 1000);
  redis_.say({"XREADGROUP", "GROUP", "g", "c", "COUNT", "600", "NOACK", "STREAMS", "stream", ">"});
  const auto rates_are_right = [&] {
    const auto rates = board_->configured()[0]->state()->flow.rates;
    if (!rates || !rates->completions) return false;
    const double seconds = std::chrono::duration<double>(rates->span).count();
    const double added = rates->arrivals * seconds, done = *rates->completions * seconds;
    return std::abs(added - 1000) < 2 && std::abs(done - 600) < 2;
  };
  EXPECT_TRUE(test::eventually(thread_, rates_are_right)) << flow(0);
  redis_.say({"XGROUP", "DESTROY", "stream", "g"});
  EXPECT_TRUE(becomes(0, "1500/0"));
  redis_.say({"XGROUP", "CREATE", "stream", "g", "$"});  // and nobody did 1500 jobs
  EXPECT_TRUE(flows(0, "0, counted once so far"));
  EXPECT_TRUE(flows(0, "0, 0/0"));
  redis_.say({"DEL", "stream"});
  EXPECT_TRUE(flows(0, "0, counted once so far"));
}

// The rights of an ACL that was made for counts only.
TEST_F(RedisPollerTest, WhatCannotBeLookedAtCostsNoCount) {
  add("stream", 8);
  redis_.say({"XGROUP", "CREATE", "stream", "g", "0"});
  redis_.say({"ACL", "SETUSER", "default", "-time", "-xinfo|stream"});
  poll({queue("stream", QueueKind::kStream, "g")});
  EXPECT_TRUE(becomes(0, "8/0"));
  EXPECT_TRUE(flows(0, "TIME: NOPERM"));
  EXPECT_NE(flow(0).find(", XINFO stream: NOPERM"), std::string::npos) << flow(0);
  redis_.say({"ACL", "SETUSER", "default", "+time", "-xpending"});
  EXPECT_TRUE(flows(0, "XPENDING stream: NOPERM"));
  EXPECT_EQ(shown(0), "8/0");
}

// XINFO tells the first and the last entry whole.
TEST_F(RedisPollerTest, HugeJobsCostTheirOwnFlowOnly) {
  for (int i = 0; i < 2; ++i) redis_.say({"XADD", "huge", "*", "k", std::string(8'300'000, 'x')});
  redis_.say({"XADD", "good", "*", "k", "v"});
  poll({queue("good", QueueKind::kStream), queue("huge", QueueKind::kStream),
        queue("good", QueueKind::kStream, "g")});
  EXPECT_TRUE(becomes(1, "2/-"));
  EXPECT_TRUE(flows(1, "its jobs: the replies are larger than allowed"));
  EXPECT_TRUE(tells_age(0));
  EXPECT_TRUE(tells_age(2));
  redis_.say({"XADD", "good", "*", "k", "v"});
  EXPECT_TRUE(becomes(0, "2/-"));
  EXPECT_EQ(shown(1), "2/-");
}

TEST_F(RedisPollerTest, APresetsJobsWaitOrAreInFlight) {
  redis_.say({"RPUSH", "rq:queue:mail", "a", "b"});
  redis_.say({"ZADD", "rq:wip:mail", "1", "c"});
  redis_.say({"RPUSH", std::string("clips\x06\x16") + "9", "a"});
  redis_.say({"RPUSH", "clips", "a"});
  redis_.say({"HSET", "unacked", "t1", "x", "t2", "x"});
  poll({queue("mail", QueueKind::kRq), queue("clips", QueueKind::kCelery)});
  EXPECT_TRUE(becomes(0, "2/1"));
  EXPECT_TRUE(becomes(1, "2/2"));
}

}  // namespace
}  // namespace leadline
