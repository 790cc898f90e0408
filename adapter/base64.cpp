#include "adapter/base64.h"

#include <algorithm>

#include <openssl/evp.h>

namespace leadline {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

}  // namespace

std::string encode_base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL ends it with a zero
  const int written =
      EVP_EncodeBlock(bytes_of(text), bytes_of(bytes), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(written));
  return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string plain;
  std::copy_if(text.begin(), text.end(), std::back_inserter(plain),
               [](char c) { return c != '\n' && c != '\r'; });
  if (plain.size() % 4 != 0) return std::nullopt;
  const auto padding = static_cast<std::size_t>(plain.ends_with("==")  ? 2
                                                : plain.ends_with('=') ? 1
                                                                       : 0);
  // OpenSSL takes blanks and early padding for an end; nobody writes them.
  const bool clean =
      plain.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") ==
      (padding == 0 ? std::string::npos : plain.size() - padding);
  if (!clean) return std::nullopt;
  std::string bytes(plain.size() / 4 * 3, '\0');
  const int written =
      EVP_DecodeBlock(bytes_of(bytes), bytes_of(plain), static_cast<int>(plain.size()));
  if (written < 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(written) - padding);
  return bytes;
}

}  // namespace leadline
