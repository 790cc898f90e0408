#include "adapter/request_target.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace leadline {
namespace {

std::string render(std::string_view raw) {
  const auto target = parse_request_target(raw);
  if (!target) return fmt::format("{} {}", target.error().http_status, target.error().reason);
  std::string text = fmt::format("{}", fmt::join(target->segments, " | "));
  for (const auto& [name, value] : target->parameters) text += fmt::format(" ?{}={}", name, value);
  return text;
}

TEST(RequestTargetTest, DecodesSegmentsAndParameters) {
  const auto f = [](std::string_view raw, std::string_view want) {
    SCOPED_TRACE(std::string(raw));
    EXPECT_EQ(render(raw), want);
  };
  f("/", "");
  f("/apis", "apis");
  f("/apis/", "apis");
  f("/a/b/c", "a | b | c");
  f("/a/%2A/c", "a | * | c");
  f("/a/%2a/c", "a | * | c");
  f("/a/*/c", "a | * | c");
  f("/a/b+c", "a | b+c");
  f("/a/b%20c%7Cd%3Ae", "a | b c|d:e");
  f("/a/vllm:num|x", "a | vllm:num|x");
  f("/a?b=c", "a ?b=c");
  f("/a?", "a");
  f("/a/?b", "a ?b=");
  f("/a?x=1+2%2B3%204", "a ?x=1 2+3 4");
  f("/a?labelSelector=q+in+%28a%2Cb%29%2C%21z%2Cn%3E5", "a ?labelSelector=q in (a,b),!z,n>5");
  f("/a?x=1&x=2&y=3", "a ?x=1 ?y=3");
  f("/a?x=%zz&y=3&z=%4", "a ?y=3");
  f("/a?x=1;y=2&z=3", "a ?z=3");
  f("/a?&&x=1&", "a ?x=1");
  f("/a?x=1?2", "a ?x=1?2");
  f("/a?x=b=c", "a ?x=b=c");
}

TEST(RequestTargetTest, RefusesWhatNoClientSends) {
  const auto f = [](std::string_view raw, std::string_view want) {
    SCOPED_TRACE(std::string(raw));
    EXPECT_EQ(render(raw), want);
  };
  f("", "400 BadRequest");
  f("a/b", "400 BadRequest");
  f("/a/%", "400 BadRequest");
  f("/a/%2", "400 BadRequest");
  f("/a/%2G", "400 BadRequest");
  f("/a/%u002A", "400 BadRequest");
  f("/a/%00b", "400 BadRequest");
  f("/a/b%0Ac", "400 BadRequest");
  f("/a/b%2Fc", "404 NotFound");
  f("/a//b", "404 NotFound");
  f("//", "404 NotFound");
  f("/a//", "404 NotFound");
}

TEST(RequestTargetTest, KeepsThePathAsItCame) {
  const auto target = parse_request_target("/a/%2A/?b=c");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/a/%2A/");
  EXPECT_EQ(target->parameter("b"), "c");
  EXPECT_EQ(target->parameter("c"), std::nullopt);
}

TEST(RequestTargetTest, SaysWhichPairItDropped) {
  const auto f = [](std::string_view raw, std::string_view want) {
    SCOPED_TRACE(std::string(raw));
    EXPECT_EQ(parse_request_target(raw).value().dropped, want);
  };
  f("/a?x=1&&y=2&", "");
  f("/a?x=%zz&y=3", "x=%zz");
  f("/a?x=1;y=2&z=3", "x=1;y=2");
  f("/a?x=1&%78=2", "%78=2");
}

TEST(RequestTargetTest, ReadsFlagsAsGoDoes) {
  EXPECT_FALSE(flag_is_set(std::nullopt));
  for (const std::string_view no : {"0", "false", "FALSE", "False"}) EXPECT_FALSE(flag_is_set(no));
  for (const std::string_view yes : {"", "1", "true", "no", "2"}) EXPECT_TRUE(flag_is_set(yes));
}

}  // namespace
}  // namespace leadline
