#include "daemon/log.h"

#include <gtest/gtest.h>

namespace leadline {

namespace {

TEST(LogTest, MakesPeersTextPrintable) {
  const auto f = [](std::string_view text, std::string_view want) {
    SCOPED_TRACE(text);
    EXPECT_EQ(printable(text), want);
  };
  f("plain", "plain");
  f("a\nb\tc\r\x1b[31m", R"(a\nb\tc\x0d\x1b[31m)");
  f("say \"x\\y\"", R"(say \"x\\y\")");
  f("größe 深", "größe 深");
  f("\xff\xc3", R"(\xff\xc3)");
  f("\xc2\x9b", R"(\xc2\x9b)");
  f(std::string_view("\0", 1), R"(\x00)");
}

TEST(LogTest, CapsPeersTextAtThreeHundredBytes) {
  EXPECT_EQ(printable(std::string(300, 'x')), std::string(300, 'x'));
  EXPECT_EQ(printable(std::string(301, 'x')), std::string(300, 'x') + "...");
  EXPECT_EQ(printable(std::string(299, 'x') + "ü"), std::string(299, 'x') + "...");
}

TEST(LogTest, WritesLinesOfTheLevelAndAbove) {
  testing::internal::CaptureStderr();
  set_log_level(LogLevel::kWarn);
  log_info("not this");
  log_warn("but this key={}");
  set_log_level(LogLevel::kInfo);
  const std::string written = testing::internal::GetCapturedStderr();
  EXPECT_EQ(written.find("not this"), std::string::npos);
  EXPECT_NE(written.find("Z warning but this key={}\n"), std::string::npos);
}

TEST(LogTest, ReadsLevels) {
  EXPECT_EQ(parse_log_level("warn").value(), LogLevel::kWarn);
  EXPECT_EQ(parse_log_level("debug").value(), LogLevel::kDebug);
  const auto none = parse_log_level("loud");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message, "log level 'loud' must be one of debug, info, warn, error");
}

TEST(LogTest, WritesErrorsAsFields) {
  EXPECT_EQ(error_fields({Errc::kUnavailable, "a \"b\""}), R"(code=unavailable err="a \"b\"")");
}

}  // namespace

}  // namespace leadline
