// Makes a key and a certificate signed by itself, in memory. daemon_tls's own; pure but for the
// random numbers and the clock.

#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace leadline {

struct KeyPair {
  std::string certificate_pem;
  std::string key_pem;
};

// P-256 with SHA-256; `names` become subject alternative names. kBadInput: OpenSSL refused a name.
[[nodiscard]] Result<KeyPair> self_signed(const std::vector<std::string>& names, WallTime now);

// The oldest error in OpenSSL's queue of this thread, which is then emptied.
[[nodiscard]] std::string openssl_error();

}  // namespace leadline
