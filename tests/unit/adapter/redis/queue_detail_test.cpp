#include "adapter/redis/queue_detail.h"

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
  for (const auto& command : detail_commands(asked)) {
    text += fmt::format("{}{}", text.empty() ? "" : "; ", fmt::join(command, " "));
  }
  return text;
}

RedisReply reply_of(const std::string& bytes) {
  RedisReader reader(1);
  EXPECT_TRUE(reader.feed(bytes).value_or(false)) << bytes;
  return std::move(reader.take().front());
}

std::string text(std::string_view value) {
  return fmt::format("${}\r\n{}\r\n", value.size(), value);
}

// XINFO STREAM's reply, with its first entry's ID.
std::string stream(std::string_view added, std::string_view first) {
  const std::string entry =
      first.empty() ? "$-1\r\n" : "*2\r\n" + text(first) + "*2\r\n" + text("k") + text("v");
  const std::string count = added.empty() ? "" : text("entries-added") + std::string(added);
  return fmt::format("*{}\r\n{}:9\r\n{}{}{}", added.empty() ? 4 : 6, text("length"), count,
                     text("first-entry"), entry);
}

std::string pending(std::string_view id) {
  return "*1\r\n*4\r\n" + text(id) + text("consumer") + ":12\r\n:1\r\n";
}

// `added, oldest`; of each the error where there is one.
std::string detail(const RedisQueue& asked, const std::vector<std::string>& bytes,
                   const QueueReading& reading = {}) {
  std::vector<RedisReply> replies;
  for (const auto& each : bytes) replies.push_back(reply_of(each));
  const QueueDetail read = read_detail(asked, reading, replies);
  const std::string added =
      read.added ? fmt::format("{}", fmt::join(*read.added, " ")) : read.added.error().message;
  if (!read.oldest) return fmt::format("{}, {}", added, read.oldest.error().message);
  return fmt::format("{}, {}", added,
                     *read.oldest ? std::to_string((**read.oldest).count()) : "none");
}

const QueueReading kWhole = {.in_flight = {}, .tails = {}, .undelivered = {}, .whole_keys = {"q"}};

TEST(QueueDetailTest, StreamsAndSidekiqTellMore) {
  EXPECT_EQ(commands(queue(QueueKind::kStream, {"a", "b"})), "XINFO STREAM a; XINFO STREAM b");
  EXPECT_EQ(commands(queue(QueueKind::kStream, {"q"}, "g")), "XINFO STREAM q; XPENDING q g - + 1");
  EXPECT_EQ(commands(queue(QueueKind::kSidekiq)), "LINDEX queue:q -1");
  for (const auto kind : {QueueKind::kList, QueueKind::kCounter, QueueKind::kAnyOf,
                          QueueKind::kCelery, QueueKind::kBullmq}) {
    EXPECT_EQ(commands(queue(kind)), "");
    EXPECT_FALSE(tells_oldest(kind));
  }
}

TEST(QueueDetailTest, TheOldestIsPendingOrNotDelivered) {
  const auto grouped = queue(QueueKind::kStream, {"q"}, "g");
  EXPECT_EQ(detail(grouped, {stream(":70\r\n", "5-0"), pending("7-1")}), "70, 7");
  const QueueReading undelivered = {
      .in_flight = {}, .tails = {}, .undelivered = {"9-0"}, .whole_keys = {}};
  EXPECT_EQ(detail(grouped, {stream(":70\r\n", "5-0"), pending("7-1")}, undelivered), "70, 7");
  EXPECT_EQ(detail(grouped, {stream(":70\r\n", "5-0"), "*0\r\n"}, undelivered), "70, 9");
  // What all have acknowledged lies there still.
  EXPECT_EQ(detail(grouped, {stream(":70\r\n", "5-0"), "*0\r\n"}), "70, none");
}

// Its parser would make a gigabyte of 16 MB of brackets.
TEST(QueueDetailTest, ALargeJobIsNotRead) {
  const std::string brackets(300'000, '[');
  const std::string reply = fmt::format("${}\r\n{}\r\n", brackets.size(), brackets);
  EXPECT_EQ(
      detail(queue(QueueKind::kSidekiq), {reply}),
      "a queue of this kind does not tell what was added, LINDEX queue:q: its job is too large");
}

TEST(QueueDetailTest, WithoutAGroupTheFirstEntryIsTheOldest) {
  EXPECT_EQ(detail(queue(QueueKind::kStream), {stream(":70\r\n", "5-0")}, kWhole), "70, 5");
  EXPECT_EQ(detail(queue(QueueKind::kStream), {stream(":70\r\n", "")}, kWhole), "70, none");
  const auto grouped = queue(QueueKind::kStream, {"q"}, "g");
  EXPECT_EQ(detail(grouped, {stream(":70\r\n", "5-0"), "-NOGROUP x\r\n"}, kWhole), "70, 5");
  EXPECT_EQ(detail(grouped, {"-ERR no such key\r\n", "-NOGROUP x\r\n"}), "0, none");
}

TEST(QueueDetailTest, EachPartFailsAlone) {
  const auto grouped = queue(QueueKind::kStream, {"q"}, "g");
  EXPECT_EQ(detail(grouped, {stream("", "5-0"), pending("7-1")}),
            "Redis before 7 does not count what is added, 7");
  EXPECT_EQ(detail(grouped, {"-NOPERM no\r\n", pending("7-1")}), "XINFO q: NOPERM no, 7");
  EXPECT_EQ(detail(grouped, {stream(":70\r\n", "5-0"), "-NOPERM no\r\n"}),
            "70, XPENDING q: NOPERM no");
  const auto whole = queue(QueueKind::kStream);
  EXPECT_EQ(detail(whole, {"-NOPERM no\r\n"}, kWhole), "XINFO q: NOPERM no, XINFO q: NOPERM no");
}

TEST(QueueDetailTest, ReplyOfTheWrongShapeIsUnknown) {
  const std::string odd = "the reply is not what was asked for";
  const auto grouped = queue(QueueKind::kStream, {"q"}, "g");
  EXPECT_EQ(detail(grouped, {":7\r\n", ":7\r\n"}),
            fmt::format("XINFO q: {}, XPENDING q: {}", odd, odd));
  EXPECT_EQ(detail(grouped, {stream(":-1\r\n", "5-0"), "*1\r\n*0\r\n"}),
            fmt::format("XINFO q: {}, XPENDING q: an entry has no ID", odd));
  EXPECT_EQ(detail(grouped, {stream(":9223372036854775807\r\n", "5-0"), pending("x")}),
            fmt::format("XINFO q: {}, XPENDING q: an entry has no ID", odd));
  EXPECT_EQ(detail(queue(QueueKind::kStream), {stream(":1\r\n", "x")}, kWhole),
            "1, XINFO q: an entry has no ID");
}

TEST(QueueDetailTest, SidekiqsOldestJobIsTheLastOne) {
  const auto sidekiq = queue(QueueKind::kSidekiq);
  const std::string kind = "a queue of this kind does not tell what was added, ";
  EXPECT_EQ(detail(sidekiq, {text(R"({"enqueued_at": 1700000000.25})")}), kind + "1700000000250");
  EXPECT_EQ(detail(sidekiq, {text(R"({"enqueued_at": 1700000000250})")}), kind + "1700000000250");
  EXPECT_EQ(detail(sidekiq, {"$-1\r\n"}), kind + "none");
  EXPECT_EQ(detail(sidekiq, {"-WRONGTYPE x\r\n"}), kind + "LINDEX queue:q: WRONGTYPE x");
  for (const char* bad : {"", "{", "[]", "7", "{}", R"({"enqueued_at": "now"})",
                          R"({"enqueued_at": null})", "\xff"}) {
    EXPECT_EQ(detail(sidekiq, {text(bad)}), kind + "LINDEX queue:q: the job has no enqueued_at")
        << bad;
  }
  EXPECT_EQ(detail(sidekiq, {text(R"({"enqueued_at": -1e300})")}), kind + "0");
  EXPECT_EQ(detail(sidekiq, {text(R"({"enqueued_at": 1e300})")}), kind + "1000000000000000");
}

TEST(QueueDetailTest, TimeIsRedisOwn) {
  const auto time = [](const std::string& bytes) {
    const auto read = read_time(reply_of(bytes));
    return read ? std::to_string(read->count()) : read.error().message;
  };
  EXPECT_EQ(time("*2\r\n" + text("1700000000") + text("123456")), "1700000000123");
  EXPECT_EQ(time("-NOPERM no\r\n"), "TIME: NOPERM no");
  for (const std::string& bad :
       {std::string("*0\r\n"), std::string(":1\r\n"), "*2\r\n" + text("x") + text("1"),
        "*2\r\n" + text("9999999999999999") + text("1"), "*2\r\n" + text("-1") + text("1")}) {
    EXPECT_EQ(time(bad), "TIME: the reply is no time") << bad;
  }
}

}  // namespace
}  // namespace leadline
