// ServerTransport wraps an accepted socket: plain or TLS. Internal to daemon/ (it speaks Asio);
// users pass the shared_ptr from tls_transport() to HttpServer::listen and need not look inside.

#pragma once

#include <memory>
#include <string>

#include "daemon/asio_loop.h"
#include "daemon/client_certificates.h"

namespace leadline {

// One connection's bytes. Coroutines: the stream must outlive what it awaits. Deadlines are the
// server's: it closes socket() under a read or write that takes too long.
class ServerStream {
 public:
  virtual ~ServerStream() = default;

  virtual net::Task<net::error_code> handshake() = 0;

  struct Read {
    net::error_code error;
    std::size_t size = 0;
  };
  virtual net::Task<Read> read_some(net::asio::mutable_buffer into) = 0;

  // Writes both in as few packets as possible; may use `head` as scratch.
  virtual net::Task<net::error_code> write(std::string& head, net::asio::const_buffer body) = 0;

  // Says goodbye where the transport has a word for it, and closes the sending side.
  virtual net::Task<net::error_code> shutdown() = 0;

  virtual net::Socket& socket() = 0;

  // What the client showed in its handshake; nullptr for none, and for plain HTTP.
  [[nodiscard]] virtual std::shared_ptr<const ClientCertificates> client_certificates() const {
    return nullptr;
  }
};

class ServerTransport {
 public:
  virtual ~ServerTransport() = default;
  virtual std::unique_ptr<ServerStream> wrap(net::Socket socket) = 0;

  // What a client must trust, as PEM; empty for plain HTTP.
  [[nodiscard]] virtual std::string certificate_pem() const { return {}; }
};

}  // namespace leadline
