#include "adapter/kube/serving_secret.h"

#include <chrono>

#include "adapter/base64.h"
#include "adapter/certificate_authority.h"
#include "adapter/json_text.h"
#include "adapter/kube/objects.h"

namespace leadline {
namespace {

using nlohmann::json;
using std::chrono::hours;

constexpr hours kDay{24};
constexpr hours kAuthorityValid = 3650 * kDay, kAuthorityLeft = 365 * kDay;
constexpr hours kServerValid = 90 * kDay, kServerLeft = 30 * kDay;

bool lasts(const std::string& certificate_pem, WallTime now, hours left) {
  const auto expiry = expiry_of(certificate_pem);
  return expiry && *expiry - now > left;
}

// The first certificate of a bundle.
std::string first_of(const std::string& bundle) {
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----\n";
  const auto end = bundle.find(kEnd);
  return end == std::string::npos ? bundle : bundle.substr(0, end + kEnd.size());
}

// A part of the bundle that API servers can read; nothing of what they would refuse the whole for.
std::string readable(const std::string& bundle) {
  return CertificateAuthority::from_pem(bundle) ? bundle : std::string();
}

}  // namespace

bool needs_renewal(const ServingCertificate& certificate, const std::string& name, WallTime now) {
  const std::string& authority = certificate.authority.certificate_pem;
  return !lasts(authority, now, kAuthorityLeft) ||
         !lasts(certificate.server.certificate_pem, now, kServerLeft) ||
         !serves(certificate.server, name) ||
         !is_issued_by(certificate.server.certificate_pem, authority) ||
         readable(certificate.ca_bundle).empty();
}

Result<ServingCertificate> renewed(const std::optional<ServingCertificate>& old,
                                   const std::string& name, WallTime now) {
  ServingCertificate certificate;
  const bool keeps = old && lasts(old->authority.certificate_pem, now, kAuthorityLeft);
  if (keeps) {
    certificate.authority = old->authority;
    certificate.ca_bundle = readable(old->ca_bundle);
    if (certificate.ca_bundle.empty()) certificate.ca_bundle = old->authority.certificate_pem;
  } else {
    auto authority = make_authority("leadline-adapter-ca", now, kAuthorityValid);
    if (!authority) return fail(authority.error());
    certificate.authority = std::move(*authority);
    // Replicas show what the old one issued until they have read this Secret again.
    certificate.ca_bundle = certificate.authority.certificate_pem;
    if (old) certificate.ca_bundle += readable(old->authority.certificate_pem);
  }
  auto server = issue_certificate(certificate.authority, {name, "localhost"}, now, kServerValid);
  if (!server && keeps) return renewed(std::nullopt, name, now);  // no key pair: start anew
  if (!server) return fail(server.error());
  certificate.server = std::move(*server);
  return certificate;
}

std::optional<ServingCertificate> certificate_in_secret(const json& secret) {
  const auto read = [&](const char* key) {
    return decode_base64(text_at(secret, {"data", key})).value_or("");
  };
  ServingCertificate certificate{.authority = {.certificate_pem = {}, .key_pem = read("ca.key")},
                                 .ca_bundle = read("ca.crt"),
                                 .server = {read("tls.crt"), read("tls.key")}};
  certificate.authority.certificate_pem = first_of(certificate.ca_bundle);
  const bool whole = !certificate.ca_bundle.empty() && !certificate.authority.key_pem.empty() &&
                     !certificate.server.certificate_pem.empty() &&
                     !certificate.server.key_pem.empty();
  if (!whole) return std::nullopt;
  return certificate;
}

std::string secret_with(const ServingCertificate& certificate, const std::string& namespace_name,
                        const std::string& name, const std::string& version) {
  nlohmann::ordered_json metadata = {{"name", name}, {"namespace", namespace_name}};
  if (!version.empty()) metadata["resourceVersion"] = version;
  return compact_text({{"apiVersion", "v1"},
                       {"kind", "Secret"},
                       {"metadata", std::move(metadata)},
                       {"type", "Opaque"},
                       {"data",
                        {{"ca.crt", encode_base64(certificate.ca_bundle)},
                         {"ca.key", encode_base64(certificate.authority.key_pem)},
                         {"tls.crt", encode_base64(certificate.server.certificate_pem)},
                         {"tls.key", encode_base64(certificate.server.key_pem)}}}});
}

}  // namespace leadline
