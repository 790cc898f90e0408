// Whether bytes are well-formed UTF-8: what protobuf strings and JSON demand of label values. Pure.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace leadline {

// How many bytes the well-formed sequence at the beginning of `text` takes; 0 where it is none.
// Overlong forms, surrogates and code points above U+10FFFF are none (RFC 3629, section 4).
[[nodiscard]] inline std::size_t utf8_sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80U) return 1;
  const std::size_t length = lead < 0xC2U ? 0 : lead < 0xE0U ? 2 : lead < 0xF0U ? 3 : 4;
  if (length == 0 || lead > 0xF4U || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  }
  if (lead == 0xE0U && byte(1) < 0xA0U) return 0;  // overlong
  if (lead == 0xEDU && byte(1) > 0x9FU) return 0;  // surrogate
  if (lead == 0xF0U && byte(1) < 0x90U) return 0;  // overlong
  if (lead == 0xF4U && byte(1) > 0x8FU) return 0;  // above U+10FFFF
  return length;
}

[[nodiscard]] inline bool is_utf8(std::string_view text) {
  unsigned char all = 0;
  for (const char c : text) all |= static_cast<unsigned char>(c);
  if (all < 0x80U) return true;  // ASCII, as nearly every line is
  while (!text.empty()) {
    const std::size_t length = utf8_sequence(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace leadline
