#include "engine/exposition.h"

#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/unit/engine/dialects/pages.h"

namespace leadline {
namespace {

std::string number_text(double value) {
  return std::isnan(value) ? "NaN" : fmt::format("{}", value);
}

// Every sample as `name label=value,… number`, joined by `; `; bad lines as they are remembered.
std::string rendered(const Exposition& exposition) {
  std::string out;
  for (const Sample& sample : exposition.samples) {
    out += out.empty() ? "" : "; ";
    out += sample.family;
    const char* separator = " ";
    for (const Label& label : exposition.labels_of(sample)) {
      out += fmt::format("{}{}={}", separator, label.name, label.value);
      separator = ",";
    }
    out += " " + number_text(sample.value);
  }
  if (exposition.bad_lines > 0)
    out += fmt::format("[{} bad, {}]", exposition.bad_lines, exposition.first_bad);
  return out;
}

std::string parsed(std::string_view text, const SampleFilter& filter, PageShape shape) {
  const PageText page{shape, text, {}};
  const auto exposition = parse_exposition(page, filter);
  return exposition ? rendered(*exposition) : exposition.error().message;
}

std::string parsed(std::string_view text) {
  return parsed(text, SampleFilter::everything(), PageShape::kText);
}

TEST(ExpositionTest, GoodLines) {
  const auto f = [](std::string_view text, std::string_view want) {
    SCOPED_TRACE(text);
    EXPECT_EQ(parsed(text), want);
  };
  f("", "");
  f("\n\r\n  \n", "");
  f("# a comment", "");
  f("#HELP no_space ignored", "");
  f("# HELP a b\n# TYPE a gauge\n", "");
  f("a 1", "a 1");
  f("a 1\n", "a 1");
  f("a 1\r\nb 2\r\n", "a 1; b 2");
  f("  a\t1", "a 1");
  f("a{} 1", "a 1");
  f("a { } 1", "a 1");
  f("a{b=\"c\"} 1", "a b=c 1");
  f("a{b=\"c\"}1", "a b=c 1");
  f("a{b=\"c\",} 1", "a b=c 1");
  f("a{ b = \"c\" , d = \"e\" , } 1", "a b=c,d=e 1");
  f("a\t{b=\"c\"}\t1", "a b=c 1");
  f("a{b=\"\"} 1", "a b= 1");
  f("a{le=\"1\",b=\"c\"} 1", "a le=1,b=c 1");
  f(":tensorflow:core:graph_runs{} 61217", ":tensorflow:core:graph_runs 61217");
  f("a{b=\"}{,=#\"} 1", "a b=}{,=# 1");
  f(R"(a{b="C:\\x \"q\"\ny"} 1)", "a b=C:\\x \"q\"\ny 1");
  f(R"(a{b="\\"} 1)", "a b=\\ 1");
  f(R"(a{b="\\\"",c="d"} 1)", "a b=\\\",c=d 1");
  f(R"(a{b="\q"} 1)", "a b=\\q 1");
  f("a{b=\"\xC3\xA9\"} 1", "a b=\xC3\xA9 1");
  f("{\"my.metric\",b=\"c\"} 1", "my.metric b=c 1");
  f("{\"my.metric\"} 1", "my.metric 1");
  f("{b=\"c\",\"my.metric\"} 1", "my.metric b=c 1");
  f("a{\"b.c\"=\"d\"} 1", "a b.c=d 1");
}

TEST(ExpositionTest, TimestampsAndExemplarsAreSkipped) {
  const auto f = [](std::string_view text, std::string_view want) {
    SCOPED_TRACE(text);
    EXPECT_EQ(parsed(text), want);
  };
  f("a 1 1787390000123", "a 1");
  f("a 1 -62135596800000", "a 1");
  f("a 1 1787390000.123", "a 1");
  f("a{b=\"c\"} 1 # {trace_id=\"x\"} 1 1787390000.123", "a b=c 1");
  f("a 1 # {trace_id=\"x\"} 1", "a 1");
  f("a 1 17 # {} 1", "a 1");
}

TEST(ExpositionTest, Numbers) {
  const auto f = [](std::string_view text, std::string_view want) {
    SCOPED_TRACE(text);
    EXPECT_EQ(parsed(fmt::format("a {}", text)), fmt::format("a {}", want));
  };
  f("17", "17");
  f("17.0", "17");
  f("1.881311016854467e+06", "1881311.016854467");
  f("1.23457e+08", "123457000");
  f("4.25941E7", "42594100");
  f("1e-05", "1e-05");
  f(".5", "0.5");
  f("5.", "5");
  f("+7", "7");
  f("-1.0", "-1");
  f("0.00015000000000000001", "0.00015000000000000001");
  f("NaN", "NaN");
  f("Nan", "NaN");
  f("-nan", "NaN");
  f("nan", "NaN");
  f("+Inf", "inf");
  f("-Inf", "-inf");
  f("inf", "inf");
  f("+Infinity", "inf");
  f("9223372036854775794", "9.223372036854776e+18");
}

TEST(ExpositionTest, BadLinesAreCountedAndSurvived) {
  const auto f = [](std::string_view line, std::string_view problem) {
    SCOPED_TRACE(line);
    const std::string text = fmt::format("a 1\n{}\nb 2\n", line);
    EXPECT_EQ(parsed(text), fmt::format("a 1; b 2[1 bad, line 2: {}: \"{}\"]", problem, line));
  };
  f("no_value", "no value");
  f("x{} ", "no value");
  f("x y", "value is no number");
  f("x 1e999", "value is no number");
  f("x 0x10", "value is no number");
  f("x +-1", "value is no number");
  f("x 1 y", "timestamp is no number");
  f("x 1 2 3", "text after the timestamp");
  f("x{b=\"c\" 1", "labels do not end");
  f("x{b=\"c\"", "labels do not end");
  f("x{b=\"c} 1", "label value does not end");
  f("x{b=c} 1", "label value without quotes");
  f("x{b=", "label value without quotes");
  f("x{b} 1", "label without a value");
  f("x{=\"c\"} 1", "label without a name");
  f("x{,} 1", "label without a name");
  f("x{\"y\"} 1", "label without a value");
  f("{b=\"c\"} 1", "no name");
  f("x-y 1", "unreadable name");
  f("!", "no name");
}

TEST(ExpositionTest, OnlyTheFirstBadLineIsRememberedAndCapped) {
  const std::string line = "x " + std::string(200, 'y');
  EXPECT_EQ(parsed(line + "\nno_value\n"),
            "[2 bad, line 1: value is no number: \"x " + std::string(78, 'y') + "\"]");
  EXPECT_EQ(parsed("x \x01\xC3\xA9"), "[1 bad, line 1: value is no number: \"x ???\"]");
  EXPECT_EQ(parsed("x{b=\"\xFF\"} 1"), "[1 bad, line 1: not UTF-8: \"x{b=\"?\"} 1\"]");
}

TEST(ExpositionTest, LabelValuesAreCapped) {
  const std::string fits(kMaxLabelValueBytes, 'v');
  EXPECT_EQ(parsed("a{b=\"" + fits + "\"} 1"), "a b=" + fits + " 1");
  const std::string over = parsed("a{b=\"" + fits + "v\"} 1\nb 2");
  EXPECT_TRUE(
      over.starts_with("b 2[1 bad, line 1: label value of 4097 bytes is over the cap of 4096"));
}

TEST(ExpositionTest, AFilterReadsOnlyItsNames) {
  const SampleFilter filter({"a", "a_bucket", "my.metric"});
  const auto f = [&](std::string_view text, std::string_view want) {
    SCOPED_TRACE(text);
    EXPECT_EQ(parsed(text, filter, PageShape::kText), want);
  };
  f("a 1\na_bucket{le=\"1\"} 2\na_sum 3\nab 4\nb 5\na 6", "a 1; a_bucket le=1 2; a 6");
  f("a {x=\"y\"} 1", "a x=y 1");
  f("b {x=\"y\"} 1\nb {x=\"z\"} 1\na 2", "a 2");
  f("a\t{x=\"y\"} 1", "a x=y 1");
  f("a 1 # {x=\"y\"} 2", "a 1");
  f("{\"my.metric\",x=\"y\"} 1\n{\"other\"} 2\na 3", "my.metric x=y 1; a 3");
  f("b{ broken\nb\n!!!\na 1", "a 1");  // what nobody wants is not even looked at
  f("a", "[1 bad, line 1: no value: \"a\"]");
  f("a_bucket_total 1\na_bucke 2", "");
}

TEST(ExpositionTest, UnwantedHugeLabelsCostNothing) {
  const SampleFilter filter({"a"});
  const std::string text = "b{c=\"" + std::string(1'000'000, 'v') + "\"} 1\na 2\n";
  EXPECT_EQ(parsed(text, filter, PageShape::kText), "a 2");
}

TEST(ExpositionTest, SamplesKnowTheirPlaceInTheFilter) {
  const SampleFilter filter({"a", "b", "a"});
  const PageText page{PageShape::kText, "b 1\na 2\n", {}};
  const auto exposition = parse_exposition(page, filter);
  ASSERT_TRUE(exposition);
  ASSERT_EQ(exposition->samples.size(), 2U);
  EXPECT_EQ(exposition->samples[0].name, 1U);
  EXPECT_EQ(exposition->samples[1].name, 0U);
}

TEST(ExpositionTest, OpenMetricsEndsWithEof) {
  const auto f = [](std::string_view text, std::string_view want) {
    SCOPED_TRACE(text);
    EXPECT_EQ(parsed(text, SampleFilter::everything(), PageShape::kOpenMetrics), want);
  };
  f("# TYPE a counter\na_total 1\na_created 2\n# EOF\n", "a_total 1; a_created 2");
  f("a 1 1787390000.123 # {t=\"x\"} 1 2\n# EOF", "a 1");
  f("a 1\n", "a 1[1 bad, line 1: page does not end with # EOF: \"\"]");
  f("a 1\n# EOF\nb 2\n", "a 1[1 bad, line 3: text after # EOF: \"b 2\"]");
}

TEST(ExpositionTest, TextPagesMayHoldAnEofComment) {
  EXPECT_EQ(parsed("a 1\n# EOF\nb 2"), "a 1; b 2");
}

TEST(ExpositionTest, TooManyWantedSamplesAreRefused) {
  std::string text;
  for (std::size_t i = 0; i <= kMaxSamples; ++i) text += "a 1\n";
  EXPECT_EQ(parsed(text), "page has more than 200000 samples that we want");
  text.resize(text.size() - 4);
  EXPECT_TRUE(parse_exposition({PageShape::kText, text, {}}, SampleFilter::everything()));
}

TEST(ExpositionTest, AParseLeavesNothingForTheNext) {
  const PageText bad{PageShape::kText, "x{", {}};
  const PageText good{PageShape::kText, "a{b=\"c\"} 1", {}};
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(parse_exposition(bad, SampleFilter::everything())->bad_lines, 1U);
    EXPECT_EQ(rendered(*parse_exposition(good, SampleFilter::everything())), "a b=c 1");
  }
}

TEST(NumberTest, TheWholeTextMustBeOneNumber) {
  EXPECT_EQ(number_from("708235"), 708235);
  EXPECT_EQ(number_from("+Inf"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(number_from(""), std::nullopt);
  EXPECT_EQ(number_from("+"), std::nullopt);
  EXPECT_EQ(number_from("++1"), std::nullopt);
  EXPECT_EQ(number_from("1,5"), std::nullopt);
  EXPECT_EQ(number_from("None"), std::nullopt);
}

// Each line as a page of its own: nothing that a row before it left behind can help or mislead.
std::string parsed_line_by_line(std::string_view text) {
  std::string out;
  int bad = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const PageText page{PageShape::kText, text.substr(0, end), {}};
    text.remove_prefix(end);
    const auto one = *parse_exposition(page, SampleFilter::everything());
    bad += static_cast<int>(one.bad_lines);
    if (one.samples.empty()) continue;
    out += (out.empty() ? "" : "; ") + rendered(one);
  }
  return fmt::format("{} bad: {}", bad, out);
}

std::string parsed_as_a_whole(std::string_view text) {
  const PageText page{PageShape::kText, text, {}};
  Exposition all = *parse_exposition(page, SampleFilter::everything());
  const auto bad = std::exchange(all.bad_lines, 0);
  return fmt::format("{} bad: {}", bad, rendered(all));
}

TEST(ExpositionTest, ARowIsReadAsIfItStoodAlone) {
  const std::string before =
      "h_bucket{engine=\"0\",le=\"0.5\",model=\"m\"} 1.0\n"
      "h_bucket{engine=\"0\",le=\"1\",model=\"m\"} 2\n";
  const auto f = [&](const std::string& row) {
    SCOPED_TRACE(row);
    const std::string page = before + row + before;
    EXPECT_EQ(parsed_as_a_whole(page), parsed_line_by_line(page));
  };
  f("h_bucket{engine=\"0\",le=\"+Inf\",model=\"m\"} 3\n");
  f("h_bucket{engine=\"1\",le=\"0.5\",model=\"m\"} 3\n");
  f("h_bucket{engine=\"1\",le=\"0.5\",model=\"n\"} 3\n");
  f("h_bucket{engine=\"0\",le=\"0.5\",model=\"m\",more=\"x\"} 3\n");
  f("h_bucket{engine=\"0\",le=\"0.5\"} 3\n");
  f("h_bucket{engine=\"0\",le=\"\",model=\"m\"} 3\n");
  f("h_bucket{engine=\"0\",le=\"a\\\"b\",model=\"m\"} 3\n");
  f("h_bucket{engine=\"0\",le=\"\\\\\",model=\"m\"} 3\n");
  f("h_bucket{engine=\"0\",le=\"\xC3\xA9\",model=\"m\"} 3\n");
  f("h_bucket{engine=\"0\",le=\"\xC3\",model=\"m\"} 3\n");
  f("h_bucket{engine=\"0\",le=\"" + std::string(kMaxLabelValueBytes + 1, '9') +
    "\",model=\"m\"} 3\n");
  f("h_bucket{engine=\"0\",le=\"0.5\",model=\"m\"}3\n");
  f("h_bucket{engine=\"0\",le=\"0.5\",model=\"m\"}  3\n");
  f("h_bucket {engine=\"0\",le=\"0.5\",model=\"m\"} 3\n");
  f("h_bucket{engine=\"0\",le=\"0.5\",model=\"m\"} 3\r\n");
  f("h_bucket{engine=\"0\",le=\"0.5\",model=\"m\"} 3 1700000000000\n");
  f("h_bucket{engine=\"0\",le=\"0.5\",model=\"m\"} 3 # {id=\"x\"} 0.4\n");
  for (const char* value : {"",
                            "0",
                            "00",
                            "3.0",
                            "3.00",
                            "3.",
                            ".0",
                            "3.5",
                            "3.0e3",
                            "3e1",
                            "-3",
                            "+3",
                            "NaN",
                            "Inf",
                            "0x3",
                            "3 ",
                            "999999999999999",
                            "9999999999999999",
                            "9007199254740993.0",
                            "3.0.0",
                            "3x"}) {
    f(fmt::format("h_bucket{{engine=\"0\",le=\"0.5\",model=\"m\"}} {}\n", value));
  }
  f("h_bucket{engine=\"0\",le=\"0.5\",model=\"m\"}\n");
  f("h_bucket{engine=\"0\",le=\"0.5\n");
  f("h_bucket{engine=\"0\",le=\"0.5\",model=\"m\"\n");
  f("h_bucket{engine=\"0\",le=\"0.5\",model\n");
  f("h_bucket{\n");
  f("h_bucket 3{\nh_bucket 3\n");
  f("h_bucket\n");
  f("h_bucket 4\n");
  f("h_sum{engine=\"0\",model=\"m\"} 4.25\nh_count{engine=\"0\",model=\"m\"} 4\n");
  f("{\"h_bucket\",engine=\"0\",le=\"0.5\",model=\"m\"} 3\n");
}

TEST(ExpositionTest, RowsOfRecordedPagesAreReadAsIfTheyStoodAlone) {
  for (const std::string& name : recorded_names(".prom")) {
    SCOPED_TRACE(name);
    const std::string page = recorded(name);
    EXPECT_EQ(parsed_as_a_whole(page), parsed_line_by_line(page));
  }
}

}  // namespace
}  // namespace leadline
