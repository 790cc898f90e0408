#include "adapter/kube/token_hash.h"

#include <set>

#include <gtest/gtest.h>

namespace leadline {
namespace {

TEST(TokenHashTest, TheSameTokenHasTheSameHashAgain) {
  TokenHash hash;
  const std::string first = hash.of("token");
  EXPECT_EQ(first.size(), 32U);
  EXPECT_EQ(hash.of(""), hash.of(""));
  EXPECT_EQ(hash.of("token"), first) << "whatever was hashed in between";
}

TEST(TokenHashTest, DifferentTokensHaveDifferentHashes) {
  TokenHash hash;
  const std::set<std::string> hashes = {hash.of(""), hash.of("a"), hash.of("b"), hash.of("ab"),
                                        hash.of(std::string(2'000, 'a'))};
  EXPECT_EQ(hashes.size(), 5U);
}

TEST(TokenHashTest, EachProcessHasItsOwnKey) {
  EXPECT_NE(TokenHash().of("token"), TokenHash().of("token"));
}

}  // namespace
}  // namespace leadline
