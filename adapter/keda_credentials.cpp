#include "adapter/keda_credentials.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include "daemon/text_file.h"
#include "daemon/tls_key_pair.h"

namespace leadline {
namespace {

constexpr unsigned kLookAtFilesEvery = 1;  // seconds
constexpr std::size_t kMaxPem = 1024 * 1024;

Result<void> check_files(const KedaTls& tls) {
  const auto certificate = read_text_file(tls.certificate_file, kMaxPem);
  if (!certificate) return fail(certificate.error().with_context("keda_tls_cert_file"));
  const auto key = read_text_file(tls.key_file, kMaxPem);
  if (!key) return fail(key.error().with_context("keda_tls_key_file"));
  const auto authority = read_text_file(tls.client_ca_file, kMaxPem);
  if (!authority) return fail(authority.error().with_context("keda_client_ca_file"));
  if (!belong_together({*certificate, *key})) {
    return fail(Errc::kBadConfig, "keda_tls_key_file {} is not the key of keda_tls_cert_file {}",
                tls.key_file, tls.certificate_file);
  }
  if (expiry_of(*authority)) return {};
  return fail(Errc::kBadConfig, "keda_client_ca_file {} holds no certificate", tls.client_ca_file);
}

}  // namespace

Result<std::shared_ptr<grpc::ServerCredentials>> keda_credentials(const KedaTls& tls) {
  if (!tls.is_used()) return grpc::InsecureServerCredentials();
  if (const auto files = check_files(tls); !files) return fail(files.error());
  using grpc::experimental::FileWatcherCertificateProvider;
  grpc::experimental::TlsServerCredentialsOptions options(
      std::make_shared<FileWatcherCertificateProvider>(tls.key_file, tls.certificate_file,
                                                       tls.client_ca_file, kLookAtFilesEvery));
  options.watch_identity_key_cert_pairs();
  options.watch_root_certs();
  options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return grpc::experimental::TlsServerCredentials(options);
}

}  // namespace leadline
