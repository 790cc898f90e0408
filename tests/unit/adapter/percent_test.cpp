#include "adapter/percent.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

TEST(PercentTest, EncodesEverythingButUnreservedCharacters) {
  EXPECT_EQ(percent_encoded("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encoded("a b/c%&+=\xc3\xa9"), "a%20b%2Fc%25%26%2B%3D%C3%A9");
}

TEST(PercentTest, WhatIsEncodedComesBack) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(percent_decoded(percent_encoded(all)), all);
  EXPECT_EQ(percent_decoded(percent_encoded(all), true), all);
}

TEST(PercentTest, APlusIsASpaceInQueriesOnly) {
  EXPECT_EQ(percent_decoded("a+b%2b"), "a+b+");
  EXPECT_EQ(percent_decoded("a+b%2b", true), "a b+");
}

TEST(PercentTest, MalformedEscapesAreRefused) {
  for (const char* bad : {"%", "%4", "a%", "a%4", "%zz", "%4z", "%z4", "%%41", "% 41"})
    EXPECT_EQ(percent_decoded(bad), std::nullopt) << bad;
  EXPECT_EQ(percent_decoded("%41"), "A");
  EXPECT_EQ(percent_decoded("%00"), std::string(1, '\0'));
}

}  // namespace
}  // namespace leadline
