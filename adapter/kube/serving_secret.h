// The Secret in which replicas share their serving certificate, and when it has to change. Pure but
// for the random numbers of new keys.
//
// Keys of the Secret: `ca.crt` (what clients trust; during a change of authority the new one and
// the old one), `ca.key`, `tls.crt`, `tls.key`. The authority lasts ten years and is replaced in
// its last one; a certificate lasts 90 days and is replaced in its last 30.

#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/result.h"
#include "daemon/tls_key_pair.h"

namespace leadline {

struct ServingCertificate {
  KeyPair authority;      // its certificate is the newest of the bundle
  std::string ca_bundle;  // PEM
  KeyPair server;

  [[nodiscard]] bool operator==(const ServingCertificate&) const = default;
};

// `old` is what was there before; nullopt: nothing. `name` is what clients dial.
[[nodiscard]] Result<ServingCertificate> renewed(const std::optional<ServingCertificate>& old,
                                                 const std::string& name, WallTime now);

// Whether it has to be renewed: near its end, for another name, no pair, of another authority, or
// with a bundle that nobody can read.
[[nodiscard]] bool needs_renewal(const ServingCertificate& certificate, const std::string& name,
                                 WallTime now);

// nullopt where a key is missing or no base64: somebody emptied the Secret.
[[nodiscard]] std::optional<ServingCertificate> certificate_in_secret(const nlohmann::json& secret);

// The Secret's whole object. `version` is the resourceVersion that is replaced; empty to create.
[[nodiscard]] std::string secret_with(const ServingCertificate& certificate,
                                      const std::string& namespace_name, const std::string& name,
                                      const std::string& version);

}  // namespace leadline
