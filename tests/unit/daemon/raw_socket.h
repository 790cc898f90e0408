// RawSocket is a client or an accepted connection made of bytes, for tests that say what no decent
// HTTP library would. Every wait ends after ten seconds, so that a broken server fails a test, not
// hangs it.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace leadline::test {

class RawSocket {
 public:
  explicit RawSocket(int descriptor = -1);
  ~RawSocket();
  RawSocket(RawSocket&& other) noexcept;
  RawSocket& operator=(RawSocket&& other) noexcept;

  // Connects to 127.0.0.1, from that address or from another one of loopback.
  static RawSocket connect(std::uint16_t port, const char* from = "127.0.0.1");

  void send(std::string_view bytes);
  // Reads until `count` bytes came, the peer closed or ten seconds passed.
  std::string read(std::size_t count);
  // Reads until what came contains `mark` (it stops right behind it), or as above.
  std::string read_until(std::string_view mark);
  // Reads until the peer closes. A reset counts as a close.
  std::string read_to_end();
  // One whole answer with a Content-Length: its head and body.
  std::string read_answer();
  // Whether the peer has closed, after waiting for it.
  bool wait_for_close() { return read_to_end().empty() && ended_; }
  [[nodiscard]] bool ended() const { return ended_; }

  void shut_sending();
  void reset();  // closes with RST
  void close();

 private:
  int descriptor_;
  bool ended_ = false;
};

// Listens on a free port of 127.0.0.1.
class RawListener {
 public:
  RawListener();
  ~RawListener();
  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  RawSocket accept();
  void close();

 private:
  int descriptor_;
  std::uint16_t port_ = 0;
};

// "HTTP/1.1 404 Not Found..." -> 404; 0 where there is no answer.
int status_of(std::string_view answer);
std::string body_of(std::string_view answer);

}  // namespace leadline::test
