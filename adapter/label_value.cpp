#include "adapter/label_value.h"

#include <algorithm>
#include <cstddef>

#include "adapter/sha256.h"

namespace leadline {
namespace {

constexpr std::size_t kMaxValue = 63;
constexpr std::size_t kKept = 54;  // 54 + '-' + 8 = 63
constexpr std::size_t kHashDigits = 8;

// Not std::isalnum: that one follows the locale.
bool is_alphanumeric(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool is_allowed(char c) {
  return is_alphanumeric(c) || c == '.' || c == '_' || c == '-';
}

std::string replace_runs(std::string_view text) {
  std::string value;
  value.reserve(text.size());
  bool in_run = false;
  for (const char c : text) {
    if (is_allowed(c)) {
      value += c;
    } else if (!in_run) {
      value += '.';
    }
    in_run = !is_allowed(c);
  }
  return value;
}

std::string_view trim(std::string_view value) {
  while (!value.empty() && !is_alphanumeric(value.front())) value.remove_prefix(1);
  while (!value.empty() && !is_alphanumeric(value.back())) value.remove_suffix(1);
  return value;
}

}  // namespace

std::string label_value_of(std::string_view text) {
  const std::string replaced = replace_runs(text);
  const std::string_view value = trim(replaced);
  if (value.size() <= kMaxValue) return std::string(value);
  return std::string(value.substr(0, kKept)) + "-" + sha256_hex(text, kHashDigits);
}

bool is_label_value(std::string_view text) {
  if (text.empty()) return true;
  return text.size() <= kMaxValue && is_alphanumeric(text.front()) &&
         is_alphanumeric(text.back()) && std::ranges::all_of(text, is_allowed);
}

}  // namespace leadline
