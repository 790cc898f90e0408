#include "daemon/http_server.h"

#include <fmt/format.h>

#include "tests/unit/daemon/server_fixture.h"

namespace leadline::test {

namespace {

using HttpServerTest = ServerFixture;

TEST_F(HttpServerTest, AnswersWithLengthTypeAndDate) {
  start();
  RawSocket socket = connect();
  socket.send("GET /hello?a=%20 HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nX-Two: 1\r\nx-two: 2\r\n\r\n");
  const std::string answer = socket.read_answer();
  EXPECT_EQ(answer.substr(0, 23), "HTTP/1.1 200 OK\r\nDate: ");
  EXPECT_NE(answer.find(" GMT\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"),
            std::string::npos);
  const HttpRequest seen = thread_.call([this] { return last_; });
  EXPECT_EQ(seen.method, "GET");
  EXPECT_EQ(seen.target, "/hello?a=%20");
  EXPECT_EQ(seen.values_of("X-TWO"), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(seen.values_of("x-empty"), (std::vector<std::string>{""}));
}

TEST_F(HttpServerTest, ServesTwoThousandRequestsOnOneConnection) {
  start();
  RawSocket socket = connect();
  for (int i = 0; i < 2'000; ++i) {
    socket.send(kHello);
    ASSERT_EQ(status_of(socket.read_answer()), 200) << i;
  }
  EXPECT_EQ(server_->stats().accepted, 1u);
  EXPECT_EQ(server_->stats().requests, 2'000u);
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  start();
  RawSocket socket = connect();
  socket.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none"
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\ntwo" +
      kHello);
  EXPECT_EQ(body_of(socket.read_answer()), "one");
  EXPECT_EQ(body_of(socket.read_answer()), "two");
  EXPECT_EQ(body_of(socket.read_answer()), "hello");
}

TEST_F(HttpServerTest, AnswersHeadWithLengthAndNoBody) {
  start();
  const std::string answer = talk("HEAD /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_NE(answer.find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_EQ(body_of(answer), "");
}

TEST_F(HttpServerTest, ClosesWhenTheClientAsksAndKeepsHttp10OnlyWhenItAsks) {
  start();
  EXPECT_NE(talk("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").find("tion: close\r\n"),
            std::string::npos);
  EXPECT_NE(talk("GET / HTTP/1.0\r\n\r\n").find("Connection: close\r\n"), std::string::npos);
  RawSocket kept = connect();
  for (int i = 0; i < 2; ++i) {
    kept.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_NE(kept.read_answer().find("Connection: keep-alive\r\n"), std::string::npos);
  }
}

TEST_F(HttpServerTest, SaysContinueBeforeABodyThatWaitsForIt) {
  start();
  RawSocket socket = connect();
  socket.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(socket.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  socket.send("body");
  EXPECT_EQ(body_of(socket.read_answer()), "body");
}

TEST_F(HttpServerTest, AnswersAParkedRequestLater) {
  start();
  RawSocket socket = connect();
  socket.send(kPark);
  ASSERT_TRUE(eventually([this] { return parked_.size() == 1; }));
  EXPECT_EQ(status_of([this] {
              RawSocket other = connect();
              other.send(kHello);
              return other.read_answer();
            }()),
            200);
  EXPECT_EQ(server_->stats().parked_requests, 1u);
  thread_.call([this] {
    parked_[0](make_response(204, "", ""));
    parked_[0](make_response(200, "", "a second answer is ignored"));
  });
  const std::string answer = socket.read_answer();
  EXPECT_EQ(status_of(answer), 204);
  EXPECT_EQ(answer.find("Content-Length"), std::string::npos);
  thread_.call([this] { parked_[0](make_response(200, "", "so is a late one")); });
  socket.send(kHello);
  EXPECT_EQ(body_of(socket.read_answer()), "hello");
  EXPECT_EQ(server_->stats().parked_requests, 0u);
}

TEST_F(HttpServerTest, NoticesAClientThatLeavesWhileParked) {
  start({.write_timeout = std::chrono::milliseconds(200)});  // it looks every quarter of that
  const auto leaves = [this](auto leave) {
    const auto before = server_->stats().abandoned;
    RawSocket socket = connect();
    socket.send(kPark);
    ASSERT_TRUE(eventually([this] { return parked_.size() == 1; }));
    leave(socket);
    EXPECT_TRUE(eventually([&, this] { return server_->stats().abandoned == before + 1; }));
    EXPECT_EQ(server_->stats().parked_requests, 0u);
    thread_.call([this] {
      parked_[0](make_response(200, "", "to nobody"));
      parked_.clear();
    });
  };
  leaves([](RawSocket& socket) { socket.close(); });
  leaves([](RawSocket& socket) { socket.reset(); });
  leaves([](RawSocket& socket) {
    socket.send(kHello);  // pipelined bytes must not hide the departure
    socket.close();
  });
}

TEST_F(HttpServerTest, TurnsAHandlersExceptionInto500) {
  start();
  RawSocket socket = connect();
  socket.send("GET /throw HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string answer = socket.read_answer();
  EXPECT_EQ(status_of(answer), 500);
  EXPECT_EQ(answer.find("a bug"), std::string::npos);
  EXPECT_EQ(server_->stats().handler_errors, 1u);
  socket.send(kHello);
  EXPECT_EQ(status_of(socket.read_answer()), 200);
}

TEST_F(HttpServerTest, SendsOneBodyToManyWithoutCopyingIt) {
  start();
  const auto body = std::make_shared<const std::string>(1'000'000, 'x');
  std::vector<RawSocket> sockets;
  for (std::size_t i = 0; i < 4; ++i) {
    sockets.push_back(connect());
    sockets.back().send(kPark);
    ASSERT_TRUE(eventually([&, this] { return parked_.size() == i + 1; }));
  }
  thread_.call([&, this] {
    for (const Respond& respond : parked_) {
      respond({.status = 200, .content_type = "", .headers = {}, .body = body});
    }
  });
  for (RawSocket& socket : sockets) EXPECT_EQ(body_of(socket.read_answer()), *body);
}

TEST_F(HttpServerTest, RefusesAnAddressThatIsNoneOrTaken) {
  start();
  thread_.call([this] {
    const auto nothing = [](const HttpRequest&, const Respond&) {};
    const auto none = HttpServer::listen(thread_.loop(), "example.org", 0, nothing);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Errc::kBadConfig);
    const auto taken = HttpServer::listen(thread_.loop(), "127.0.0.1", server_->port(), nothing);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, Errc::kUnavailable);
    EXPECT_EQ(taken.error().message,
              fmt::format("listen on 127.0.0.1 port {}: Address already in use", server_->port()));
  });
}

TEST_F(HttpServerTest, DrainAnswersWhatIsInFlightAndClosesTheRest) {
  start();
  RawSocket idle = connect();
  idle.send(kHello);
  idle.read_answer();
  RawSocket parked = connect();
  parked.send(kPark);
  ASSERT_TRUE(eventually([this] { return parked_.size() == 1; }));
  std::promise<void> drained;
  auto done = drained.get_future();
  thread_.call(
      [&, this] { server_->drain(std::chrono::seconds(60), [&drained] { drained.set_value(); }); });
  EXPECT_TRUE(idle.wait_for_close());
  EXPECT_THROW(connect(), std::runtime_error);
  thread_.call([this] { parked_[0](make_response(200, "", "last words")); });
  const std::string answer = parked.read_to_end();
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(body_of(answer), "last words");
  parked.close();
  await(done);
}

TEST_F(HttpServerTest, DrainEndsAtItsGraceWhateverIsInFlight) {
  start();
  RawSocket parked = connect();
  parked.send(kPark);
  ASSERT_TRUE(eventually([this] { return parked_.size() == 1; }));
  std::promise<void> drained;
  auto done = drained.get_future();
  thread_.call([&, this] {
    server_->drain(std::chrono::milliseconds(50), [&drained] { drained.set_value(); });
  });
  await(done);
  EXPECT_TRUE(parked.wait_for_close());
}

TEST_F(HttpServerTest, DestroyingItClosesAndCallsNobody) {
  start();
  RawSocket parked = connect();
  parked.send(kPark);
  ASSERT_TRUE(eventually([this] { return parked_.size() == 1; }));
  thread_.call([this] { server_.reset(); });
  EXPECT_TRUE(parked.wait_for_close());
  thread_.call([this] { parked_[0](make_response(200, "", "too late")); });
}

}  // namespace

}  // namespace leadline::test
