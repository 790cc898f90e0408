#include "adapter/sha256.h"

#include <array>
#include <cassert>
#include <iterator>

#include <fmt/format.h>
#include <openssl/evp.h>

namespace leadline {

std::string sha256_hex(std::string_view text, std::size_t digits) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  const int done =
      EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  assert(done == 1 && digits <= 2 * std::size_t{size});
  static_cast<void>(done);
  std::string hex;
  hex.reserve(2 * std::size_t{size});
  for (unsigned int i = 0; i < size; ++i) {
    fmt::format_to(std::back_inserter(hex), "{:02x}", digest.at(i));
  }
  hex.resize(digits);
  return hex;
}

}  // namespace leadline
