// Certificates as clients of a cluster show them, good ones and bad ones: what daemon/tls_key_pair
// does not make, since the adapter issues servers' certificates only.

#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/clock.h"
#include "daemon/client_certificates.h"
#include "daemon/tls_key_pair.h"

namespace leadline::test {

struct CertificateWish {
  std::vector<std::string> common_names = {"front-proxy-client"};
  std::vector<std::string> organizations;
  std::string usage = "clientAuth";        // extended key usage; empty: none
  bool authority = false;                  // may sign others
  std::chrono::hours from{-1}, until{24};  // beside `now`
  bool weak = false;                       // signed over SHA-1
  WallTime now = system_now().wall;
};

// Signed by `issuer`, or by itself where it is nullptr. Throws where OpenSSL refuses.
[[nodiscard]] KeyPair make_certificate(const KeyPair* issuer, const CertificateWish& wish);

// An authority that may sign authorities too.
[[nodiscard]] KeyPair root_authority(const std::string& name);

// As a TLS server gets them: the client's own first, then what it sends along.
[[nodiscard]] ClientCertificates shown(const std::vector<std::string>& pems);

}  // namespace leadline::test
