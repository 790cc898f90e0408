#include "engine/scaling/quantity.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace leadline {
namespace {

constexpr std::int64_t kMaxMilli = std::numeric_limits<std::int64_t>::max();
constexpr int kMaxDigits = 20;  // 10^20 × 2^60 < 2^128

__extension__ using Wide = unsigned __int128;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// mantissa × 10^exponent, and whether digits below were dropped.
struct Decimal {
  Wide mantissa = 0;
  int exponent = 0;
  bool inexact = false;
};

// One digit more; past 20 significant ones only the magnitude is kept.
void append_digit(Decimal& number, char digit, int& significant, bool fraction) {
  if (significant >= kMaxDigits) {
    number.inexact |= digit != '0';
    if (!fraction) ++number.exponent;
    return;
  }
  number.mantissa = number.mantissa * 10 + static_cast<Wide>(digit - '0');
  if (number.mantissa != 0) ++significant;
  if (fraction) --number.exponent;
}

// Takes `12.5`, `12.` or `.5` off the front of `text`; nullopt where there is no digit.
std::optional<Decimal> take_number(std::string_view& text) {
  Decimal number;
  int significant = 0;
  bool fraction = false;
  bool any = false;
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (is_digit(c)) {
      any = true;
      append_digit(number, c, significant, fraction);
    } else if (c == '.' && !fraction) {
      fraction = true;
    } else {
      break;
    }
  }
  text.remove_prefix(i);
  if (!any) return std::nullopt;
  return number;
}

struct Scale {
  int power_of_ten = 0;
  int power_of_two = 0;
};

std::optional<Scale> decimal_suffix(char c) {
  constexpr std::string_view kSuffixes = "num kMGTPE";
  const std::size_t at = c == ' ' ? std::string_view::npos : kSuffixes.find(c);
  if (at == std::string_view::npos) return std::nullopt;
  return Scale{.power_of_ten = 3 * (static_cast<int>(at) - 3)};
}

std::optional<Scale> binary_suffix(std::string_view text) {
  constexpr std::string_view kSuffixes = "KMGTPE";
  const std::size_t at = kSuffixes.find(text[0]);
  if (at == std::string_view::npos || text[1] != 'i') return std::nullopt;
  return Scale{.power_of_two = 10 * (static_cast<int>(at) + 1)};
}

// `e3`, `E-6`. Exponents beyond 1000 mean the same as 1000: everything or nothing.
std::optional<Scale> exponent_suffix(std::string_view text) {
  if (text[0] != 'e' && text[0] != 'E') return std::nullopt;
  text.remove_prefix(1);
  const bool negative = text[0] == '-';
  if (text[0] == '-' || text[0] == '+') text.remove_prefix(1);
  if (text.empty() || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  int exponent = 0;
  for (const char c : text) exponent = std::min(1000, exponent * 10 + (c - '0'));
  return Scale{.power_of_ten = negative ? -exponent : exponent};
}

std::optional<Scale> parse_suffix(std::string_view text) {
  if (text.empty()) return Scale{};
  if (text.size() == 1) return decimal_suffix(text[0]);
  if (text.size() == 2 && text[1] == 'i') return binary_suffix(text);
  return exponent_suffix(text);
}

// |number| in milli units, rounded up, saturating at 2^63 - 1.
std::int64_t magnitude_milli(Decimal number, const Scale& scale) {
  constexpr auto kMax = static_cast<Wide>(kMaxMilli);
  Wide value = number.mantissa << scale.power_of_two;
  bool inexact = number.inexact;
  int exponent = number.exponent + scale.power_of_ten + 3;
  for (; exponent > 0 && value != 0 && value <= kMax; --exponent) value *= 10;
  for (; exponent < 0 && value != 0; ++exponent) {
    inexact |= value % 10 != 0;
    value /= 10;
  }
  if (inexact && value < kMax) ++value;
  return static_cast<std::int64_t>(std::min(value, kMax));
}

}  // namespace

std::optional<Quantity> quantity_of(double value) {
  if (!std::isfinite(value)) return std::nullopt;
  // nearbyint rounds half to even. 2^63 is the first double that does not fit.
  const double milli = std::nearbyint(value * 1000);
  constexpr double kTooLarge = 0x1p63;
  if (milli >= kTooLarge) return Quantity{fmt::format("{}m", kMaxMilli), true};
  if (milli <= -kTooLarge) return Quantity{fmt::format("-{}m", kMaxMilli), true};
  const auto whole = static_cast<std::int64_t>(milli);
  if (whole % 1000 == 0) return Quantity{std::to_string(whole / 1000), false};
  return Quantity{std::to_string(whole) + "m", false};
}

Result<std::int64_t> milli_of_quantity(std::string_view text) {
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  const auto number = take_number(rest);
  if (!number) return fail(Errc::kBadInput, "quantity \"{}\": no digits", text);
  const auto scale = parse_suffix(rest);
  if (!scale) {
    return fail(Errc::kBadInput,
                "quantity \"{}\": unknown suffix \"{}\" (known: n u m k M G T P E, Ki to Ei, e3)",
                text, rest);
  }
  const std::int64_t milli = magnitude_milli(*number, *scale);
  return negative ? -milli : milli;
}

}  // namespace leadline
