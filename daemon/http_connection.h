// HttpConnection is one keep-alive client connection to one endpoint: the sidecar has one to its
// engine, the adapter one to each sidecar (10,000 of them, hence small). It connects when first
// asked, and again by itself after any failure. One request is in flight at a time.
//
// Thread-safety: the loop's thread only. Destroying it closes the connection; a pending callback is
// then never called. Nothing is retried but a request that met a keep-alive connection which the
// peer had already closed: that one goes out again, once, on a fresh connection (RFC 9112 §9.3.1).

#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "daemon/http.h"
#include "daemon/http_url.h"

namespace leadline {

class EventLoop;

struct HttpGet {
  std::string target;  // raw; empty: the endpoint's path
  std::vector<HttpHeader> headers;
  std::size_t body_limit = 16 * 1024 * 1024;
  std::chrono::milliseconds timeout{
      4'000};  // from get() to the body's last byte, connecting included
};

struct HttpAnswer {
  int status = 0;
  std::string content_type;
  std::vector<HttpHeader> headers;
  std::string body;
  SteadyTime sent_at;      // the request was fully written
  SteadyTime received_at;  // the body was complete
};

// What a caller may treat differently: a refused connection means that nobody is there, a timeout
// that somebody is busy.
enum class HttpFailure {
  kRefused,      // nobody listens there
  kTimeout,      // no complete answer within HttpGet::timeout
  kReset,        // the peer closed or reset the connection in the middle
  kTooLarge,     // the body is over HttpGet::body_limit; the rest was not read
  kBadAnswer,    // not HTTP/1.x, or a coding that we did not ask for
  kUnreachable,  // the name does not resolve, or no route leads there
};

// "refused", "timeout" …: the value of a log line's `code=` and of a self metric's label.
[[nodiscard]] const char* failure_name(HttpFailure failure);

struct HttpError {
  HttpFailure failure;
  Error error;  // kUnavailable, or kBadInput for kTooLarge and kBadAnswer; its text names the
                // endpoint
};

using HttpResult = tl::expected<HttpAnswer, HttpError>;

class HttpConnection {
 public:
  HttpConnection(EventLoop& loop, HttpUrl endpoint);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // Calls `done` later, exactly once. REQUIRES: no request in flight; `done` itself may ask again,
  // or destroy the connection.
  void get(HttpGet request, std::function<void(HttpResult)> done);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace leadline
