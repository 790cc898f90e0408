#include "adapter/label_value.h"

#include <string>

#include <gtest/gtest.h>

namespace leadline {
namespace {

TEST(LabelValueTest, ReplacesRunsAndTrimsEnds) {
  const auto f = [](std::string_view text, std::string_view want) {
    SCOPED_TRACE(std::string(text));
    EXPECT_EQ(label_value_of(text), want);
  };
  f("meta-llama/Llama-3-8B", "meta-llama.Llama-3-8B");
  f("/models/x", "models.x");
  f("gpt:oss // 20b", "gpt.oss.20b");
  f("plain_value-1.0", "plain_value-1.0");
  f("", "");
  f("///", "");
  f("--a--", "a");
  f("_a_", "a");
  f("a/./b", "a...b");    // the run on each side of a kept dot
  f("modèle", "mod.le");  // two bytes, one run
  f("名前", "");
  f(std::string_view("a\0b", 3), "a.b");
}

TEST(LabelValueTest, LongValuesEndInAHash) {
  EXPECT_EQ(label_value_of(std::string(63, 'a')), std::string(63, 'a'));
  // printf 'a%.0s' {1..64} | sha256sum begins with ffe054fe.
  EXPECT_EQ(label_value_of(std::string(64, 'a')), std::string(54, 'a') + "-ffe054fe");
  EXPECT_EQ(label_value_of(std::string(200, 'b')).size(), 63U);
  EXPECT_NE(label_value_of(std::string(200, 'b')), label_value_of(std::string(201, 'b')));
  // Trimming comes first: 63 letters between slashes are short enough.
  EXPECT_EQ(label_value_of("/" + std::string(63, 'a') + "/"), std::string(63, 'a'));
}

TEST(LabelValueTest, ResultIsALabelValueAndStaysAsItIs) {
  for (int seed = 0; seed < 2000; ++seed) {
    std::string text;
    unsigned state = static_cast<unsigned>(seed) * 2654435761U + 1;
    for (int i = 0; i < seed % 130; ++i) {
      state = state * 1664525U + 1013904223U;
      text += static_cast<char>(state >> 24U);
    }
    const std::string value = label_value_of(text);
    EXPECT_TRUE(is_label_value(value)) << value;
    EXPECT_EQ(label_value_of(value), value);
  }
}

TEST(LabelValueTest, KnowsLabelValues) {
  for (const std::string_view good : {"", "a", "A-1_2.b", "0"}) EXPECT_TRUE(is_label_value(good));
  for (const std::string_view bad : {"-a", "a-", ".", "a/b", "a:b", "a b", "a#", "é"}) {
    EXPECT_FALSE(is_label_value(bad)) << bad;
  }
  EXPECT_TRUE(is_label_value(std::string(63, 'x')));
  EXPECT_FALSE(is_label_value(std::string(64, 'x')));
}

}  // namespace
}  // namespace leadline
