// SHA-256 by OpenSSL's EVP, for names and ETags; not for secrets. Thread-safe.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace leadline {

// The first `digits` (at most 64) lower-case hex digits of the digest of `text`.
std::string sha256_hex(std::string_view text, std::size_t digits);

}  // namespace leadline
