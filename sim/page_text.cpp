#include "sim/page_text.h"

#include <charconv>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

namespace leadline {
namespace {

std::string shortest(double value, std::chars_format format) {
  char buffer[512];
  const auto result = std::to_chars(std::begin(buffer), std::end(buffer), value, format);
  return std::string(std::begin(buffer), result.ptr);
}

}  // namespace

std::string escape_label(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::string python_float(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  const double size = std::abs(value);
  if (size != 0 && (size < 1e-4 || size >= 1e16)) {
    return shortest(value, std::chars_format::scientific);
  }
  std::string text = shortest(value, std::chars_format::fixed);
  if (text.find('.') == std::string::npos) text += ".0";
  const std::size_t dot = text.find('.');
  if (value <= 0 || dot <= 6) return text;
  std::string mantissa = text.substr(0, 1) + '.' + text.substr(1, dot - 1) + text.substr(dot + 1);
  mantissa.erase(mantissa.find_last_not_of("0.") + 1);
  return fmt::format("{}e+0{}", mantissa, dot - 1);  // "+010" past 1e10, exactly as Python's has it
}

}  // namespace leadline
