#include "daemon/http_url.h"

#include <gtest/gtest.h>

namespace leadline {

namespace {

TEST(HttpUrlTest, ParsesWhatItAccepts) {
  const auto f = [](std::string_view text, std::string_view want) {
    SCOPED_TRACE(text);
    const auto url = parse_url(text);
    ASSERT_TRUE(url) << url.error().message;
    EXPECT_EQ(fmt::format("{} {} {} {}", url->host, url->port, url->path, authority(*url)), want);
  };
  f("http://127.0.0.1:8000", "127.0.0.1 8000 / 127.0.0.1:8000");
  f("http://engine", "engine 80 / engine");
  f("http://engine/metrics?a=b#frag", "engine 80 /metrics?a=b engine");
  f("http://engine:1?a=b", "engine 1 /?a=b engine:1");
  f("http://[::1]:65535/", "::1 65535 / [::1]:65535");
  f("http://[fe80::1]", "fe80::1 80 / [fe80::1]");
}

TEST(HttpUrlTest, RefusesTheRestWithTheReason) {
  const auto f = [](std::string_view text, std::string_view want) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, Errc::kBadConfig);
    EXPECT_EQ(url.error().message, fmt::format("url '{}': {}", text, want));
  };
  f("", "is empty, want http://host:port");
  f("localhost:8000", "must start with http://");
  f("https://a", "https engines are not supported yet");
  f("http://", "no host in it");
  f("http://:80", "no host in it");
  f("http://a:", "no host in it");
  f("http://::1:80", "no host in it");
  f("http://[::1", "no host in it");
  f("http://[::1]x", "no host in it");
  f("http://a:0", "port '0' must be in [1, 65535]");
  f("http://a:65536", "port '65536' must be in [1, 65535]");
  f("http://a:80x", "port '80x' must be in [1, 65535]");
  f("http://a b", "has a blank or control character");
  f("http://a\r\nX: y", "has a blank or control character");
  f("http://user:secret@a", "credentials do not belong in it");
  f("http://a\"b", "no host in it");
}

}  // namespace

}  // namespace leadline
