#include "adapter/redis/address.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

TEST(RedisAddressTest, IsAHostAndMayHaveAPort) {
  EXPECT_EQ(parse_redis_address("redis.jobs:6380"), (RedisAddress{"redis.jobs", 6380}));
  EXPECT_EQ(parse_redis_address("Redis"), (RedisAddress{"redis", 6379}));
  EXPECT_EQ(parse_redis_address("[fd00::1]:7000"), (RedisAddress{"fd00::1", 7000}));
  EXPECT_EQ(parse_redis_address("[::1]"), (RedisAddress{"::1", 6379}));
  EXPECT_EQ(parse_redis_address("10.0.0.1:1"), (RedisAddress{"10.0.0.1", 1}));
}

TEST(RedisAddressTest, IsNothingElse) {
  for (const char* text : {"", ":6379", "a:", "a:0", "a:65536", "a:63x", "a:6379:1", "::1", "[a]:1",
                           "[::1", "[::1]1", "redis://a:1", "a b:1", "user@a:1", "a:-1"}) {
    EXPECT_FALSE(parse_redis_address(text)) << text;
  }
}

TEST(AddressRuleTest, RefusesWhereNoNameShouldLead) {
  const AddressRule rule{.refused = {"10.96.0.1", "", "kubernetes.default"}};
  for (const char* address :
       {"127.0.0.1", "127.9.9.9", "::1", "::", "0.0.0.0", "0.1.2.3", "169.254.169.254", "fe80::1",
        "febf::1", "224.0.0.1", "255.255.255.255", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:169.254.169.254", "10.96.0.1", "::ffff:10.96.0.1", "name", ""}) {
    EXPECT_FALSE(rule.check(address)) << address;
  }
  for (const char* address : {"10.96.0.2", "192.168.1.1", "126.255.255.255", "fd00::1",
                              "2001:db8::1", "fec0::1", "169.253.1.1", "223.1.1.1"}) {
    EXPECT_TRUE(rule.check(address)) << address;
  }
  EXPECT_EQ(rule.check("127.0.0.1").error().message,
            "the name leads to 127.0.0.1, loopback, where a trigger may not send us");
}

}  // namespace
}  // namespace leadline
