// EngineClient is the sidecar's seam to the engine's HTTP: one GET at a time, one keep-alive
// connection, so that the engine never has to serve two of ours at once. HttpEngineClient is the
// real one. The loop's thread only.

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "daemon/http_connection.h"
#include "daemon/http_url.h"

namespace leadline {

// A larger page is a mistake of the engine's (22 MB were seen: one label repeated a configuration).
inline constexpr std::size_t kPageLimit = 16 * 1024 * 1024;

class EngineClient {
 public:
  virtual ~EngineClient() = default;

  // GETs `url`; `done` is called later, exactly once. REQUIRES: no GET in flight.
  // `bearer`: sent as Authorization, unless empty.
  virtual void get(const HttpUrl& url, const std::string& bearer,
                   std::function<void(HttpResult)> done) = 0;
};

class HttpEngineClient final : public EngineClient {
 public:
  explicit HttpEngineClient(EventLoop& loop) : loop_(loop) {}

  void get(const HttpUrl& url, const std::string& bearer,
           std::function<void(HttpResult)> done) override;

 private:
  EventLoop& loop_;
  std::string connected_to_;  // authority
  std::unique_ptr<HttpConnection> connection_;
};

}  // namespace leadline
