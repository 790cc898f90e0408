#include "engine/scaling/quantity.h"

#include <cmath>
#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace leadline {
namespace {

TEST(QuantityTest, WritesWholeUnitsOrMilliUnits) {
  const auto f = [](double value, std::string_view want) {
    SCOPED_TRACE(std::string(want));
    const auto quantity = quantity_of(value);
    ASSERT_TRUE(quantity);
    EXPECT_EQ(quantity->text, want);
    EXPECT_FALSE(quantity->clamped);
  };
  f(0, "0");
  f(-0.0, "0");
  f(1.5, "1500m");
  f(1000, "1000");
  f(12345, "12345");
  f(-0.25, "-250m");
  f(-3, "-3");
  f(1e-7, "0");
  f(0.0004, "0");
  f(0.0006, "1m");
  f(0.0625, "62m");   // 62.5 to even
  f(0.1875, "188m");  // 187.5 to even
  f(0.1, "100m");
  f(99.999, "99999m");
  f(9e15, "9000000000000000");
  f(5e-324, "0");
}

TEST(QuantityTest, ClampsBeyondInt64MilliUnits) {
  const auto f = [](double value, std::string_view want) {
    SCOPED_TRACE(std::string(want));
    const auto quantity = quantity_of(value);
    ASSERT_TRUE(quantity);
    EXPECT_EQ(quantity->text, want);
    EXPECT_TRUE(quantity->clamped);
  };
  f(1e16, "9223372036854775807m");
  f(1.7e18, "9223372036854775807m");
  f(std::numeric_limits<double>::max(), "9223372036854775807m");
  f(-1e16, "-9223372036854775807m");
  f(std::numeric_limits<double>::lowest(), "-9223372036854775807m");
}

TEST(QuantityTest, NotANumberIsNoQuantity) {
  EXPECT_FALSE(quantity_of(std::nan("")));
  EXPECT_FALSE(quantity_of(std::numeric_limits<double>::infinity()));
  EXPECT_FALSE(quantity_of(-std::numeric_limits<double>::infinity()));
}

TEST(QuantityTest, ReadsTheFullGrammarInMilliUnits) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  const auto f = [](std::string_view text, std::int64_t want) {
    SCOPED_TRACE(std::string(text));
    const auto milli = milli_of_quantity(text);
    ASSERT_TRUE(milli) << milli.error().message;
    EXPECT_EQ(*milli, want);
  };
  f("0", 0);
  f("12345", 12'345'000);
  f("1500m", 1'500);
  f("-250m", -250);
  f("+1.5", 1'500);
  f("1.", 1'000);
  f(".5", 500);
  f("1k", 1'000'000);
  f("1.5k", 1'500'000);
  f("2M", 2'000'000'000);
  f("3G", 3'000'000'000'000);
  f("4T", 4'000'000'000'000'000);
  f("5P", 5'000'000'000'000'000'000);
  f("10P", kMax);
  f("1E", kMax);
  f("1Ki", 1'024'000);
  f("1.5Mi", 1'572'864'000);
  f("1Gi", 1'073'741'824'000);
  f("1Ti", 1'099'511'627'776'000);
  f("1Pi", 1'125'899'906'842'624'000);
  f("8Ei", kMax);
  f("1e3", 1'000'000);
  f("1E3", 1'000'000);
  f("1E-3", 1);
  f("25e+1", 250'000);
  f("1e9999999999", kMax);
  f("-1e9999999999", -kMax);
  f("0e9999999999", 0);
  // Away from zero, as MilliValue() reads.
  f("0.0001", 1);
  f("-0.0001", -1);
  f("1u", 1);
  f("1n", 1);
  f("1000u", 1);
  f("1001u", 2);
  f("1000000n", 1);
  f("1e-9999", 1);
  f("9223372036854775807m", kMax);
  f("9223372036854775806m", kMax - 1);
  f("-9223372036854775807m", -kMax);
  f("9223372036854775808m", kMax);
  f("100000000000000000000000000000000000000000000000000", kMax);
  f("000000000000000000000000000000000000000000000000001", 1'000);
  f("1.00000000000000000000000000000000000000000000000000", 1'000);
  f("1.00000000000000000000000000000000000000000000000001", 1'001);
}

TEST(QuantityTest, RefusesWhatKubernetesRefuses) {
  for (const std::string_view text :
       {"",      "-",   "+",   ".",    "k",     "NaN",   "Inf",  "1x", "1K",
        "1ki",   "1kk", "1mi", "1e",   "1e+",   "1ee3",  "1E3k", "1 ", " 1",
        "1.2.3", "--1", "+-1", "0x10", "1e1.5", "1,000", "1i",   "1 k"}) {
    const auto milli = milli_of_quantity(text);
    ASSERT_FALSE(milli) << text;
    EXPECT_EQ(milli.error().code, Errc::kBadInput);
    EXPECT_NE(milli.error().message.find(text), std::string::npos);
  }
}

TEST(QuantityTest, WrittenValuesReadBackAsTheSameMilliUnits) {
  double value = 0.001;
  while (value < 9e15) {
    for (const double signed_value : {value, -value}) {
      const auto quantity = quantity_of(signed_value);
      ASSERT_TRUE(quantity);
      EXPECT_EQ(milli_of_quantity(quantity->text).value_or(0),
                static_cast<std::int64_t>(std::nearbyint(signed_value * 1000)));
    }
    value *= 1.37;
  }
}

}  // namespace
}  // namespace leadline
