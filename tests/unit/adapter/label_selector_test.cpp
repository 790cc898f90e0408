// kubernetes-metrics-api.md §2.3. Canonical texts and errors are those of apimachinery's parser.

#include "adapter/label_selector.h"

#include <string>

#include <gtest/gtest.h>

namespace leadline {
namespace {

std::string canonical(std::string_view text) {
  const auto selector = parse_label_selector(text);
  return selector ? selector->to_string() : "error: " + selector.error().message;
}

TEST(LabelSelectorTest, ParsesEveryFormAndWritesItCanonically) {
  const auto f = [](std::string_view text, std::string_view want) {
    SCOPED_TRACE(std::string(text));
    EXPECT_EQ(canonical(text), want);
  };
  f("", "");
  f(" \t\r\n", "");
  f("a", "a");
  f("!a", "!a");
  f("! a", "!a");
  f("a=b", "a=b");
  f("a==b", "a==b");
  f("a!=b", "a!=b");
  f(" a = b , c = d ", "a=b,c=d");
  f("c=d,a=b", "a=b,c=d");
  f("a=", "a=");
  f("a=,b", "a=,b");
  f("a==,b=c", "a==,b=c");
  f("a in (x,y)", "a in (x,y)");
  f("a in(y,x,y)", "a in (x,y)");
  f("a\tnotin\n(x)", "a notin (x)");
  f("a in ()", "a in ()");
  f("a in (,x)", "a in (,x)");
  f("a in (x,)", "a in (,x)");
  f("a in (x,,y)", "a in (,x,y)");
  f("a in (,)", "a in ()");
  f("x in (in)", "x in (in)");
  f("in in (notin,in)", "in in (in,notin)");
  f("in", "in");
  f("notin=in", "notin=in");
  f("!in", "!in");
  f("n>5", "n>5");
  f("n < 3", "n<3");
  f("n>+7",
    "error: unable to parse requirement: values[0][n]: Invalid value: \"+7\": a label value "
    "is empty or at most 63 of A-Za-z0-9-_. that begin and end alphanumeric (at position 2)");
  f("app.kubernetes.io/name=vllm", "app.kubernetes.io/name=vllm");
  f("q in (a,b),!z,n>5", "n>5,q in (a,b),!z");
  f("a=1,a=2", "a=1,a=2");
  f("A_b-c.D=E_f-g.H", "A_b-c.D=E_f-g.H");
}

TEST(LabelSelectorTest, RefusesWithTheParsersMessageAndPosition) {
  const auto f = [](std::string_view text, std::string_view want) {
    SCOPED_TRACE(std::string(text));
    const auto selector = parse_label_selector(text);
    ASSERT_FALSE(selector);
    EXPECT_EQ(selector.error().code, Errc::kBadInput);
    EXPECT_NE(selector.error().message.find(want), std::string::npos) << selector.error().message;
  };
  f(",", "found ',', expected: !, identifier, or 'end of string' (at position 0)");
  f("=a", "found '=', expected: !, identifier, or 'end of string' (at position 0)");
  f("(a)", "found '(', expected: !");
  f("a,", "found '', expected: identifier after ',' (at position 2)");
  f("a=b,", "found '', expected: identifier after ',' (at position 4)");
  f("a,,b", "found ',', expected: identifier after ',' (at position 2)");
  f("!a=b", "found '=', expected: ',' or 'end of string' (at position 2)");
  f("!a in (b)", "found 'in', expected: ',' or 'end of string'");
  f("!!a", "found '!', expected: identifier (at position 1)");
  f("!", "found '', expected: identifier (at position 1)");
  f("a b", "found 'b', expected: in, notin, =, ==, !=, gt, lt (at position 2)");
  f("a (b)", "found '(', expected: in, notin");
  f("a=b c", "found 'c', expected: ',' or 'end of string' (at position 4)");
  f("a===b", "found '=', expected: identifier");
  f("a>=5", "found '=', expected: identifier");
  f("a=(b)", "found '(', expected: identifier");
  f("a=!b", "found '!', expected: identifier");
  f("a in b", "found 'b', expected: '('");
  f("a in", "found '', expected: '('");
  f("a in (", "found '', expected: ',', ')' or identifier");
  f("a in (x", "found '', expected: ',' or ')'");
  f("a in (x y)", "found 'y', expected: ',' or ')'");
  f("a in (x,=)", "found '=', expected: ',', or identifier");
  f("a in (,,)", "found ')', expected: ',', or identifier");
  f("a in (x))", "found ')', expected: ',' or 'end of string'");
  f("a=b/c", "Invalid value: \"b/c\"");
  f("model=meta-llama/Llama-3-8B", "Invalid value");
  f("a=b:c", "Invalid value");
  f("a=b#", "Invalid value");
  f("a=-b", "Invalid value");
  f("a=b+c", "Invalid value: \"b+c\"");
  f("n>x", "for 'Gt', 'Lt' operators, the value must be an integer");
  f("n>-3", "Invalid value: \"-3\"");  // an integer, but no label value: Go refuses it too
  f("n>", "the value must be an integer");
  f("n>1.5", "the value must be an integer");
  f("n>9223372036854775808", "the value must be an integer");
  f("a/b/c", "invalid label key");
  f("/a", "invalid label key \"/a\"");
  f("a/", "invalid label key");
  f("Example.com/a", "invalid label key");
  f("-a=b", "invalid label key");
  f("a-=b", "invalid label key");
  f("é=b", "invalid label key");
  f(std::string_view("a\0=b", 4), "invalid label key");
}

TEST(LabelSelectorTest, HoldsLengthLimits) {
  const std::string name(63, 'n');
  const std::string label(63, 'p');
  const std::string prefix = label + "." + label + "." + label + "." + std::string(61, 'p');
  EXPECT_EQ(prefix.size(), 253U);
  EXPECT_TRUE(parse_label_selector(prefix + "/" + name + "=" + name));
  EXPECT_FALSE(parse_label_selector(prefix + "p/" + name));
  EXPECT_FALSE(parse_label_selector(name + "n"));
  EXPECT_FALSE(parse_label_selector("a=" + name + "n"));
}

TEST(LabelSelectorTest, MatchesAsKubernetesDoes) {
  const Labels labels = {{"app", "vllm"}, {"n", "7"}, {"empty", ""}, {"word", "x1"}, {"in", "in"}};
  const auto f = [&](std::string_view text, bool want) {
    SCOPED_TRACE(std::string(text));
    const auto selector = parse_label_selector(text);
    ASSERT_TRUE(selector);
    EXPECT_EQ(selector->matches(labels), want);
  };
  f("", true);
  f("app=vllm", true);
  f("app==vllm", true);
  f("app=tgi", false);
  f("absent=vllm", false);
  f("absent=", false);
  f("empty=", true);
  f("empty", true);
  f("app!=tgi", true);
  f("app!=vllm", false);
  f("absent!=x", true);
  f("app in (tgi,vllm)", true);
  f("app in (tgi)", false);
  f("absent in ()", false);
  f("empty in ()", true);
  f("app notin (tgi)", true);
  f("app notin (vllm)", false);
  f("absent notin (x)", true);
  f("app", true);
  f("absent", false);
  f("!absent", true);
  f("!app", false);
  f("n>6", true);
  f("n>7", false);
  f("n<8", true);
  f("n<7", false);
  f("word>0", false);
  f("empty<5", false);
  f("absent>0", false);
  f("in in (in)", true);
  f("app=vllm,n>6,!absent", true);
  f("app=vllm,n>7", false);
  f("app=vllm,app=tgi", false);
  f("app!=a,app!=b", true);
}

TEST(LabelSelectorTest, OrderingReadsSignsOfLabels) {
  const auto selector = parse_label_selector("n>0");
  ASSERT_TRUE(selector);
  EXPECT_TRUE(selector->matches({{"n", "+5"}}));
  EXPECT_FALSE(selector->matches({{"n", "-5"}}));
  EXPECT_FALSE(selector->matches({{"n", "+-5"}}));
  EXPECT_FALSE(selector->matches({{"n", "5 "}}));
  EXPECT_FALSE(selector->matches({{"n", "99999999999999999999"}}));
}

TEST(LabelSelectorTest, EchoesAsLabelSelectorObjectOrNull) {
  const auto f = [](std::string_view text, std::string_view want) {
    SCOPED_TRACE(std::string(text));
    const auto selector = parse_label_selector(text);
    ASSERT_TRUE(selector);
    EXPECT_EQ(selector->to_json().dump(), want);
  };
  f("", "null");
  f("a>5", "null");
  f("a=1,b<5", "null");
  f("model=a", R"({"matchLabels":{"model":"a"}})");
  f("b==2,a=1", R"({"matchLabels":{"a":"1","b":"2"}})");
  f("a!=x", R"({"matchExpressions":[{"key":"a","operator":"NotIn","values":["x"]}]})");
  f("a in (y,x)", R"({"matchExpressions":[{"key":"a","operator":"In","values":["x","y"]}]})");
  f("a,!b", R"({"matchExpressions":[{"key":"a","operator":"Exists"},)"
            R"({"key":"b","operator":"DoesNotExist"}]})");
  f("a=1,a=2", R"({"matchLabels":{"a":"1"},)"
               R"("matchExpressions":[{"key":"a","operator":"In","values":["2"]}]})");
}

TEST(LabelSelectorTest, CanonicalTextParsesToItself) {
  for (const std::string_view text :
       {"a", "!a", "a=b", "a!=b", "a in (x,y)", "a notin ()", "n>5,q in (a,b),!z", "a in (,x)"}) {
    EXPECT_EQ(canonical(text), canonical(canonical(text)));
  }
}

}  // namespace
}  // namespace leadline
