#include "adapter/redis/codec.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

// `[1,"a",-"ERR x",nil]`, "incomplete", or the error.
std::string shown(const RedisReply& reply) {
  switch (reply.type) {
    case RedisReply::Type::kNil:
      return "nil";
    case RedisReply::Type::kInteger:
      return std::to_string(reply.integer);
    case RedisReply::Type::kText:
      return "\"" + reply.text + "\"";
    case RedisReply::Type::kError:
      return "-\"" + reply.text + "\"";
    case RedisReply::Type::kArray:
      break;
  }
  std::string text;
  for (const RedisReply& item : reply.items) text += (text.empty() ? "" : ",") + shown(item);
  return "[" + text + "]";
}

// Bytes come one by one: how they are cut must not matter.
std::string read(std::string_view bytes, std::size_t expected = 1, RedisLimits limits = {}) {
  RedisReader reader(expected, limits);
  bool complete = false;
  for (const char& byte : bytes) {
    const auto fed = reader.feed({&byte, 1});
    if (!fed) return fed.error().message;
    complete = *fed;
  }
  if (!complete) return "incomplete";
  std::string text;
  for (const RedisReply& reply : reader.take()) text += shown(reply);
  return text;
}

TEST(RedisCodecTest, ACommandMayHoldAnyByte) {
  EXPECT_EQ(redis_bytes({"LLEN", "jobs"}), "*2\r\n$4\r\nLLEN\r\n$4\r\njobs\r\n");
  EXPECT_EQ(redis_bytes({"GET", std::string("a\r\n\0", 4)}),
            std::string("*2\r\n$3\r\nGET\r\n$4\r\na\r\n\0\r\n", 23));
}

TEST(RedisCodecTest, EveryTypeIsRead) {
  EXPECT_EQ(read(":7\r\n"), "7");
  EXPECT_EQ(read(":-7\r\n"), "-7");
  EXPECT_EQ(read("+OK\r\n"), "\"OK\"");
  EXPECT_EQ(read("$3\r\na\r\n\r\n"), "\"a\r\n\"");
  EXPECT_EQ(read("-NOPERM no\r\n"), "-\"NOPERM no\"");
  EXPECT_EQ(read("$-1\r\n"), "nil");
  EXPECT_EQ(read("*-1\r\n"), "nil");
  EXPECT_EQ(read("*0\r\n"), "[]");
  EXPECT_EQ(read("*2\r\n*2\r\n:1\r\n$-1\r\n*1\r\n-E\r\n"), "[[1,nil],[-\"E\"]]");
  EXPECT_EQ(read(":1\r\n:2\r\n", 2), "12");
  EXPECT_EQ(read(":1\r\n", 2), "incomplete");
  EXPECT_EQ(read("$5\r\nab"), "incomplete");
}

TEST(RedisCodecTest, HostileBytesAreRefused) {
  const auto f = [](const std::string& bytes, std::string_view want, RedisLimits limits = {}) {
    EXPECT_EQ(read(bytes, 1, limits).substr(0, want.size()), want) << bytes;
  };
  f("HTTP/1.1 400 Bad Request\r\n", "no Redis protocol: ");
  f(">2\r\n:1\r\n:2\r\n", "no Redis protocol: ");  // RESP3's push
  f("%1\r\n:1\r\n:2\r\n", "no Redis protocol: ");  // RESP3's map
  f(":9x\r\n", "no Redis protocol: ");
  f(":99999999999999999999\r\n", "no Redis protocol: ");
  f("*-2\r\n", "no Redis protocol: ");
  f("$-2\r\n", "no Redis protocol: ");
  f("*99999999999\r\n", "no Redis protocol: ");
  f("*2147483647\r\n", "the replies hold more values than allowed");
  f("*200001\r\n", "the replies hold more values than allowed");
  f("*2\r\n*3\r\n", "the replies hold more values than allowed", {.bytes = 100, .values = 4});
  std::string deep;
  for (int i = 0; i < 20; ++i) deep += "*1\r\n";
  f(deep, "no Redis protocol: ");
  f("$2000000000\r\nabcdefghijk", "the replies are larger than allowed", {.bytes = 20});
}

TEST(RedisCodecTest, MoreThanWasAskedForIsRefused) {
  RedisReader reader(1);
  const auto fed = reader.feed(":1\r\n:2\r\n");
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().message, "more replies than were asked for");
}

}  // namespace
}  // namespace leadline
