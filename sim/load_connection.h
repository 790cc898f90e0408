// LoadConnection is one streaming request of the load generator on a socket of its own, without
// blocking and without a thread: a poll loop calls advance() whenever the socket is ready.
//
// Not synchronised: belongs to LoadRunner's loop. A connection serves one request, as an idle one
// would cost the engine's server more than a new one does.

#pragma once

#include <memory>
#include <optional>
#include <string>

#include <netinet/in.h>

#include "base/result.h"
#include "sim/http_stream.h"
#include "sim/load_plan.h"
#include "sim/sse_reader.h"

namespace leadline {

// Where requests go.
struct LoadEndpoint {
  std::string url;
  std::string authority;  // "127.0.0.1:8000"
  std::string path;       // "/v1/completions" behind the URL's own path
  sockaddr_storage address{};
  socklen_t address_length = 0;
};

// `http://HOST[:PORT][/PATH]`; a name is resolved now, once. kBadConfig.
[[nodiscard]] Result<LoadEndpoint> resolve_endpoint(const std::string& url);

// The whole HTTP request: a prompt of as many token ids as the trace says, streamed, with usage.
[[nodiscard]] std::string completion_request(const LoadEndpoint& endpoint, const std::string& model,
                                             const Arrival& arrival);

// What one advance() brought.
struct StreamNews {
  int tokens = 0;
  bool ended = false;     // nothing more will come
  bool complete = false;  // ended, and the answer was whole
};

class LoadConnection {
 public:
  // Begins to connect. kUnavailable: refused at once, or out of sockets.
  [[nodiscard]] static Result<std::unique_ptr<LoadConnection>> open(const LoadEndpoint& endpoint,
                                                                    std::string request);
  ~LoadConnection();
  LoadConnection(const LoadConnection&) = delete;
  LoadConnection& operator=(const LoadConnection&) = delete;

  StreamNews advance();

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool wants_write() const { return written_ < request_.size(); }
  [[nodiscard]] bool answered() const { return reader_.status().has_value(); }
  [[nodiscard]] int status() const { return reader_.status().value_or(0); }
  [[nodiscard]] const std::optional<StreamUsage>& usage() const { return events_.usage(); }

 private:
  LoadConnection(int fd, std::string request) : fd_(fd), request_(std::move(request)) {}
  bool flush();

  int fd_;
  std::string request_;
  std::size_t written_ = 0;
  HttpStreamReader reader_;
  SseReader events_;
};

}  // namespace leadline
