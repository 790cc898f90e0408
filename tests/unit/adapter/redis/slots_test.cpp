#include "adapter/redis/slots.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

using Type = RedisReply::Type;

const RedisAddress kAsked = {"10.0.0.9", 7000};

TEST(SlotsTest, AKeysSlotIsThatOfItsHashTag) {
  EXPECT_EQ(crc16("123456789"), 0x31C3);
  EXPECT_EQ(crc16(""), 0);
  EXPECT_EQ(slot_of("{user1000}.following"), slot_of("{user1000}.followers"));
  EXPECT_EQ(slot_of("{user1000}.following"), crc16("user1000") % kRedisSlots);
  EXPECT_EQ(slot_of("foo{}{bar}"), crc16("foo{}{bar}") % kRedisSlots);
  EXPECT_EQ(slot_of("foo{{bar}}zap"), crc16("{bar") % kRedisSlots);
  EXPECT_EQ(slot_of("foo{bar}{zap}"), crc16("bar") % kRedisSlots);
  EXPECT_EQ(slot_of("foo}{bar"), crc16("foo}{bar") % kRedisSlots);
  EXPECT_EQ(slot_of("\xff{"), crc16("\xff{") % kRedisSlots);
}

std::string redirect(const std::string& error) {
  const auto read = redirect_in(error, kAsked);
  return read ? (read->is_ask ? "ask " : "moved ") + to_text(read->address) : "none";
}

TEST(SlotsTest, ARedirectIsReadOrIsNone) {
  EXPECT_EQ(redirect("MOVED 3999 127.0.0.1:6381"), "moved 127.0.0.1:6381");
  EXPECT_EQ(redirect("ASK 0 Node-1.redis:6381"), "ask node-1.redis:6381");
  EXPECT_EQ(redirect("MOVED 16383 fd00::1:6381"), "moved [fd00::1]:6381");
  EXPECT_EQ(redirect("MOVED 1 :6381"), "moved 10.0.0.9:6381");
  for (const std::string& hostile :
       std::vector<std::string>{"",
                                "MOVED",
                                "MOVED ",
                                "MOVED x",
                                "MOVED 1",
                                "MOVED 1 ",
                                "MOVED 99999 a:1",
                                "MOVED 16384 a:1",
                                "MOVED -1 a:1",
                                "MOVED 1 a",
                                "MOVED 1 a:",
                                "MOVED 1 a:b",
                                "MOVED 1 a:0",
                                "MOVED 1 a:65536",
                                "MOVED 1 a:99999999999999999999",
                                "MOVED 1 a:1 ",
                                "MOVED 1 a:1\r\n",
                                "MOVED  1 a:1",
                                "MOVED 1  a:1",
                                "MOVED :1 a",
                                "MOVED 1 ?:1",
                                "MOVED 1 a b:1",
                                "MOVED 1 [::1]:1",
                                "MOVED 1 a@b:1",
                                "MOVED 1 a:b:1",
                                "moved 1 a:1",
                                "ASKING 1 a:1",
                                "ASK",
                                "TRYAGAIN",
                                "CLUSTERDOWN The cluster is down",
                                std::string("MOVED 1 a\0b:1", 13),
                                "MOVED 1 " + std::string(256, 'a') + ":1",
                                "MOVED 1 " + std::string(1'000'000, ':') + "1"}) {
    EXPECT_EQ(redirect(hostile), "none") << hostile.substr(0, 50);
  }
}

RedisReply number(std::int64_t value) {
  return {.type = Type::kInteger, .integer = value, .text = {}, .items = {}};
}

RedisReply array(std::vector<RedisReply> items) {
  return {.type = Type::kArray, .integer = 0, .text = {}, .items = std::move(items)};
}

RedisReply node(std::string host, std::int64_t port) {
  return array({{.type = Type::kText, .integer = 0, .text = std::move(host), .items = {}},
                number(port),
                {.type = Type::kText, .integer = 0, .text = "id", .items = {}}});
}

RedisReply range(std::int64_t first, std::int64_t last, std::vector<RedisReply> nodes) {
  nodes.insert(nodes.begin(), {number(first), number(last)});
  return array(std::move(nodes));
}

std::string problem(const RedisReply& reply) {
  const auto map = SlotMap::from(reply, kAsked);
  return map ? "" : map.error().message;
}

TEST(SlotsTest, AMapSaysWhoServesASlot) {
  const auto map = SlotMap::from(array({range(0, 99, {node("a", 1), node("b", 2)}),
                                        range(200, 16383, {node("", 3)}),
                                        range(100, 100, {node("?", 4), node("c", 5)})}),
                                 kAsked)
                       .value();
  EXPECT_EQ(to_text(*map.master_of(0)), "a:1");
  EXPECT_EQ(to_text(*map.master_of(99)), "a:1");
  EXPECT_EQ(map.master_of(100), nullptr);  // its master's address is not known
  EXPECT_EQ(map.master_of(101), nullptr);
  EXPECT_EQ(to_text(*map.master_of(16383)), "10.0.0.9:3");
  EXPECT_TRUE(map.names({"b", 2}));  // a replica
  EXPECT_TRUE(map.names({"c", 5}));
  EXPECT_FALSE(map.names({"a", 2}));
  EXPECT_FALSE(map.names({"?", 4}));
}

TEST(SlotsTest, AMapThatCannotBeReadIsNone) {
  const std::string unreadable = "CLUSTER SLOTS was answered with no range of slots";
  EXPECT_EQ(problem(array({})), "CLUSTER SLOTS names no node that serves a slot");
  EXPECT_EQ(problem(array({range(0, 1, {node("?", 1)})})),
            "CLUSTER SLOTS names no node that serves a slot");
  EXPECT_EQ(problem(number(1)), "CLUSTER SLOTS was answered with no list of slots");
  EXPECT_EQ(problem(array(std::vector<RedisReply>(16'385))),
            "CLUSTER SLOTS was answered with no list of slots");
  EXPECT_EQ(problem(array({number(1)})), unreadable);
  EXPECT_EQ(problem(array({range(0, 16'384, {node("a", 1)})})), unreadable);
  EXPECT_EQ(problem(array({range(-1, 1, {node("a", 1)})})), unreadable);
  EXPECT_EQ(problem(array({range(2, 1, {node("a", 1)})})), unreadable);
  EXPECT_EQ(problem(array({range(1, 2, {})})), unreadable);
  EXPECT_EQ(problem({.type = Type::kError, .integer = 0, .text = "NOPERM\nno", .items = {}}),
            "CLUSTER SLOTS was answered NOPERM\\nno");
  std::vector<RedisReply> nodes;
  for (int port = 1; port <= 1'001; ++port) nodes.push_back(node("a", port));
  EXPECT_EQ(problem(array({range(0, 1, nodes)})), "CLUSTER SLOTS names more than 1000 nodes");
}

}  // namespace
}  // namespace leadline
