#include "tests/unit/daemon/raw_socket.h"

#include <array>
#include <charconv>
#include <stdexcept>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace leadline::test {

namespace {

constexpr int kPatience = 10'000;  // ms

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

template <typename Call>
void require(Call result, const char* what) {
  if (result < 0) throw std::runtime_error(what);
}

bool readable(int descriptor) {
  pollfd entry{.fd = descriptor, .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, kPatience) > 0;
}

}  // namespace

RawSocket::RawSocket(int descriptor) : descriptor_(descriptor) {
  if (descriptor < 0) return;
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

RawSocket::~RawSocket() {
  close();
}

RawSocket::RawSocket(RawSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), ended_(other.ended_) {}

RawSocket& RawSocket::operator=(RawSocket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(ended_, other.ended_);
  return *this;
}

RawSocket RawSocket::connect(std::uint16_t port, const char* from) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  require(descriptor, "socket");
  sockaddr_in own = loopback(0);
  inet_pton(AF_INET, from, &own.sin_addr);
  require(::bind(descriptor, reinterpret_cast<const sockaddr*>(&own), sizeof own), "bind");
  const sockaddr_in address = loopback(port);
  require(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address),
          "connect");
  return RawSocket(descriptor);
}

void RawSocket::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the test looks at what it can read
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string RawSocket::read(std::size_t count) {
  std::string got;
  std::array<char, 65536> buffer;
  while (got.size() < count && readable(descriptor_)) {
    const auto size =
        ::recv(descriptor_, buffer.data(), std::min(buffer.size(), count - got.size()), 0);
    if (size <= 0) {
      ended_ = true;
      break;
    }
    got.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return got;
}

std::string RawSocket::read_until(std::string_view mark) {
  std::string got;
  while (got.find(mark) == std::string::npos) {
    const std::string next = read(1);
    if (next.empty()) break;
    got += next;
  }
  return got;
}

std::string RawSocket::read_to_end() {
  return read(std::string::npos);
}

std::string RawSocket::read_answer() {
  std::string answer = read_until("\r\n\r\n");
  constexpr std::string_view kLength = "Content-Length: ";
  const auto found = answer.find(kLength);
  if (found == std::string::npos) return answer;
  std::size_t length = 0;
  const char* digits = answer.data() + found + kLength.size();
  std::from_chars(digits, answer.data() + answer.size(), length);
  return answer + read(length);
}

void RawSocket::shut_sending() {
  ::shutdown(descriptor_, SHUT_WR);
}

void RawSocket::reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

void RawSocket::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

RawListener::RawListener() : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  require(descriptor_, "socket");
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  require(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), size), "bind");
  require(::listen(descriptor_, 16), "listen");
  require(::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  port_ = ntohs(address.sin_port);
}

RawListener::~RawListener() {
  close();
}

RawSocket RawListener::accept() {
  if (!readable(descriptor_)) throw std::runtime_error("nobody connected");
  return RawSocket(::accept(descriptor_, nullptr, nullptr));
}

void RawListener::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

int status_of(std::string_view answer) {
  int status = 0;
  if (answer.size() > 12) std::from_chars(answer.data() + 9, answer.data() + 12, status);
  return status;
}

std::string body_of(std::string_view answer) {
  const auto end = answer.find("\r\n\r\n");
  return end == std::string_view::npos ? "" : std::string(answer.substr(end + 4));
}

}  // namespace leadline::test
