#include "sim/http_stream.h"

#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace leadline {
namespace {

// Feeds `text` in pieces of `size` bytes: "status body state".
std::string read_in_pieces(std::string_view text, std::size_t size) {
  HttpStreamReader reader;
  std::string body;
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, size);
    text.remove_prefix(piece.size());
    const auto fed = reader.feed(piece, body);
    if (!fed) return "error: " + fed.error().message;
  }
  return fmt::format("{} {} {}", reader.status().value_or(0), body,
                     reader.done()                ? "done"
                     : reader.complete_at_close() ? "until close"
                                                  : "more");
}

TEST(HttpStreamTest, AnswersAreReadWhateverThePieces) {
  const auto f = [](std::string_view text, std::string_view want) {
    SCOPED_TRACE(text);
    for (const std::size_t size : {1U, 2U, 3U, 7U, 1000U})
      EXPECT_EQ(read_in_pieces(text, size), want);
  };
  f("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 hello done");
  f("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "200 hel more");
  f("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "204  done");
  f("HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n, "
    "world!!!\r\n0\r\n\r\n",
    "200 hello, world!!! done");
  f("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "200 hello more");
  f("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: 1\r\n\r\n", "200  done");
  f("HTTP/1.0 503 Busy\r\n\r\nplain", "503 plain until close");
  f("", "0  more");
}

TEST(HttpStreamTest, WhatIsNoHttpIsAnError) {
  const auto f = [](std::string_view text, std::string_view want) {
    EXPECT_EQ(read_in_pieces(text, 1000), want);
  };
  f("hello\r\n", "error: HTTP answer: no status line");
  f("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "error: HTTP answer: no chunk size in \"zz\"");
  f(std::string(70'000, 'x'), "error: HTTP answer: a line over 65536 bytes");
}

}  // namespace
}  // namespace leadline
