#include "daemon/token_file.h"

#include <string_view>

#include "daemon/text_file.h"

namespace leadline {
namespace {

constexpr std::size_t kLimit = 64 * 1024;
constexpr std::string_view kBlanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool fits_a_header(std::string_view token) {
  for (const char c : token) {
    if (c <= ' ' || c >= 0x7f) return false;
  }
  return true;
}

}  // namespace

Result<void> TokenFile::reload() {
  if (path_.empty()) return {};
  const auto text = read_text_file(path_, kLimit);
  if (!text) return fail(text.error().with_context("token file"));
  const std::string_view token = trimmed(*text);
  if (token.empty()) return fail(Errc::kBadConfig, "token file {}: empty", path_);
  if (!fits_a_header(token)) {
    return fail(Errc::kBadConfig, "token file {}: must hold one word of ASCII", path_);
  }
  token_ = token;
  return {};
}

}  // namespace leadline
