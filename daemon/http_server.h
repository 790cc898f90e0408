// HttpServer answers HTTP/1.1 on one port of one EventLoop, hardened for a hostile network: strict
// parsing (RFC 9112), limits on connections, parked requests, header and body, and a deadline on
// each thing it waits for. Both daemons listen with it and with nothing else.
//
// A handler answers at once or later. A later answer is a parked request: it costs a few kilobytes
// and no thread. TLS is another transport (daemon/tls_transport.h), so that the sidecar links no
// OpenSSL.
//
// Thread-safety: stats() and port() from any thread; everything else, handlers and Respond
// included, on the loop's thread.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "daemon/http.h"

namespace leadline {

class EventLoop;
class ServerTransport;

// Call it once, now or later, from the loop's thread. Further calls, and calls after the client
// went away or the answer timed out, do nothing; it may outlive the server.
using Respond = std::function<void(HttpResponse)>;

// The request lives until the handler returns. An exception becomes a 500 and is counted.
using HttpHandler = std::function<void(const HttpRequest&, Respond)>;

// What the server answers by itself: 400, 408, 413, 429, 431, 500, 504. `message` is a few words.
using HttpRefusal = std::function<HttpResponse(int status, std::string_view message)>;

struct HttpLimits {
  std::size_t connections = 256;         // one more is accepted and closed
  std::size_t peer_connections = 256;    // likewise, of one IP address
  std::size_t parked = 64;               // one more is answered 429
  std::size_t peer_parked = 64;          // likewise, of one IP address
  std::size_t header_bytes = 64 * 1024;  // request line and headers; more: 431
  std::size_t header_lines = 1000;       // a user in 500 groups sends 500 lines; more: 431
  std::size_t body_bytes = 64 * 1024;    // more: 413
  std::chrono::milliseconds header_timeout{
      10'000};  // handshake, and first to last byte of a request
  std::chrono::milliseconds idle_timeout{
      90'000};  // between two requests; Go's clients use 90 s too
  std::chrono::milliseconds write_timeout{10'000};    // the whole answer
  std::chrono::milliseconds handler_timeout{30'000};  // parked for longer: 504
};

// Counters since start, except the first two. Each becomes a self metric of the daemon.
struct HttpServerStats {
  std::uint64_t open_connections = 0;  // now
  std::uint64_t parked_requests = 0;   // now
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;        // over a limit of connections
  std::uint64_t accept_errors = 0;  // out of file descriptors, mostly
  std::uint64_t handshake_errors = 0;
  std::uint64_t requests = 0;  // complete and well formed
  std::uint64_t bad_requests =
      0;  // answered 4xx by the server itself: malformed, too large, too slow
  std::uint64_t parked_refused = 0;  // answered 429 by the server itself
  std::uint64_t handler_errors = 0;  // exceptions out of a handler
  std::uint64_t handler_timeouts = 0;
  std::uint64_t abandoned = 0;  // the client left before its parked request was answered
};

// Of a daemon's several servers, one.
struct HttpServerReport {
  std::string server;  // its label `server`; empty: the daemon has one, and no such label
  HttpServerStats stats;
};

class HttpServer {
 public:
  // `address` is numeric ("0.0.0.0", "::" for both families) or "localhost"; port 0 picks a free
  // one. A null transport is plain HTTP. kBadConfig: no such address; kUnavailable: it is taken.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> listen(
      EventLoop& loop, const std::string& address, std::uint16_t port, HttpHandler handler,
      HttpLimits limits = {}, std::shared_ptr<ServerTransport> transport = nullptr);

  // Closes everything at once; nobody is called any more.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;

  // How refusals are worded from now on; without it, one line of text/plain. The loop's thread, or
  // before it runs.
  void set_refusal(HttpRefusal refusal);

  // Stops accepting, closes idle connections, answers what is in flight with `Connection: close`;
  // what is still open after `grace` is closed. Then calls `done`, once. Call it at most once.
  void drain(std::chrono::milliseconds grace, std::function<void()> done);

  [[nodiscard]] HttpServerStats stats() const;

 private:
  class Core;
  class Session;
  struct Peer;
  explicit HttpServer(std::shared_ptr<Core> core);

  std::shared_ptr<Core> core_;
};

}  // namespace leadline
