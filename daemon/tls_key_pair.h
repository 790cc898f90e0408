// Makes keys and certificates in memory: one signed by itself, or an authority and what it issues.
// Part of daemon_tls; pure but for the random numbers. P-256 with SHA-256.

#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace leadline {

struct KeyPair {
  std::string certificate_pem;
  std::string key_pem;

  [[nodiscard]] bool operator==(const KeyPair&) const = default;
};

// `names` become subject alternative names; valid for a year from an hour ago, since clocks of a
// cluster's nodes differ. kBadInput: OpenSSL refused a name. REQUIRES: names is not empty.
[[nodiscard]] Result<KeyPair> self_signed(const std::vector<std::string>& names, WallTime now);

// An authority that may only sign; `name` is its common name.
[[nodiscard]] Result<KeyPair> make_authority(const std::string& name, WallTime now,
                                             std::chrono::hours valid);

// A server's certificate for `names`, signed by `authority`. kBadInput: the authority is no key
// pair.
[[nodiscard]] Result<KeyPair> issue_certificate(const KeyPair& authority,
                                                const std::vector<std::string>& names, WallTime now,
                                                std::chrono::hours valid);

// When the first certificate of a PEM text ends; nullopt where there is none.
[[nodiscard]] std::optional<WallTime> expiry_of(const std::string& certificate_pem);

// Whether a client that dials `name` would accept it, and the key belongs to it.
[[nodiscard]] bool serves(const KeyPair& pair, const std::string& name);

// Whether both can be read and the key belongs to the certificate.
[[nodiscard]] bool belong_together(const KeyPair& pair);

// Whether the authority signed it: the first certificate of each PEM text.
[[nodiscard]] bool is_issued_by(const std::string& certificate_pem,
                                const std::string& authority_pem);

// The oldest error in OpenSSL's queue of this thread, which is then emptied.
[[nodiscard]] std::string openssl_error();

}  // namespace leadline
