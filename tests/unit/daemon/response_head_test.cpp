#include "daemon/response_head.h"

#include <gtest/gtest.h>

namespace leadline {

namespace {

TEST(ResponseHeadTest, WritesStatusHeadersAndLength) {
  HttpResponse response = make_response(200, "text/plain", "four");
  response.headers.push_back({"Cache-Control", "no-cache, private"});
  EXPECT_EQ(response_head(response, "NOW", Connection::kKeepAlive),
            "HTTP/1.1 200 OK\r\nDate: NOW\r\nContent-Type: text/plain\r\n"
            "Cache-Control: no-cache, private\r\nContent-Length: 4\r\n\r\n");
}

TEST(ResponseHeadTest, ANullBodyIsEmptyAnd204HasNoLength) {
  EXPECT_EQ(
      response_head({.status = 404}, "NOW", Connection::kClose),
      "HTTP/1.1 404 Not Found\r\nDate: NOW\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(response_head({.status = 204}, "NOW", Connection::kKeepAliveSaid),
            "HTTP/1.1 204 No Content\r\nDate: NOW\r\nConnection: keep-alive\r\n\r\n");
}

TEST(ResponseHeadTest, AValueCannotStartAHeader) {
  HttpResponse response = make_response(200, "a\r\nX-Evil: 1", "");
  response.headers.push_back({"Audit-Id", "x\r\n\r\nHTTP/1.1 200 OK"});
  const std::string head = response_head(response, "NOW", Connection::kKeepAlive);
  EXPECT_NE(head.find("Content-Type: a  X-Evil: 1\r\n"), std::string::npos);
  EXPECT_NE(head.find("Audit-Id: x    HTTP/1.1 200 OK\r\n"), std::string::npos);
}

TEST(ResponseHeadTest, WritesDatesAsRfc9110Shows) {
  EXPECT_EQ(http_date(WallTime(std::chrono::seconds(784111777))), "Sun, 06 Nov 1994 08:49:37 GMT");
}

}  // namespace

}  // namespace leadline
