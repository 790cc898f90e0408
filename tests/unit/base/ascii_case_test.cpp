#include "base/ascii_case.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace leadline {
namespace {

static_assert(equal_ignoring_case("Content-Type", "content-type"), "known to the compiler");

TEST(AsciiCaseTest, OfAllBytesOnlyTheCapitalsChange) {
  for (int byte = 0; byte < 256; ++byte) {
    SCOPED_TRACE(byte);
    const bool capital = byte >= 'A' && byte <= 'Z';
    EXPECT_EQ(ascii_lower(static_cast<char>(byte)),
              static_cast<char>(capital ? byte + 'a' - 'A' : byte));
  }
}

// The whole text: an embedded NUL ends nothing, and letters beyond ASCII stay as they are.
TEST(AsciiCaseTest, LowersTextsAsTheirBytes) {
  EXPECT_EQ(ascii_lower(std::string_view("X-Forwarded-FOR")), "x-forwarded-for");
  EXPECT_EQ(ascii_lower(std::string_view("A\0B", 3)), std::string("a\0b", 3));
  EXPECT_EQ(ascii_lower(std::string_view("ÄA")), "Äa");
  EXPECT_EQ(ascii_lower(std::string_view()), "");
}

TEST(AsciiCaseTest, EqualMeansNothingButTheCaseDiffers) {
  const auto f = [](std::string_view a, std::string_view b, bool want) {
    SCOPED_TRACE(std::string(a) + " and " + std::string(b));
    EXPECT_EQ(equal_ignoring_case(a, b), want);
    EXPECT_EQ(equal_ignoring_case(b, a), want);
  };
  f("", "", true);
  f("gzip", "GZip", true);
  f("gzip", "gzi", false);
  f("gzip", std::string_view("gzip\0", 5), false);
  f("gzip", "", false);
  f("[a]", "{a}", false);  // 0x20 apart, as a letter's cases are
  f("@", "`", false);
  f("k", "\u212A", false);  // the Kelvin sign, which Unicode lowers to k
  f("ä", "Ä", false);
}

TEST(AsciiCaseTest, PrefixIsNeverLongerThanItsText) {
  const auto f = [](std::string_view text, std::string_view prefix, bool want) {
    SCOPED_TRACE(std::string(text) + " begins with " + std::string(prefix));
    EXPECT_EQ(starts_with_ignoring_case(text, prefix), want);
  };
  f("BEARER abc", "Bearer ", true);
  f("Bearer ", "bearer ", true);
  f("Bearer", "bearer ", false);
  f("Basic abc", "bearer ", false);
  f("abc", "", true);
  f("", "", true);
  f("", "a", false);
}

}  // namespace
}  // namespace leadline
