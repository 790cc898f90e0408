// Kubernetes quantities in both directions: a text is read as a slow and independent reader would,
// and what we write of any number is read back as that number.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "engine/scaling/quantity.h"
#include "tests/fuzz/fuzz.h"

namespace leadline::fuzz {
namespace {

constexpr auto kMaxMilli = std::numeric_limits<std::int64_t>::max();

long double scale_of(std::string_view suffix) {
  constexpr std::string_view kDecimal = "num kMGTPE";
  constexpr std::string_view kBinary = "KMGTPE";
  if (suffix.empty()) return 1;
  if (suffix.size() == 2 && suffix[1] == 'i')
    return std::pow(1024.0L, static_cast<long double>(kBinary.find(suffix[0]) + 1));
  if (suffix.size() == 1)
    return std::pow(1000.0L, static_cast<long double>(kDecimal.find(suffix)) - 3);
  return std::pow(10.0L, std::strtold(std::string(suffix.substr(1)).c_str(), nullptr));
}

// Milli units by floating point, 64 bits of mantissa; the text is a quantity.
long double expected_milli(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("+-0123456789."), text.size());
  const std::string number(text.substr(0, digits));
  const long double value = std::strtold(number.c_str(), nullptr);
  return value == 0 ? 0 : value * scale_of(text.substr(digits)) * 1000;
}

// Rounded away from zero to a whole number, saturated at int64.
void check_value(std::string_view text, std::int64_t milli) {
  constexpr long double kRelative = 1e-17L;  // three roundings of 2^-64
  const long double want = std::fabs(expected_milli(text));
  const auto got = static_cast<long double>(milli < 0 ? -milli : milli);
  const long double slack = want * kRelative;
  if (want >= static_cast<long double>(kMaxMilli))
    return require(got >= static_cast<long double>(kMaxMilli) * (1 - 1e-15L), "it saturates");
  require(got >= want - slack && got <= want + slack + 1, "a quantity is what its digits say");
}

void check_printed(double value) {
  const auto quantity = quantity_of(value);
  require(quantity.has_value() == std::isfinite(value), "exactly finite numbers are quantities");
  if (!quantity) return;
  const auto milli = milli_of_quantity(quantity->text);
  require(milli.has_value(), "what is written is a quantity");
  if (quantity->clamped) return require(std::llabs(*milli) == kMaxMilli, "clamped is the largest");
  const long double exact = static_cast<long double>(value) * 1000;
  const long double slack = 0.5L + std::fabs(exact) * std::numeric_limits<double>::epsilon();
  require(std::fabs(static_cast<long double>(*milli) - exact) <= slack,
          "a number is written to the nearest thousandth");
}

void check_text(std::string_view text) {
  const auto milli = milli_of_quantity(text);
  if (!milli) return require(milli.error().code == Errc::kBadInput, "a quantity is bad input");
  require(*milli >= -kMaxMilli, "the range is the same on both sides of zero");
  check_value(text, *milli);
  if (!text.starts_with('-') && !text.starts_with('+')) {
    const auto negative = milli_of_quantity("-" + std::string(text));
    require(negative && *negative == -*milli, "a sign changes nothing but the sign");
  }
  // A double holds this many thousandths exactly enough to come back.
  if (std::llabs(*milli) >= (std::int64_t{1} << 50)) return;
  const auto printed = quantity_of(static_cast<double>(*milli) / 1000);
  require(printed && milli_of_quantity(printed->text) == *milli, "print and parse undo each other");
}

}  // namespace

void check_input(std::string_view input) {
  check_text(input);
  double value = 0;
  std::memcpy(&value, input.data(), std::min(input.size(), sizeof value));
  check_printed(value);
}

}  // namespace leadline::fuzz
