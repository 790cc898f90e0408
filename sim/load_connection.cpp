#include "sim/load_connection.h"

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

namespace leadline {
namespace {

constexpr std::string_view kScheme = "http://";

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOTCONN;
}

}  // namespace

Result<LoadEndpoint> resolve_endpoint(const std::string& url) {
  if (url.rfind(kScheme, 0) != 0) return fail(Errc::kBadConfig, "{}: not an http:// URL", url);
  const std::string rest = url.substr(kScheme.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  LoadEndpoint endpoint;
  endpoint.url = url;
  endpoint.authority = rest.substr(0, slash);
  endpoint.path = rest.substr(slash);
  while (!endpoint.path.empty() && endpoint.path.back() == '/') endpoint.path.pop_back();
  endpoint.path += "/v1/completions";
  const std::size_t colon = endpoint.authority.rfind(':');
  const std::string host = endpoint.authority.substr(0, colon);
  const std::string port = colon == std::string::npos ? "80" : endpoint.authority.substr(colon + 1);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) return fail(Errc::kBadConfig, "{}: {}", url, gai_strerror(error));
  std::memcpy(&endpoint.address, found->ai_addr, found->ai_addrlen);
  endpoint.address_length = found->ai_addrlen;
  freeaddrinfo(found);
  return endpoint;
}

std::string completion_request(const LoadEndpoint& endpoint, const std::string& model,
                               const Arrival& arrival) {
  std::string ids = "1";
  for (int token = 1; token < arrival.prompt_tokens; ++token) ids += ",1";
  const std::string body =
      fmt::format(R"({{"model":{},"prompt":[{}],"max_tokens":{},"ignore_eos":true,"stream":true,)"
                  R"("stream_options":{{"include_usage":true}}}})",
                  nlohmann::json(model).dump(), ids, arrival.generation_tokens);
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n"
      "Accept: text/event-stream\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}",
      endpoint.path, endpoint.authority, body.size(), body);
}

Result<std::unique_ptr<LoadConnection>> LoadConnection::open(const LoadEndpoint& endpoint,
                                                             std::string request) {
  const int fd = socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(Errc::kUnavailable, "socket: errno {}", errno);
  std::unique_ptr<LoadConnection> connection(new LoadConnection(fd, std::move(request)));
  const int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  sockaddr_storage address = endpoint.address;
  const auto* any = reinterpret_cast<const sockaddr*>(&address);  // as the sockets API wants it
  if (connect(fd, any, endpoint.address_length) != 0 && errno != EINPROGRESS) {
    return fail(Errc::kUnavailable, "{}: cannot connect, errno {}", endpoint.url, errno);
  }
  return connection;
}

LoadConnection::~LoadConnection() {
  close(fd_);
}

StreamNews LoadConnection::advance() {
  StreamNews news;
  if (!flush()) {
    news.ended = true;
    return news;
  }
  char buffer[16384];
  while (!news.ended) {
    const ssize_t count = recv(fd_, buffer, sizeof buffer, 0);
    if (count < 0 && would_block()) return news;
    if (count <= 0) {
      news.ended = true;
      news.complete = count == 0 && reader_.complete_at_close();
      return news;
    }
    std::string body;
    const auto fed = reader_.feed({buffer, static_cast<std::size_t>(count)}, body);
    news.tokens += events_.feed(body);
    news.complete = fed.has_value() && reader_.done();
    news.ended = !fed.has_value() || reader_.done();
  }
  return news;
}

// Writes what the socket takes; false when the connection is no more.
bool LoadConnection::flush() {
  while (wants_write()) {
    const ssize_t count =
        send(fd_, request_.data() + written_, request_.size() - written_, MSG_NOSIGNAL);
    if (count < 0) return would_block();
    written_ += static_cast<std::size_t>(count);
  }
  return true;
}

}  // namespace leadline
