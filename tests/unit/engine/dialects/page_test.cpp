#include "engine/page.h"

#include <gtest/gtest.h>

#include "engine/utf8.h"

namespace leadline {
namespace {

constexpr std::string_view kOpenMetrics =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

TEST(PageTest, ContentTypeDecidesThenContent) {
  const auto f = [](std::string_view type, std::string_view body, PageShape want) {
    SCOPED_TRACE(body);
    EXPECT_EQ(shape_of({body, type}), want);
  };
  f("text/plain; version=0.0.4", "a 1\n", PageShape::kText);
  f("text/plain; version=1.0.0; charset=utf-8", "a 1\n", PageShape::kText);  // not OpenMetrics
  f("text/plain", "a 1\n# EOF\n", PageShape::kText);
  f(kOpenMetrics, "a 1\n# EOF\n", PageShape::kOpenMetrics);
  f("  Application/OpenMetrics-Text", "a 1\n", PageShape::kOpenMetrics);
  f("", "a 1\n", PageShape::kText);
  f("", "a 1\n# EOF\n", PageShape::kOpenMetrics);
  f("", "# EOF", PageShape::kOpenMetrics);
  f("", "a{x=\"# EOF\"} 1\n", PageShape::kText);
  f("", "a 1 # EOF\n", PageShape::kText);
}

TEST(PageTest, ContentDecidesWhatIsNoExposition) {
  const auto f = [](std::string_view body, PageShape want) {
    SCOPED_TRACE(body);
    EXPECT_EQ(shape_of({body, "text/plain"}), want);
  };
  f("", PageShape::kEmpty);
  f(" \r\n\t", PageShape::kEmpty);
  f("[]", PageShape::kJsonArray);
  f("\n [{\"a\":1}]", PageShape::kJsonArray);
  f("{}", PageShape::kJsonObject);
  f("{ \"error\" : \"no\"}", PageShape::kJsonObject);
  f("{\"err\\\"or\":1}", PageShape::kJsonObject);
  f("{\"cut", PageShape::kJsonObject);
  f("{\"my.metric\",a=\"b\"} 1", PageShape::kText);
  f("{\"my.metric\"} 1", PageShape::kText);
  f("<!DOCTYPE html>", PageShape::kHtml);
  f("\"a 1\\n\"", PageShape::kJsonText);
}

TEST(PageTest, OneJsonStringIsDecoded) {
  const auto page = text_of({"\"a{b=\\\"c\\\"} 1\\n\"", "application/json"});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->text(), "a{b=\"c\"} 1\n");
}

TEST(PageTest, WhatIsNoExpositionSaysWhy) {
  const auto f = [](std::string_view body, std::string_view want) {
    SCOPED_TRACE(want);
    const auto page = text_of({body, ""});
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().code, Errc::kBadInput);
    EXPECT_EQ(page.error().message, want);
  };
  f("", "page is empty");
  f("[]", "page is a JSON array, no exposition");
  f("{}", "page is a JSON object, no exposition");
  f("<html>", "page is HTML, no exposition");
  f("\"a 1", "page begins with a quote and is no JSON string");
  f(std::string(kMaxPageBytes + 1, 'a'), "page of 16777217 bytes is over the cap of 16777216");
}

TEST(PageTest, APageOfExactlyTheCapIsRead) {
  EXPECT_TRUE(text_of({std::string(kMaxPageBytes, 'a'), ""}));
}

TEST(Utf8Test, OnlyWellFormedSequencesPass) {
  const auto f = [](std::string_view text, bool want) {
    SCOPED_TRACE(text);
    EXPECT_EQ(is_utf8(text), want);
  };
  f("", true);
  f("plain ASCII that is longer than thirty-two bytes in all", true);
  f("thirty-two bytes and then a snow\xE2\x98\x83man", true);
  f("\xC3\xA9", true);
  f("\xF0\x9F\x98\x80", true);
  f("\xC0\x80", false);          // overlong
  f("\xE0\x80\x80", false);      // overlong
  f("\xF0\x80\x80\x80", false);  // overlong
  f("\xED\xA0\x80", false);      // surrogate
  f("\xF4\x90\x80\x80", false);  // above U+10FFFF
  f("\xFF", false);
  f("\x80", false);
  f("cut \xE2\x98", false);
}

}  // namespace
}  // namespace leadline
