// CertificateAuthority decides whether a client's certificate was signed by one of the CAs of a PEM
// bundle, for being a client, and is valid now. During a rotation the bundle holds the old CA and
// the new one: each is trusted by itself.
//
// Immutable, so thread-safe. Source: kubernetes-metrics-api.md §5.2; apiserver
// pkg/authentication/request/x509/x509.go (v1.36).

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "daemon/client_certificates.h"

namespace leadline {

// Whom a certificate names. To Kubernetes a common name is a user and an organisation a group.
struct CertificateSubject {
  std::string common_name;  // the last one; may be empty
  std::vector<std::string> organizations;
  std::string sha256;  // of the certificate, lower-case hex
};

class CertificateAuthority {
 public:
  // kBadInput: no certificate in it, or one that cannot be read.
  [[nodiscard]] static Result<CertificateAuthority> from_pem(const std::string& pem);

  // nullopt: not ours, expired, not yet valid, or not for clients (extended key usage).
  [[nodiscard]] std::optional<CertificateSubject> subject_of(const ClientCertificates& shown,
                                                             WallTime now) const;

 private:
  struct Store;
  explicit CertificateAuthority(std::shared_ptr<const Store> store) : store_(std::move(store)) {}
  std::shared_ptr<const Store> store_;
};

}  // namespace leadline
