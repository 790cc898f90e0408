#include "daemon/tls_engine.h"

#include <algorithm>
#include <cassert>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "daemon/tls_key_pair.h"

namespace leadline {

// The five functions of a BIO; its data is the engine.
struct TlsEngine::Bytes {
  static TlsEngine& engine(BIO* bio) { return *static_cast<TlsEngine*>(BIO_get_data(bio)); }

  static int write(BIO* bio, const char* data, int size) {
    engine(bio).output_.append(data, static_cast<std::size_t>(size));
    return size;
  }

  static int read(BIO* bio, char* into, int size) {
    TlsEngine& self = engine(bio);
    BIO_clear_retry_flags(bio);
    const std::size_t taken =
        std::min(self.input_.size() - self.consumed_, static_cast<std::size_t>(size));
    if (taken == 0) {
      BIO_set_retry_read(bio);
      return -1;
    }
    self.input_.copy(into, taken, self.consumed_);
    self.consumed_ += taken;
    if (self.consumed_ == self.input_.size()) {
      self.input_.clear();
      self.consumed_ = 0;
    }
    return static_cast<int>(taken);
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static const BIO_METHOD* method() {
    static BIO_METHOD* const kMethod = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "leadline bytes");
      BIO_meth_set_write(made, write);
      BIO_meth_set_read(made, read);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    return kMethod;
  }
};

TlsEngine::TlsEngine(ssl_ctx_st* context) : context_(context) {}

void TlsEngine::begin() {
  ssl_ = SSL_new(context_);
  assert(ssl_ != nullptr);
  BIO* bio = BIO_new(Bytes::method());
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_accept_state(ssl_);
}

TlsEngine::TlsEngine(ssl_ctx_st* context, const std::string& server) : context_(context) {
  begin();
  SSL_set_connect_state(ssl_);
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), server.c_str()) == 1) return;
  ERR_clear_error();
  SSL_set_hostflags(ssl_, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  std::string name = server;
  const bool named = SSL_set1_host(ssl_, name.c_str()) == 1 &&
                     SSL_ctrl(ssl_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                              name.data()) == 1;  // the macro for it has a C cast
  assert(named);
}

TlsEngine::~TlsEngine() {
  SSL_free(ssl_);
}

TlsEngine::Step TlsEngine::step_after(int result) {
  const int error = SSL_get_error(ssl_, result);
  if (error == SSL_ERROR_WANT_READ) {
    ERR_clear_error();
    return Step::kWantsInput;
  }
  const long verified = SSL_get_verify_result(ssl_);
  problem_ = verified == X509_V_OK ? openssl_error() : X509_verify_cert_error_string(verified);
  ERR_clear_error();
  return error == SSL_ERROR_ZERO_RETURN ? Step::kClosed : Step::kFailed;
}

TlsEngine::Step TlsEngine::handshake() {
  if (ssl_ == nullptr) begin();
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  return result == 1 ? Step::kDone : step_after(result);
}

TlsEngine::Read TlsEngine::read(char* into, std::size_t size) {
  ERR_clear_error();
  std::size_t got = 0;
  const int result = SSL_read_ex(ssl_, into, size, &got);
  if (result == 1) return {Step::kDone, got};
  return {step_after(result), 0};
}

TlsEngine::Step TlsEngine::write(std::string_view bytes) {
  if (bytes.empty()) return Step::kDone;
  ERR_clear_error();
  std::size_t written = 0;
  const int result = SSL_write_ex(ssl_, bytes.data(), bytes.size(), &written);
  return result == 1 ? Step::kDone : step_after(result);
}

void TlsEngine::close() {
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

std::shared_ptr<const ClientCertificates> TlsEngine::client_certificates() const {
  const auto der_of = [](const X509* certificate) {
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(certificate, &bytes);
    std::string der;
    if (size > 0) der.assign(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
    return der;
  };
  const X509* own = SSL_get0_peer_certificate(ssl_);
  if (own == nullptr) return nullptr;
  auto shown = std::make_shared<ClientCertificates>();
  shown->der.push_back(der_of(own));
  const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl_);  // a server's: without its own
  for (int i = 0; i < sk_X509_num(chain); ++i)
    shown->der.push_back(der_of(sk_X509_value(chain, i)));
  return shown;
}

}  // namespace leadline
