#include "daemon/tls_transport.h"

#include <cstring>
#include <utility>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "daemon/self_signed.h"
#include "daemon/server_transport.h"

namespace leadline {

namespace ssl = net::asio::ssl;
using net::error_code;
using net::kAwait;
using net::Task;

namespace {

// Bodies up to this are copied behind the head, so that both leave in one TLS record.
constexpr std::size_t kJoined = 16 * 1024;

class TlsStream final : public ServerStream {
 public:
  TlsStream(net::Socket socket, std::shared_ptr<ssl::context> context)
      : context_(std::move(context)), stream_(std::move(socket), *context_) {}

  Task<error_code> handshake() override {
    auto [error] = co_await stream_.async_handshake(ssl::stream_base::server, kAwait);
    co_return error;
  }

  Task<Read> read_some(net::asio::mutable_buffer into) override {
    auto [error, size] = co_await stream_.async_read_some(into, kAwait);
    co_return Read{error, size};
  }

  Task<error_code> write(std::string& head, net::asio::const_buffer body) override {
    const bool joined = body.size() <= kJoined;
    if (joined) head.append(static_cast<const char*>(body.data()), body.size());
    auto [error, size] = co_await net::asio::async_write(stream_, net::asio::buffer(head), kAwait);
    if (error || joined) co_return error;
    auto [failed, rest] = co_await net::asio::async_write(stream_, body, kAwait);
    co_return failed;
  }

  // Sends our close_notify and does not wait for the peer's: the server's linger reads what still
  // comes.
  Task<error_code> shutdown() override {
    SSL_set_quiet_shutdown(stream_.native_handle(), 0);
    SSL_set_shutdown(stream_.native_handle(), SSL_RECEIVED_SHUTDOWN);
    auto [error] = co_await stream_.async_shutdown(kAwait);
    error_code ignored;
    socket().shutdown(net::Socket::shutdown_send, ignored);
    co_return error;
  }

  net::Socket& socket() override { return stream_.next_layer(); }

 private:
  std::shared_ptr<ssl::context> context_;
  ssl::stream<net::Socket> stream_;
};

class TlsTransport final : public ServerTransport {
 public:
  TlsTransport(std::shared_ptr<ssl::context> context, std::string pem)
      : context_(std::move(context)), pem_(std::move(pem)) {}

  std::unique_ptr<ServerStream> wrap(net::Socket socket) override {
    return std::make_unique<TlsStream>(std::move(socket), context_);
  }

  [[nodiscard]] std::string certificate_pem() const override { return pem_; }

 private:
  std::shared_ptr<ssl::context> context_;
  std::string pem_;
};

std::shared_ptr<ssl::context> new_context() {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* raw = context->native_handle();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);  // an idle connection keeps 34 KB less
  return context;
}

std::string first_certificate(ssl::context& context) {
  X509* certificate = SSL_CTX_get0_certificate(context.native_handle());
  BIO* bytes = BIO_new(BIO_s_mem());
  std::string pem;
  if (bytes != nullptr && PEM_write_bio_X509(bytes, certificate) == 1) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bytes, &data);
    pem.assign(data, static_cast<std::size_t>(size));
  }
  BIO_free_all(bytes);
  return pem;
}

tl::unexpected<Error> refuse(std::string_view what, const error_code& error) {
  return fail(Errc::kBadConfig, "{}: {}", what, error.message());
}

Result<std::shared_ptr<ServerTransport>> finished(const std::shared_ptr<ssl::context>& context) {
  return std::make_shared<TlsTransport>(context, first_certificate(*context));
}

}  // namespace

Result<std::shared_ptr<ServerTransport>> tls_transport(const TlsFiles& files) {
  auto context = new_context();
  error_code error;
  context->use_certificate_chain_file(files.certificate_file, error);
  if (error) return refuse("certificate " + files.certificate_file, error);
  // Also checks that it belongs to the certificate.
  context->use_private_key_file(files.key_file, ssl::context::pem, error);
  if (error) return refuse("key " + files.key_file, error);
  return finished(context);
}

Result<std::shared_ptr<ServerTransport>> self_signed_tls_transport(
    const std::vector<std::string>& names) {
  const auto pair = self_signed(names, system_now().wall);
  if (!pair) return fail(pair.error());
  auto context = new_context();
  error_code error;
  context->use_certificate_chain(net::asio::buffer(pair->certificate_pem), error);
  if (!error) {
    context->use_private_key(net::asio::buffer(pair->key_pem), ssl::context::pem, error);
  }
  if (error) return refuse("self-signed certificate", error);
  return finished(context);
}

std::string certificate_pem(const ServerTransport& transport) {
  return transport.certificate_pem();
}

}  // namespace leadline
