#include "sidecar/token_file.h"

#include <fstream>
#include <string_view>

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
  std::ifstream file(path_, std::ios::binary);
  std::string text(kLimit + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file && !file.eof())
    return fail(Errc::kBadConfig, "engine_token_file {}: unreadable", path_);
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kLimit) {
    return fail(Errc::kBadConfig, "engine_token_file {}: over {} bytes", path_, kLimit);
  }
  const std::string_view token = trimmed(text);
  if (token.empty()) return fail(Errc::kBadConfig, "engine_token_file {}: empty", path_);
  if (!fits_a_header(token)) {
    return fail(Errc::kBadConfig, "engine_token_file {}: must hold one word of ASCII", path_);
  }
  token_ = token;
  return {};
}

}  // namespace leadline
