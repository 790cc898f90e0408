#include <string>

#include <gtest/gtest.h>

#include "engine/dialect.h"
#include "engine/exposition.h"
#include "tests/unit/engine/dialects/pages.h"

namespace leadline {
namespace {

TEST(RecordedPagesTest, EveryLineOfEveryPageIsRead) {
  std::vector<std::string> names = recorded_names(".prom");
  for (std::string& name : recorded_names(".om")) names.push_back(std::move(name));
  ASSERT_GT(names.size(), 50U);
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const std::string body = recorded(name);
    const auto text = text_of({body, content_type_of(name)});
    ASSERT_TRUE(text) << text.error().message;
    const auto page = parse_exposition(*text, SampleFilter::everything());
    ASSERT_TRUE(page) << page.error().message;
    EXPECT_FALSE(page->samples.empty());
    // The one real defect: a label value of 977 KB on its third line (vLLM issue 44691).
    const bool huge = name == "nasty-huge-label.prom";
    EXPECT_EQ(page->bad_lines, huge ? 1U : 0U) << page->first_bad;
    if (huge) {
      EXPECT_TRUE(
          page->first_bad.starts_with("line 3: label value of 976891 bytes is over the cap of "
                                      "4096: \"vllm:cache_config_info{"));
    }
  }
}

// Samples counted with grep: as many as non-comment lines.
TEST(RecordedPagesTest, EverySampleOfTheTortureIsRead) {
  const std::string body = recorded("nasty-text-escapes.prom");
  const auto text = text_of({body, "text/plain"});
  const auto page = parse_exposition(*text, SampleFilter::everything());
  EXPECT_EQ(page->samples.size(), 38U);
  EXPECT_EQ(page->samples.back().family, "last_line_without_newline");
  EXPECT_EQ(page->label(page->samples[0], "model_name"), "C:\\models\\qwen \"q4\"\nline2");
  EXPECT_EQ(page->label(page->samples[2], "model_name"), "comma, brace } { equals = hash # inside");
  EXPECT_EQ(page->label(page->samples[4], "model_name"), "");
  EXPECT_EQ(page->label(page->samples[5], "engine"), "5");
}

TEST(RecordedPagesTest, JsonBodiesAreNoExposition) {
  for (const std::string& name : recorded_names(".json")) {
    SCOPED_TRACE(name);
    const std::string body = recorded(name);
    EXPECT_FALSE(text_of({body, content_type_of(name)}));
  }
}

TEST(RecordedPagesTest, NanOfLlamaCppIsNoNumberAndNoZero) {
  const std::string body = recorded("llamacpp-b4700-nan.prom");
  const auto text = text_of({body, "text/plain"});
  const SampleFilter filter({"llamacpp:n_busy_slots_per_decode"});
  const auto page = parse_exposition(*text, filter);
  ASSERT_EQ(page->samples.size(), 1U);
  EXPECT_TRUE(page->samples[0].value != page->samples[0].value);
}

}  // namespace
}  // namespace leadline
