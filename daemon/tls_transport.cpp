#include "daemon/tls_transport.h"

#include <string_view>
#include <utility>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/write.hpp>

#include "base/shared_cell.h"
#include "daemon/server_transport.h"
#include "daemon/tls_engine.h"
#include "daemon/tls_key_pair.h"

namespace leadline {

namespace ssl = net::asio::ssl;
using net::error_code;
using net::kAwait;
using net::Task;

namespace {

constexpr std::size_t kRead = 4 * 1024;         // of what the peer sends: requests are small
constexpr std::size_t kWrite = 256 * 1024;      // encrypted at once; longer bodies go in parts
constexpr std::size_t kIdleBuffer = 16 * 1024;  // an idle connection keeps no more than this

class TlsStream final : public ServerStream {
 public:
  TlsStream(net::Socket socket, std::shared_ptr<ssl::context> context, EventLoop* handshakes)
      : socket_(std::move(socket)),
        context_(std::move(context)),
        handshakes_(handshakes),
        engine_(context_->native_handle()) {}

  // The client speaks first: who says nothing costs no more than a socket.
  Task<error_code> handshake() override {
    for (;;) {
      const error_code error = co_await receive();
      if (error) co_return error;
      const Step step = co_await handshake_step();
      if (!socket_.is_open()) co_return net::asio::error::operation_aborted;
      const error_code unsent = co_await flush();
      if (unsent) co_return unsent;
      if (step == Step::kDone) co_return error_code{};
      if (step != Step::kWantsInput) co_return failure();
    }
  }

  Task<Read> read_some(net::asio::mutable_buffer into) override {
    for (;;) {
      const auto [step, size] = engine_.read(static_cast<char*>(into.data()), into.size());
      const error_code unsent = co_await flush();  // OpenSSL may answer a key update
      if (unsent) co_return Read{unsent, 0};
      if (step == Step::kDone) co_return Read{{}, size};
      if (step == Step::kClosed) co_return Read{net::asio::error::eof, 0};
      if (step == Step::kFailed) co_return Read{failure(), 0};
      const error_code error = co_await receive();
      if (error) co_return Read{error, 0};
    }
  }

  Task<error_code> write(std::string& head, net::asio::const_buffer body) override {
    if (engine_.write(head) != Step::kDone) co_return failure();
    std::string_view rest(static_cast<const char*>(body.data()), body.size());
    do {
      const std::string_view part = rest.substr(0, kWrite);
      if (engine_.write(part) != Step::kDone) co_return failure();
      rest.remove_prefix(part.size());
      const error_code error = co_await flush();
      if (error) co_return error;
    } while (!rest.empty());
    co_return error_code{};
  }

  // Sends our close_notify and does not wait for the peer's: the server's linger reads what still
  // comes.
  Task<error_code> shutdown() override {
    engine_.close();
    const error_code error = co_await flush();
    error_code ignored;
    socket_.shutdown(net::Socket::shutdown_send, ignored);
    co_return error;
  }

  net::Socket& socket() override { return socket_; }

  [[nodiscard]] std::shared_ptr<const ClientCertificates> client_certificates() const override {
    return engine_.client_certificates();
  }

 private:
  using Step = TlsEngine::Step;

  static error_code failure() {
    return boost::system::errc::make_error_code(boost::system::errc::protocol_error);
  }

  // The engine is nobody else's until it is back: deadlines close the socket alone, so that whoever
  // awaits this looks whether it is still open.
  Task<Step> handshake_step() {
    if (handshakes_ == nullptr) co_return engine_.handshake();
    co_await continue_on(handshakes_->impl().executor());
    const Step step = engine_.handshake();
    co_await continue_on(socket_.get_executor());
    co_return step;
  }

  static Task<void> continue_on(net::Executor executor) {
    co_await net::asio::post(net::asio::bind_executor(executor, kAwait));
  }

  Task<error_code> flush() {
    if (engine_.output().empty()) co_return error_code{};
    auto [error, size] =
        co_await net::asio::async_write(socket_, net::asio::buffer(engine_.output()), kAwait);
    engine_.output().clear();
    if (engine_.output().capacity() > kIdleBuffer) std::string().swap(engine_.output());
    co_return error;
  }

  Task<error_code> receive() {
    std::string& input = engine_.input();
    const std::size_t had = input.size();
    input.resize(had + kRead);
    auto [error, size] = co_await socket_.async_read_some(
        net::asio::mutable_buffer(input.data() + had, kRead), kAwait);
    input.resize(had + size);
    co_return error;
  }

  net::Socket socket_;
  std::shared_ptr<ssl::context> context_;
  EventLoop* handshakes_;
  TlsEngine engine_;
};

// The context is taken anew per accept, so that a certificate is replaced by a swap.
class TlsTransport final : public ServerTransport {
 public:
  TlsTransport(std::shared_ptr<ssl::context> context, EventLoop* handshakes)
      : context_(std::move(context)), handshakes_(handshakes) {}

  std::unique_ptr<ServerStream> wrap(net::Socket socket) override {
    return std::make_unique<TlsStream>(std::move(socket), context_.load(), handshakes_);
  }

  void replace(std::shared_ptr<ssl::context> context) { context_.store(std::move(context)); }

  [[nodiscard]] std::string certificate_pem() const override {
    return first_certificate(*context_.load());
  }

 private:
  static std::string first_certificate(ssl::context& context);

  SharedCell<ssl::context> context_;
  EventLoop* handshakes_;
};

std::shared_ptr<ssl::context> new_context() {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* raw = context->native_handle();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);  // an idle connection keeps 34 KB less
  // Asked for and not required, and whatever is shown is let in: whom to believe is decided for
  // each request (kubelets' probes and token users show none). A resumed session would not show it
  // again.
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
  SSL_CTX_set_options(raw, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(raw, 0);  // TLS 1.3 would send two that lead nowhere
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  return context;
}

std::string TlsTransport::first_certificate(ssl::context& context) {
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

using Context = Result<std::shared_ptr<ssl::context>>;

Context context_of(const TlsFiles& files) {
  auto context = new_context();
  error_code error;
  context->use_certificate_chain_file(files.certificate_file, error);
  if (error) return refuse("certificate " + files.certificate_file, error);
  // Also checks that it belongs to the certificate.
  context->use_private_key_file(files.key_file, ssl::context::pem, error);
  if (error) return refuse("key " + files.key_file, error);
  return context;
}

Context context_of(const KeyPair& pair) {
  auto context = new_context();
  error_code error;
  context->use_certificate_chain(net::asio::buffer(pair.certificate_pem), error);
  if (error) return refuse("certificate", error);
  context->use_private_key(net::asio::buffer(pair.key_pem), ssl::context::pem, error);
  if (error) return refuse("key", error);
  return context;
}

Result<std::shared_ptr<ServerTransport>> transport_with(Context context, EventLoop* handshakes) {
  if (!context) return fail(context.error());
  return std::make_shared<TlsTransport>(std::move(*context), handshakes);
}

Result<void> replace_with(ServerTransport& transport, Context context) {
  if (!context) return fail(context.error());
  dynamic_cast<TlsTransport&>(transport).replace(std::move(*context));
  return {};
}

}  // namespace

Result<std::shared_ptr<ServerTransport>> tls_transport(const TlsFiles& files,
                                                       EventLoop* handshakes) {
  return transport_with(context_of(files), handshakes);
}

Result<std::shared_ptr<ServerTransport>> self_signed_tls_transport(
    const std::vector<std::string>& names, EventLoop* handshakes) {
  const auto pair = self_signed(names, system_now().wall);
  if (!pair) return fail(pair.error());
  return transport_with(context_of(*pair), handshakes);
}

Result<void> replace_certificate(ServerTransport& transport, const TlsFiles& files) {
  return replace_with(transport, context_of(files));
}

Result<void> replace_certificate(ServerTransport& transport, const KeyPair& pair) {
  return replace_with(transport, context_of(pair));
}

std::string certificate_pem(const ServerTransport& transport) {
  return transport.certificate_pem();
}

}  // namespace leadline
