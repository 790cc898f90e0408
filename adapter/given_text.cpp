#include "adapter/given_text.h"

#include <algorithm>

#include <fmt/format.h>

namespace leadline {

bool is_object_name(std::string_view text) {
  constexpr std::size_t kLongestName = 253;  // RFC 1123 subdomain
  return !text.empty() && text.size() <= kLongestName && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kEnough = 100;  // bytes
  return fmt::format("\"{}\"", text.substr(0, kEnough));
}

}  // namespace leadline
