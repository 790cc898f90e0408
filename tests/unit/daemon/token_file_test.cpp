#include "daemon/token_file.h"

#include <cstdio>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace leadline {
namespace {

class TokenFileTest : public testing::Test {
 protected:
  void TearDown() override { std::remove(path_.c_str()); }

  // "key", or what was wrong.
  std::string reload(const std::string& content) {
    std::ofstream(path_, std::ios::binary) << content;
    TokenFile file("old", path_);
    const auto loaded = file.reload();
    if (loaded) return file.token();
    EXPECT_EQ(file.token(), "old") << "a bad file keeps the key that worked";
    return loaded.error().message.substr(loaded.error().message.rfind(':') + 2);
  }

  // ctest runs the cases side by side, each in a process of its own.
  std::string path_ = testing::TempDir() + "leadline_token_file_test_" + std::to_string(::getpid());
};

TEST_F(TokenFileTest, HoldsOneWord) {
  EXPECT_EQ(reload("key"), "key");
  EXPECT_EQ(reload("  key\r\n"), "key");
  EXPECT_EQ(reload(""), "empty");
  EXPECT_EQ(reload("\n\n"), "empty");
  EXPECT_EQ(reload("two words"), "must hold one word of ASCII");
  EXPECT_EQ(reload("a\nInjected: header"), "must hold one word of ASCII");
  EXPECT_EQ(reload(std::string(70'000, 'x')), "over 65536 bytes");
}

TEST_F(TokenFileTest, AMissingFileIsAnError) {
  TokenFile file("old", path_);
  EXPECT_FALSE(file.reload());
  EXPECT_EQ(file.token(), "old");
}

TEST_F(TokenFileTest, WithoutAFileThereIsNothingToReload) {
  TokenFile file("from-environment", "");
  EXPECT_TRUE(file.reload());
  EXPECT_EQ(file.token(), "from-environment");
}

}  // namespace
}  // namespace leadline
