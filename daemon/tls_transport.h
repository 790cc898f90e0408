// HTTPS for HttpServer: a transport from a certificate file, or from a certificate made in memory.
// The separate CMake target daemon_tls links OpenSSL; only the adapter links that.
//
// TLS 1.2 at least, no renegotiation, no ALPN (Go's clients then speak HTTP/1.1:
// contracts/kubernetes-metrics-api.md §6.1), no session resumption. Client certificates are asked
// for, not required, and not verified: see HttpRequest. The SSL context is taken anew per accept,
// behind a shared_ptr, so that reloading is a swap of that pointer.
//
// A handshake is 0.3 ms of arithmetic that any stranger may ask for. `handshakes` is a loop of
// another thread that does it, so that clients who are served wait for none. A step that is there
// goes back to the server's loop: stop both threads first, then destroy `handshakes` before the
// server's loop. nullptr: the server's own loop does it.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/tls_key_pair.h"

namespace leadline {

class EventLoop;
class ServerTransport;

struct TlsFiles {
  std::string certificate_file;  // PEM: the certificate, then its chain
  std::string key_file;          // PEM, not encrypted
};

// kBadConfig: a file is missing, is no PEM, or the key does not belong to the certificate.
[[nodiscard]] Result<std::shared_ptr<ServerTransport>> tls_transport(
    const TlsFiles& files, EventLoop* handshakes = nullptr);

// A fresh P-256 key and a certificate for `names` (DNS names and IP addresses; the first is its
// common name), valid for a year from an hour ago. REQUIRES: names is not empty.
[[nodiscard]] Result<std::shared_ptr<ServerTransport>> self_signed_tls_transport(
    const std::vector<std::string>& names, EventLoop* handshakes = nullptr);

// From the next handshake on `transport` shows this certificate; connections that are open stay.
// kBadConfig as tls_transport(), and then nothing has changed. REQUIRES: one of ours. Any thread.
[[nodiscard]] Result<void> replace_certificate(ServerTransport& transport, const TlsFiles& files);
[[nodiscard]] Result<void> replace_certificate(ServerTransport& transport, const KeyPair& pair);

// What a client must trust to believe `transport`, as PEM: the first certificate. A kubeconfig's
// certificate-authority-data is the base64 of it.
[[nodiscard]] std::string certificate_pem(const ServerTransport& transport);

}  // namespace leadline
