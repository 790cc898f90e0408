// What a hostile or broken client may say, byte by byte. Each refusal closes the connection, since
// nobody can know where the next request begins.

#include <fmt/format.h>

#include "tests/unit/daemon/server_fixture.h"

namespace leadline::test {

namespace {

class HttpServerParsingTest : public ServerFixture {
 protected:
  // The bytes are refused with `want`, and no handler sees anything of them.
  void refused(std::string_view bytes, int want) {
    SCOPED_TRACE(std::string(bytes.substr(0, 120)));
    const int before = handled_;
    const std::string answer = talk(bytes);
    EXPECT_EQ(status_of(answer), want);
    EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
    EXPECT_EQ(handled_, before);
  }

  // The bytes are one request; the handler sees its body.
  void taken(std::string_view bytes, std::string_view want) {
    SCOPED_TRACE(std::string(bytes.substr(0, 120)));
    RawSocket socket = connect();
    socket.send(bytes);
    const std::string answer = socket.read_answer();
    EXPECT_EQ(status_of(answer), 200);
    EXPECT_EQ(body_of(answer), want);
  }
};

const std::string kPost = "POST /echo HTTP/1.1\r\nHost: a\r\n";

TEST_F(HttpServerParsingTest, RefusesAmbiguousFraming) {
  start();
  refused(kPost + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
  refused(kPost + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400);
  refused(kPost + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400);
  refused(kPost + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400);
  refused(kPost + "Content-Length: 3, 4\r\n\r\nabcd", 400);
  refused(kPost + "Content-Length: -1\r\n\r\n", 400);
  refused(kPost + "Content-Length: +3\r\n\r\nabc", 400);
  refused(kPost + "Content-Length: 0x3\r\n\r\nabc", 400);
  refused(kPost + "Content-Length: 99999999999999999999\r\n\r\n", 400);
  refused(kPost + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501);
  refused(kPost + "Transfer-Encoding: identity\r\n\r\n", 501);
  refused(kPost + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501);
  refused(kPost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
  refused("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
}

TEST_F(HttpServerParsingTest, RefusesMalformedHeaders) {
  start();
  refused("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n", 400);
  refused("GET / HTTP/1.1\r\nHost: a\r\nX:\r\n folded\r\n\r\n", 400);
  refused("GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n", 400);
  refused("GET / HTTP/1.1\r\nHost: a\r\n X: 1\r\n\r\n", 400);
  refused("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400);
  refused("GET / HTTP/1.1\r\nHost: a\r\nX: a" + std::string(1, '\0') + "b\r\n\r\n", 400);
  refused("GET / HTTP/1.1\nHost: a\n\n", 505);
  refused("GET / HTTP/1.1\r\n\r\n", 400);
  refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400);
  refused("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505);
  refused("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  refused("GET / HTTP/1.1\r\nHost: a\r\nExpect: a miracle\r\n\r\n", 417);
  refused("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello to a plain port\r\n\r\n", 400);
}

TEST_F(HttpServerParsingTest, TakesEveryProperFraming) {
  start();
  taken(kPost + "Content-Length: 3\r\n\r\nabc", "abc");
  taken(kPost + "Content-Length: 0\r\n\r\n", "");
  taken(kPost + "transfer-encoding: Chunked\r\n\r\n1\r\na\r\n2;x=1\r\nbc\r\n0\r\n\r\n", "abc");
  taken(kPost + "Content-Length: 3\r\nX: \t spaced \t\r\n\r\nabc", "abc");
}

TEST_F(HttpServerParsingTest, ATrailerIsNoHeader) {
  start();
  taken(kPost + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Remote-User: admin\r\n\r\n",
        "a");
  EXPECT_TRUE(thread_.call([this] { return last_.values_of("X-Remote-User").empty(); }));
}

TEST_F(HttpServerParsingTest, TakesARequestByteByByte) {
  start();
  RawSocket socket = connect();
  const std::string request = kPost + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n" +
                              kPost + "Content-Length: 2\r\n\r\nhi";
  for (const char byte : request) socket.send(std::string_view(&byte, 1));
  EXPECT_EQ(body_of(socket.read_answer()), "a");
  EXPECT_EQ(body_of(socket.read_answer()), "hi");
}

TEST_F(HttpServerParsingTest, RefusesAnOversizeHeaderHoweverItComes) {
  start({.header_bytes = 4096, .header_lines = 10});
  refused("GET /" + std::string(5000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 431);
  refused("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(5000, 'a'), 431);
  std::string lines = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 11; ++i) lines += fmt::format("X-{}: 1\r\n", i);
  refused(lines + "\r\n", 431);

  // Line by line Beast would take headers for ever: each is complete when the next one comes.
  RawSocket socket = connect();
  socket.send("GET / HTTP/1.1\r\nHost: a\r\n");
  for (int i = 0; i < 9; ++i) socket.send("X: " + std::string(600, 'a') + "\r\n");
  EXPECT_EQ(status_of(socket.read_to_end()), 431);
}

TEST_F(HttpServerParsingTest, TakesAHeaderUpToTheLimit) {
  start({.header_bytes = 1024 * 1024});
  taken("GET /hello HTTP/1.1\r\nHost: a\r\nX: " + std::string(1'000'000, 'a') + "\r\n\r\n",
        "hello");
}

TEST_F(HttpServerParsingTest, RefusesAnOversizeBodyBeforeReadingIt) {
  start({.body_bytes = 10});
  refused(kPost + "Content-Length: 11\r\nExpect: 100-continue\r\n\r\n", 413);
  refused(kPost + "Transfer-Encoding: chunked\r\n\r\nb\r\n", 413);
  refused(kPost + "Transfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n6\r\n123456\r\n0\r\n\r\n", 413);
  refused(kPost + "Content-Length: 1000000\r\n\r\n" + std::string(1'000'000, 'x'), 413);
  taken(kPost + "Content-Length: 10\r\n\r\n1234567890", "1234567890");
}

TEST_F(HttpServerParsingTest, RefusesAChunkHeaderOrTrailerWithoutEnd) {
  start();
  const std::string chunked = kPost + "Transfer-Encoding: chunked\r\n\r\n";
  refused(chunked + "1;" + std::string(70'000, 'x'), 400);
  refused(chunked + "0\r\nX: " + std::string(70'000, 'x'), 400);
  refused(chunked + "-2\r\nxx\r\n0\r\n\r\n", 400);
  refused(chunked + "zz\r\n", 400);
}

TEST_F(HttpServerParsingTest, CountsWhatItRefuses) {
  start();
  refused("nonsense\r\n\r\n", 400);
  EXPECT_EQ(server_->stats().bad_requests, 1u);
  EXPECT_EQ(server_->stats().requests, 0u);
  taken(kHello, "hello");
}

}  // namespace

}  // namespace leadline::test
