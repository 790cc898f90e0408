#include "sidecar/query.h"

#include <string>

#include <gtest/gtest.h>

namespace leadline {
namespace {

TEST(QueryTest, FindsTheFirstValueOfAName) {
  const auto f = [](std::string_view raw, std::string_view name, std::string_view want) {
    SCOPED_TRACE(raw);
    const auto value = query_value(raw, name);
    EXPECT_EQ(value ? std::string(*value) : "none", want);
  };
  f("/a?after=1&wait_ms=2", "after", "1");
  f("/a?after=1&wait_ms=2", "wait_ms", "2");
  f("/a?after=1&after=2", "after", "1");
  f("/a?verbose", "verbose", "");
  f("/a?verbose=", "verbose", "");
  f("/a?x=y=z", "x", "y=z");
  f("/a?&&x=1", "x", "1");
  f("/a?xx=1", "x", "none");
  f("/a?", "x", "none");
  f("/a", "a", "none");
  f("", "x", "none");
}

TEST(QueryTest, PathEndsAtTheQuery) {
  EXPECT_EQ(path_of("/metrics?x=1"), "/metrics");
  EXPECT_EQ(path_of("/metrics"), "/metrics");
  EXPECT_EQ(path_of("?x"), "");
}

}  // namespace
}  // namespace leadline
