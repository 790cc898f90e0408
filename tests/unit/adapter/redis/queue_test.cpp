#include "adapter/redis/queue.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace leadline {
namespace {

RedisQueue queue(QueueKind kind, std::vector<std::string> keys = {"q"}, std::string group = {}) {
  return {.name = "q",
          .namespace_name = "ns",
          .server = "main",
          .kind = kind,
          .keys = std::move(keys),
          .group = std::move(group)};
}

std::string commands(const RedisQueue& asked) {
  std::string text;
  const WallTime now(std::chrono::milliseconds{1'700'000'000'123});
  for (const auto& command : queue_commands(asked, now)) {
    text += fmt::format("{}{}", text.empty() ? "" : "; ", fmt::join(command, " "));
  }
  return text;
}

// `depth/in flight`, with ` +key>last limit..beyond` for tails to look at; or the error.
std::string reading(const RedisQueue& asked, const std::string& bytes) {
  RedisReader reader(queue_commands(asked, {}).size());
  EXPECT_TRUE(reader.feed(bytes).value_or(false)) << bytes;
  const auto read = read_queue(asked, reader.take());
  if (!read) return read.error().message;
  std::string text = std::to_string(read->depth);
  text += read->in_flight ? "/" + std::to_string(*read->in_flight) : "/-";
  for (const auto& tail : read->tails) {
    text += fmt::format(" +{}>{} {}..{}", tail.key, tail.last_delivered, tail.limit, tail.beyond);
  }
  return text;
}

TEST(RedisQueueTest, EachKindAsksForItsKeys) {
  EXPECT_EQ(commands(queue(QueueKind::kList, {"a", "b"})), "LLEN a; LLEN b");
  EXPECT_EQ(commands(queue(QueueKind::kStream)), "XLEN q");
  EXPECT_EQ(commands(queue(QueueKind::kStream, {"q"}, "g")), "XLEN q; XINFO GROUPS q");
  EXPECT_EQ(commands(queue(QueueKind::kSortedSet)), "ZCARD q");
  EXPECT_EQ(commands(queue(QueueKind::kSet)), "SCARD q");
  EXPECT_EQ(commands(queue(QueueKind::kHash)), "HLEN q");
  EXPECT_EQ(commands(queue(QueueKind::kCounter)), "GETRANGE q 0 31; EXISTS q");
}

TEST(RedisQueueTest, PresetsKnowTheirLibrarysKeys) {
  EXPECT_EQ(commands(queue(QueueKind::kCelery)),
            "LLEN q; LLEN q\x06\x16"
            "3; LLEN q\x06\x16"
            "6; LLEN q\x06\x16"
            "9; HLEN unacked");
  EXPECT_EQ(commands(queue(QueueKind::kBullmq)),
            "LLEN bull:q:wait; ZCARD bull:q:prioritized; "
            "ZCOUNT bull:q:delayed -inf (6963200000507904; LLEN bull:q:active");
  EXPECT_EQ(commands(queue(QueueKind::kSidekiq)), "LLEN queue:q");
  EXPECT_EQ(commands(queue(QueueKind::kRq)), "LLEN rq:queue:q; ZCARD rq:wip:q");
  EXPECT_EQ(commands(queue(QueueKind::kAsynq)),
            "LLEN asynq:{q}:pending; ZCOUNT asynq:{q}:scheduled -inf 1700000000; "
            "ZCOUNT asynq:{q}:retry -inf 1700000000; LLEN asynq:{q}:active");
}

TEST(RedisQueueTest, KeysAddUpAndWhatRedisRefusesIsUnknown) {
  const auto two = queue(QueueKind::kList, {"a", "b"});
  EXPECT_EQ(reading(two, ":3\r\n:4\r\n"), "7/-");
  EXPECT_EQ(reading(two, ":0\r\n:0\r\n"), "0/-");
  EXPECT_EQ(reading(two, ":3\r\n-WRONGTYPE x\r\n"), "LLEN b: WRONGTYPE x");
  EXPECT_EQ(reading(two, ":3\r\n$-1\r\n"), "LLEN b: the reply is no count");
  EXPECT_EQ(reading(two, ":3\r\n:-1\r\n"), "LLEN b: the reply is no count");
  EXPECT_EQ(reading(two, ":3\r\n$1\r\n4\r\n"), "LLEN b: the reply is no count");
  EXPECT_EQ(reading(two, ":3\r\n*1\r\n:4\r\n"), "LLEN b: the reply is no count");
  EXPECT_EQ(reading(queue(QueueKind::kRq), ":3\r\n:2\r\n"), "3/2");
  EXPECT_EQ(reading(queue(QueueKind::kCelery), ":1\r\n:2\r\n:3\r\n:4\r\n:5\r\n"), "10/5");
}

TEST(RedisQueueTest, ACounterIsANumberOrUnknown) {
  const auto counter = queue(QueueKind::kCounter);
  EXPECT_EQ(reading(counter, "$2\r\n12\r\n:1\r\n"), "12/-");
  EXPECT_EQ(reading(counter, "$0\r\n\r\n:0\r\n"), "0/-");
  EXPECT_EQ(reading(counter, "$0\r\n\r\n:1\r\n"), "EXISTS q: it is empty");
  EXPECT_EQ(reading(counter, "-WRONGTYPE x\r\n:1\r\n"), "GETRANGE q: WRONGTYPE x");
  for (const std::string bad : {"$-1\r\n", "$3\r\n1.5\r\n", "$2\r\n-1\r\n", "$3\r\n 12\r\n",
                                "$20\r\n99999999999999999999\r\n"}) {
    EXPECT_EQ(reading(counter, bad + ":1\r\n"), "GETRANGE q: the reply is no count") << bad;
  }
}

std::string group(std::string_view name, int pending, std::string_view lag) {
  return fmt::format(
      "*12\r\n$4\r\nname\r\n${}\r\n{}\r\n$9\r\nconsumers\r\n:1\r\n$7\r\npending\r\n:{}\r\n"
      "$17\r\nlast-delivered-id\r\n$3\r\n5-1\r\n$12\r\nentries-read\r\n:1\r\n$3\r\nlag\r\n{}\r\n",
      name.size(), name, pending, lag);
}

// Each row is a case of keda.md §3.5, where KEDA answers 0 or too much.
TEST(RedisQueueTest, AStreamIsUndeliveredAndPending) {
  const auto stream = queue(QueueKind::kStream, {"q"}, "g");
  EXPECT_EQ(reading(stream, ":10\r\n*1\r\n" + group("g", 10, ":0")), "0/10");
  EXPECT_EQ(reading(stream, ":10\r\n*2\r\n" + group("h", 1, ":9") + group("g", 2, ":3")),
            "0/2 +q>5-1 1..3");
  EXPECT_EQ(reading(stream, ":9\r\n*1\r\n" + group("g", 2, "$-1")), "0/2 +q>5-1 1000..9");
  EXPECT_EQ(reading(stream, ":50\r\n*1\r\n" + group("g", 10, ":90")), "0/10 +q>5-1 1..50");
  EXPECT_EQ(reading(stream, ":0\r\n*1\r\n" + group("g", 1, ":90")), "0/1");
  EXPECT_EQ(reading(stream, ":7\r\n*0\r\n"), "7/0");  // nobody made the group yet
  EXPECT_EQ(reading(stream, ":0\r\n-ERR no such key\r\n"), "0/0");
  EXPECT_EQ(reading(stream, ":7\r\n-NOPERM no\r\n"), "XINFO q: NOPERM no");
  EXPECT_EQ(reading(stream, ":7\r\n*1\r\n*2\r\n$4\r\nname\r\n$1\r\ng\r\n"),
            "XINFO q: the reply lacks pending or last-delivered-id");
  EXPECT_EQ(reading(stream,
                    ":7\r\n*1\r\n*4\r\n$4\r\nname\r\n$1\r\ng\r\n$7\r\npending\r\n"
                    ":9223372036854775807\r\n"),
            "XINFO q: the reply lacks pending or last-delivered-id");
  EXPECT_EQ(reading(stream, ":7\r\n:1\r\n"), "XINFO q: the reply is no list of groups");
  EXPECT_EQ(reading(queue(QueueKind::kStream), ":7\r\n"), "7/-");
}

TEST(RedisQueueTest, AnEntryIsSeenBeforeALagIsBelieved) {
  const StreamTail nil_lag{.key = "q", .last_delivered = "5-1", .limit = 4, .beyond = 9};
  EXPECT_EQ(fmt::format("{}", fmt::join(tail_command(nil_lag), " ")), "XRANGE q (5-1 + COUNT 4");
  RedisReply reply{.type = RedisReply::Type::kArray, .integer = 0, .text = {}, .items = {}};
  const auto depth = [&] {
    QueueReading reading;
    EXPECT_TRUE(add_tail(reading, nil_lag, reply));
    return fmt::format("{}{}", reading.is_exact ? "" : "about ", reading.depth);
  };
  EXPECT_EQ(depth(), "0");
  reply.items.resize(3);
  EXPECT_EQ(depth(), "3");
  reply.items.resize(4);
  EXPECT_EQ(depth(), "about 9");
  QueueReading reading;
  EXPECT_EQ(add_tail(reading, nil_lag, RedisReply{}).error().message,
            "XRANGE q: the reply is no list");
}

TEST(RedisQueueTest, TheAclSaysWhatIsAskedAndNoMore) {
  std::vector<RedisQueue> queues = {queue(QueueKind::kList, {"b", "a"}),
                                    queue(QueueKind::kStream, {"s"}, "g")};
  queues.push_back(queue(QueueKind::kCounter, {"c"}));
  queues.back().server = "other";
  EXPECT_EQ(acl_rules(queues, "main"),
            "~a ~b ~s +llen +time +xinfo|groups +xinfo|stream +xlen +xpending +xrange");
  EXPECT_EQ(acl_rules(queues, "other"), "~c +exists +getrange");
}

// The rules are a line that a person pastes, and its keys are patterns.
TEST(RedisQueueTest, TheAclsKeysMeanThemselves) {
  const std::vector<RedisQueue> odd = {queue(QueueKind::kList, {"a*[b]?", "a b\\"})};
  EXPECT_EQ(acl_rules(odd, "main"), "~a??b?? ~a?b? +llen");
  const std::vector<RedisQueue> celery = {queue(QueueKind::kCelery)};
  EXPECT_EQ(acl_rules(celery, "main"), "~q ~q??3 ~q??6 ~q??9 ~unacked +hlen +llen");
}

}  // namespace
}  // namespace leadline
