// Whether bytes are well-formed UTF-8: what protobuf strings and JSON demand of label values. Pure.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
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

// How many bytes at the beginning are ASCII, 32 at a time: nearly every line is, as a whole.
[[nodiscard]] inline std::size_t ascii_prefix(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;
  std::array<std::uint64_t, 4> words{};
  std::size_t at = 0;
  for (; at + sizeof words <= text.size(); at += sizeof words) {
    std::memcpy(words.data(), text.data() + at, sizeof words);
    if (((words[0] | words[1] | words[2] | words[3]) & kHighBits) != 0) break;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80U) ++at;
  return at;
}

[[nodiscard]] inline bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t ascii = ascii_prefix(text);
    text.remove_prefix(ascii);
    if (text.empty()) return true;
    const std::size_t length = utf8_sequence(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace leadline
