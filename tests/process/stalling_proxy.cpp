#include "tests/process/stalling_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "base/clock.h"

namespace leadline {
namespace {

constexpr std::chrono::milliseconds kTurn{50};  // of every wait here
constexpr std::string_view kEndOfHead = "\r\n\r\n";

sockaddr_in address_at(const std::string& address, int port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, address.c_str(), &at.sin_addr);
  return at;
}

// The sockets API knows every kind of address by this one type.
const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

int dial(const std::string& address, int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return -1;
  const sockaddr_in at = address_at(address, port);
  if (::connect(socket, generic(at), sizeof at) == 0) return socket;
  ::close(socket);
  return -1;
}

bool readable(int socket, const std::atomic<bool>& running) {
  pollfd waiting{.fd = socket, .events = POLLIN, .revents = 0};
  while (running) {
    if (::poll(&waiting, 1, static_cast<int>(kTurn.count())) > 0) return true;
  }
  return false;
}

// Reads until the head of a message is whole; what follows it stays in the text. Empty: it ended.
std::string read_head(int socket, const std::atomic<bool>& running) {
  std::string text;
  char buffer[16384];
  while (text.find(kEndOfHead) == std::string::npos) {
    if (!readable(socket, running)) return {};
    const ssize_t got = ::recv(socket, buffer, sizeof buffer, 0);
    if (got <= 0) return {};
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

bool send_all(int socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::size_t body_length(const std::string& head) {
  constexpr std::string_view kName = "Content-Length: ";
  const auto at = head.find(kName);
  std::size_t length = 0;
  if (at != std::string::npos) {
    std::from_chars(head.data() + at + kName.size(), head.data() + head.size(), length);
  }
  return length;
}

}  // namespace

StallingProxy::StallingProxy(const std::string& address, const std::string& upstream, int port)
    : upstream_(upstream), port_(port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const sockaddr_in at = address_at(address, port);
  if (::bind(listener_, generic(at), sizeof at) != 0 || ::listen(listener_, 16) != 0) {
    throw std::runtime_error("the proxy cannot listen at " + address);
  }
  accepting_ = std::thread([this] { accept_all(); });
}

StallingProxy::~StallingProxy() {
  running_ = false;
  accepting_.join();
  for (std::thread& connection : connections_) connection.join();
  ::close(listener_);
}

void StallingProxy::accept_all() {
  while (readable(listener_, running_)) {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) connections_.emplace_back([this, client] { serve(client); });
  }
}

// One request, one answer, as HTTP/1.1 without pipelining goes; requests here have no body.
void StallingProxy::serve(int client) {
  const int server = dial(upstream_, port_);
  while (server >= 0) {
    const std::string request = read_head(client, running_);
    if (request.empty() || !send_all(server, request) || !pass_answer(server, client)) break;
  }
  if (server >= 0) ::close(server);
  ::close(client);
}

bool StallingProxy::pass_answer(int from, int to) {
  std::string text = read_head(from, running_);
  if (text.empty()) return false;
  const auto end = text.find(kEndOfHead) + kEndOfHead.size();
  std::string body = text.substr(end);
  text.resize(end);
  if (!send_all(to, text)) return false;
  std::size_t missing = body_length(text) - std::min(body.size(), body_length(text));
  while (missing > 0) {
    char buffer[16384];
    if (!readable(from, running_)) return false;
    const ssize_t got = ::recv(from, buffer, std::min(sizeof buffer, missing), 0);
    if (got <= 0) return false;
    body.append(buffer, static_cast<std::size_t>(got));
    missing -= static_cast<std::size_t>(got);
  }
  if (!body.empty()) hold_back();
  return send_all(to, body);
}

void StallingProxy::hold_back() {
  const std::chrono::milliseconds delay(stall_ms_.load());
  if (delay.count() > 0) ++stalled_;
  const SteadyTime until = system_now().steady + delay;
  while (running_ && system_now().steady < until) std::this_thread::sleep_for(kTurn);
}

}  // namespace leadline
