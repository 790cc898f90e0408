// TlsClient speaks TLS over a socket of its own, blocking; it trusts what the test tells it.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/tls_key_pair.h"

namespace leadline::test {

struct TlsClientOptions {
  std::string trusted_pem;         // the only root
  std::string host = "localhost";  // must be in the certificate
  int max_version = 0;             // 0: whatever OpenSSL has; else TLS1_1_VERSION …
  std::string alpn;                // "h2", "http/1.1": offered protocols' wire form
  KeyPair own;                     // shown where the server asks for one; PEM, then its chain
  std::function<void()> believes;  // called before the client's last step of the handshake
};

class TlsClient {
 public:
  // Throws std::runtime_error where the handshake fails.
  TlsClient(std::uint16_t port, const TlsClientOptions& options);
  ~TlsClient();

  bool send(std::string_view bytes);  // false: the connection is closed
  std::string read_answer();          // with a Content-Length
  // Whether the peer ended with a close_notify.
  bool wait_for_close();
  [[nodiscard]] std::string version() const;
  [[nodiscard]] bool alpn_chosen() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace leadline::test
