#include "daemon/exit_codes.h"

#include <gtest/gtest.h>

namespace leadline {

namespace {

TEST(ExitCodesTest, EveryErrorHasItsStatus) {
  EXPECT_EQ(exit_code(Errc::kBadConfig), 2);
  EXPECT_EQ(exit_code(Errc::kUnavailable), 3);
  EXPECT_EQ(exit_code(Errc::kStale), 3);
  EXPECT_EQ(exit_code(Errc::kBadInput), 4);
  EXPECT_EQ(exit_code(Errc::kNotFound), 5);
}

}  // namespace

}  // namespace leadline
