#include "tests/unit/daemon/tls_client.h"

#include <array>
#include <charconv>
#include <csignal>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace leadline::test {

namespace {

int verify_and_tell(X509_STORE_CTX* chain, void* believes) {
  const int good = X509_verify_cert(chain);
  if (good == 1) (*static_cast<const std::function<void()>*>(believes))();
  return good;
}

}  // namespace

struct TlsClient::State {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* ssl = nullptr;
  int socket = -1;

  ~State() {
    SSL_free(ssl);
    SSL_CTX_free(context);
    if (socket >= 0) ::close(socket);
  }

  void trust(const std::string& pem) const {
    BIO* bytes = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    X509* certificate = PEM_read_bio_X509(bytes, nullptr, nullptr, nullptr);
    if (certificate != nullptr) X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
    X509_free(certificate);
    BIO_free(bytes);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  }

  void show(const KeyPair& own) const {
    if (own.certificate_pem.empty()) return;
    BIO* bytes = BIO_new_mem_buf(own.certificate_pem.data(), -1);
    X509* certificate = PEM_read_bio_X509(bytes, nullptr, nullptr, nullptr);
    SSL_CTX_use_certificate(context, certificate);
    X509_free(certificate);
    while ((certificate = PEM_read_bio_X509(bytes, nullptr, nullptr, nullptr)) != nullptr)
      SSL_CTX_add0_chain_cert(context, certificate);
    ERR_clear_error();
    BIO_free(bytes);
    bytes = BIO_new_mem_buf(own.key_pem.data(), -1);
    EVP_PKEY* key = PEM_read_bio_PrivateKey(bytes, nullptr, nullptr, nullptr);
    if (SSL_CTX_use_PrivateKey(context, key) != 1) throw std::runtime_error("the client's key");
    EVP_PKEY_free(key);
    BIO_free(bytes);
  }

  void connect(std::uint16_t port) {
    socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("connect");
    }
  }
};

TlsClient::TlsClient(std::uint16_t port, const TlsClientOptions& options)
    : state_(std::make_unique<State>()) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to a peer that may have closed
  state_->trust(options.trusted_pem);
  std::function<void()> believes = options.believes;
  if (believes) SSL_CTX_set_cert_verify_callback(state_->context, verify_and_tell, &believes);
  state_->show(options.own);
  SSL_CTX_set_security_level(state_->context,
                             0);  // so that it may offer what the server must refuse
  if (options.max_version != 0) SSL_CTX_set_max_proto_version(state_->context, options.max_version);
  state_->connect(port);
  state_->ssl = SSL_new(state_->context);
  SSL_set_fd(state_->ssl, state_->socket);
  // SSL_set_tlsext_host_name is a macro with a C cast in it.
  std::string name = options.host;
  SSL_ctrl(state_->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
  SSL_set1_host(state_->ssl, options.host.c_str());
  const auto* alpn = reinterpret_cast<const unsigned char*>(options.alpn.data());
  SSL_set_alpn_protos(state_->ssl, alpn, static_cast<unsigned>(options.alpn.size()));
  if (SSL_connect(state_->ssl) != 1) {
    const char* reason = ERR_reason_error_string(ERR_get_error());
    throw std::runtime_error(reason == nullptr ? "closed" : reason);
  }
}

TlsClient::~TlsClient() = default;

bool TlsClient::send(std::string_view bytes) {
  return SSL_write(state_->ssl, bytes.data(), static_cast<int>(bytes.size())) > 0;
}

std::string TlsClient::read_answer() {
  std::string answer;
  std::size_t want = 1;
  while (answer.size() < want) {
    std::array<char, 16384> buffer;
    const int size = SSL_read(state_->ssl, buffer.data(), buffer.size());
    if (size <= 0) return answer;
    answer.append(buffer.data(), static_cast<std::size_t>(size));
    const auto end = answer.find("\r\n\r\n");
    const auto length = answer.find("Content-Length: ");
    want = answer.size() + 1;
    if (end == std::string::npos || length == std::string::npos) continue;
    std::size_t body = 0;
    std::from_chars(answer.data() + length + 16, answer.data() + answer.size(), body);
    want = end + 4 + body;
  }
  return answer;
}

bool TlsClient::wait_for_close() {
  char byte = 0;
  const int size = SSL_read(state_->ssl, &byte, 1);
  return SSL_get_error(state_->ssl, size) == SSL_ERROR_ZERO_RETURN;
}

std::string TlsClient::version() const {
  return SSL_get_version(state_->ssl);
}

bool TlsClient::alpn_chosen() const {
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(state_->ssl, &chosen, &size);
  return size > 0;
}

}  // namespace leadline::test
