#include "daemon/tls_cipher.h"

#include <cassert>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "daemon/tls_engine.h"
#include "daemon/tls_key_pair.h"

namespace leadline {
namespace {

struct Free {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Context = std::unique_ptr<SSL_CTX, Free>;

Context new_context() {
  Context context(SSL_CTX_new(TLS_client_method()));
  assert(context != nullptr);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  // An encrypted key is refused: OpenSSL would ask the terminal.
  SSL_CTX_set_default_passwd_cb(context.get(), [](char*, int, int, void*) { return -1; });
  return context;
}

tl::unexpected<Error> refuse(const char* what, const std::string& file) {
  return fail(Errc::kBadConfig, "{} {}: {}", what, file, openssl_error());
}

Result<void> trust(SSL_CTX* context, const std::string& ca_file) {
  if (ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(context);
    return {};
  }
  if (SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr) == 1) return {};
  return refuse("authorities", ca_file);
}

Result<void> show(SSL_CTX* context, const TlsClientFiles& files) {
  if (files.certificate_file.empty()) return {};
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate_file.c_str()) != 1) {
    return refuse("certificate", files.certificate_file);
  }
  // Also checks that it belongs to the certificate.
  if (SSL_CTX_use_PrivateKey_file(context, files.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return refuse("key", files.key_file);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<StreamCipher>> tls_cipher(const TlsClientFiles& files,
                                                 const std::string& server) {
  ERR_clear_error();
  const Context context = new_context();
  const auto trusted = trust(context.get(), files.ca_file);
  if (!trusted) return fail(trusted.error());
  const auto shown = show(context.get(), files);
  if (!shown) return fail(shown.error());
  return std::make_unique<TlsEngine>(context.get(), server);
}

}  // namespace leadline
