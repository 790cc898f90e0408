// ApiCaller speaks HTTP/1.1 to the adapter's API over TLS byte by byte, so that paths, queries and
// headers arrive exactly as a test wrote them. Blocking; one thread.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/http.h"
#include "tests/unit/daemon/tls_client.h"

namespace leadline::test {

struct ApiCall {
  std::string path;                 // raw, with its query
  std::vector<HttpHeader> headers;  // beside Host and the token
  std::string method = "GET";
  std::string body;
  bool with_token = true;
};

struct ApiReply {
  int status = 0;  // 0: nothing came
  std::vector<HttpHeader> headers;
  std::string body;

  [[nodiscard]] std::string header(std::string_view name) const {
    return std::string(first_header(headers, name));
  }
  // Discarded (is_discarded()) where the body is no JSON.
  [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
};

[[nodiscard]] ApiReply parse_reply(std::string_view raw);

// Where the API is, and who asks.
struct ApiAddress {
  std::uint16_t port = 0;
  std::string certificate_pem, token;
  std::string host = "localhost";  // as its certificate must say
  KeyPair own;                     // the client certificate of who asks
};

// A connection that stays open over several calls.
class ApiCaller {
 public:
  // Throws std::runtime_error where nobody listens.
  explicit ApiCaller(ApiAddress address);

  ApiReply call(const ApiCall& call) { return exchange(call, "keep-alive"); }
  // The connection is over afterwards.
  ApiReply last_call(const ApiCall& call) { return exchange(call, "close"); }
  // Whether the server has closed it; waits for ten seconds at most.
  bool wait_for_end();

 private:
  ApiReply exchange(const ApiCall& call, std::string_view connection);

  ApiAddress address_;
  TlsClient client_;
};

}  // namespace leadline::test
