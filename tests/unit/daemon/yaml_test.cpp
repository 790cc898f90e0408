#include "daemon/yaml.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace leadline {

namespace {

TEST(YamlTest, ReadsValuesAsJson) {
  const auto f = [](std::string_view text, std::string_view want) {
    SCOPED_TRACE(text);
    const auto value = parse_yaml(text);
    ASSERT_TRUE(value) << value.error().message;
    EXPECT_EQ(value->dump(), want);
  };
  f("", "null");
  f("a: 1\nb: [x, 2.5, true, ~, '7', \"no\"]", R"({"a":1,"b":["x",2.5,true,null,"7","no"]})");
  f("{a: {b: []}}", R"({"a":{"b":[]}})");
  f("-12", "-12");
  f("1e3", "1000.0");
  f(".5", "0.5");
  f("08", R"("08")");
  f("0", "0");
  f("yes", R"("yes")");
  f("1.2.3", R"("1.2.3")");
  f("99999999999999999999", "1e+20");
  f("x: &a [1]\ny: *a", R"({"x":[1],"y":[1]})");
}

TEST(YamlTest, RefusesWithTheLine) {
  const auto f = [](std::string_view text, std::string_view want) {
    const auto value = parse_yaml(text);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().message, want);
    EXPECT_EQ(value.error().code, Errc::kBadInput);
  };
  f("a: 1\nb: [", "line 2: end of sequence flow not found");
  f("a: 1\nb: 2\na: 3", "line 3: a stands twice in one map");
  f("[a]: 1", "line 1: a key must be text");
  f(std::string(100, '[') + std::string(100, ']'), "line 1: is nested too deeply");
}

TEST(YamlTest, StopsAnAliasBomb) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    bomb += fmt::format("a{0}: &a{0} [*a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}]\n", i,
                        i - 1);
  }
  const auto value = parse_yaml(bomb);
  ASSERT_FALSE(value);
  EXPECT_NE(value.error().message.find("is too large"), std::string::npos);
}

TEST(YamlTest, TellsTheLinesOfAMap) {
  const auto entries = parse_yaml_map("# head\na: '7'\n\nb:\n  - 1\nc:\n");
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->at("a").line, 2);
  EXPECT_EQ(entries->at("a").scalar, "7");
  EXPECT_EQ(entries->at("b").line, 4);
  EXPECT_FALSE(entries->at("b").is_scalar);
  EXPECT_EQ(entries->at("b").value->dump(), "[1]");
  EXPECT_TRUE(entries->at("c").is_null);
  EXPECT_TRUE(parse_yaml_map("")->empty());
  EXPECT_EQ(parse_yaml_map("- a").error().message, "line 1: must be a map of keys and values");
  EXPECT_EQ(parse_yaml_map("a: 1\na: 2").error().message, "line 2: a stands twice");
}

}  // namespace

}  // namespace leadline
