#include "daemon/http_connection.h"

#include <fmt/format.h>

#include "tests/unit/daemon/server_fixture.h"

namespace leadline::test {

namespace {

// One connection to a listener whose answers each test writes byte by byte.
class HttpConnectionTest : public testing::Test {
 protected:
  void TearDown() override {
    thread_.call([this] { connection_.reset(); });
  }

  void open(std::uint16_t port) {
    thread_.call([this, port] {
      connection_ = std::make_unique<HttpConnection>(
          thread_.loop(),
          HttpUrl{.scheme = "http", .host = "127.0.0.1", .port = port, .path = "/"});
    });
  }

  std::future<HttpResult> get(HttpGet request = {}) {
    auto promise = std::make_shared<std::promise<HttpResult>>();
    auto future = promise->get_future();
    thread_.call([this, promise, request] {
      connection_->get(request, [promise](HttpResult result) { promise->set_value(result); });
    });
    return future;
  }

  // One exchange on a fresh connection: `bytes` is the whole answer, after which the peer closes.
  HttpResult answered_with(std::string_view bytes, HttpGet request = {}) {
    open(listener_.port());
    auto future = get(std::move(request));
    RawSocket peer = listener_.accept();
    request_ = peer.read_until("\r\n\r\n");
    peer.send(bytes);
    peer.shut_sending();
    return await(future);
  }

  LoopThread thread_;
  RawListener listener_;
  std::unique_ptr<HttpConnection> connection_;
  std::string request_;
};

TEST_F(HttpConnectionTest, SendsAPlainRequestAndReadsTheAnswer) {
  const auto answer = answered_with(
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nok",
      {.target = "/metrics", .headers = {{"Authorization", "Bearer x\r\nX-Evil: 1"}}});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->content_type, "text/plain");
  EXPECT_EQ(first_header(answer->headers, "x-a"), "1");
  EXPECT_EQ(answer->body, "ok");
  EXPECT_LE(answer->sent_at, answer->received_at);
  EXPECT_EQ(request_, fmt::format("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n"
                                  "User-Agent: leadline/" LEADLINE_VERSION
                                  "\r\nAuthorization: Bearer x  X-Evil: 1\r\n\r\n",
                                  listener_.port()));
}

TEST_F(HttpConnectionTest, ReadsEveryFramingOfABody) {
  const auto f = [this](std::string_view bytes, std::string_view want) {
    SCOPED_TRACE(bytes);
    const auto answer = answered_with(bytes);
    ASSERT_TRUE(answer) << answer.error().error.message;
    EXPECT_EQ(answer->body, want);
  };
  f("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc");
  f("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\n\r\n",
    "abc");
  f("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: 1\r\n\r\n", "a");
  f("HTTP/1.0 200 OK\r\n\r\nuntil the end", "until the end");
  f("HTTP/1.1 204 No Content\r\n\r\n", "");
  f("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "");
}

TEST_F(HttpConnectionTest, TellsEachFailureApart) {
  const auto f = [this](std::string_view bytes, HttpFailure want, std::string_view text) {
    SCOPED_TRACE(bytes);
    const auto answer = answered_with(bytes, {.body_limit = 10});
    ASSERT_FALSE(answer);
    EXPECT_STREQ(failure_name(answer.error().failure), failure_name(want));
    EXPECT_EQ(answer.error().error.message,
              fmt::format("http://127.0.0.1:{}: {}", listener_.port(), text));
  };
  f("", HttpFailure::kReset, "connection closed before the answer's end");
  f("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", HttpFailure::kReset,
    "connection closed before the answer's end");
  f("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n", HttpFailure::kTooLarge,
    "body of 11 bytes is over the limit of 10");
  f("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n", HttpFailure::kTooLarge,
    "body is over the limit of 10 bytes");
  f("HTTP/1.1 200 OK\r\n\r\n12345678901", HttpFailure::kTooLarge,
    "body is over the limit of 10 bytes");
  f("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
    HttpFailure::kBadAnswer, "has a coding that we did not ask for: gzip");
  f("SSH-2.0-OpenSSH_9.2\r\n", HttpFailure::kBadAnswer, "not HTTP/1.1: bad version");
}

TEST_F(HttpConnectionTest, ARefusedConnectionIsNotATimeout) {
  const auto port = listener_.port();
  listener_.close();
  open(port);
  auto future = get();
  const auto answer = await(future);
  ASSERT_FALSE(answer);
  EXPECT_STREQ(failure_name(answer.error().failure), "refused");
  EXPECT_EQ(answer.error().error.code, Errc::kUnavailable);
  EXPECT_NE(answer.error().error.message.find("connection refused"), std::string::npos);
}

TEST_F(HttpConnectionTest, ASilentPeerTimesOut) {
  open(listener_.port());
  auto future = get({.timeout = std::chrono::milliseconds(30)});
  const auto answer = await(future);
  ASSERT_FALSE(answer);
  EXPECT_STREQ(failure_name(answer.error().failure), "timeout");
}

TEST_F(HttpConnectionTest, ABodyThatDribblesInTimesOutToo) {
  open(listener_.port());
  auto future = get({.timeout = std::chrono::milliseconds(100)});
  RawSocket peer = listener_.accept();
  peer.read_until("\r\n\r\n");
  peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
  while (future.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready) peer.send("x");
  const auto answer = await(future);
  ASSERT_FALSE(answer);
  EXPECT_STREQ(failure_name(answer.error().failure), "timeout");
  EXPECT_TRUE(peer.wait_for_close());
}

TEST_F(HttpConnectionTest, RetriesOnceWhenTheKeptConnectionWasClosed) {
  open(listener_.port());
  auto first = get();
  RawSocket peer = listener_.accept();
  peer.read_until("\r\n\r\n");
  peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
  ASSERT_TRUE(await(first));
  peer.close();
  auto second = get();
  RawSocket fresh = listener_.accept();
  fresh.read_until("\r\n\r\n");
  fresh.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2");
  const auto answer = await(second);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "2");
}

TEST_F(HttpConnectionTest, AFreshConnectionThatIsClosedIsNotRetried) {
  open(listener_.port());
  auto future = get();
  listener_.accept().close();
  const auto answer = await(future);
  ASSERT_FALSE(answer);
  EXPECT_STREQ(failure_name(answer.error().failure), "reset");
}

TEST_F(HttpConnectionTest, ConnectsAgainAfterAFailure) {
  EXPECT_FALSE(answered_with("nonsense\r\n\r\n"));
  auto future = get();
  RawSocket peer = listener_.accept();
  peer.read_until("\r\n\r\n");
  peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2");
  EXPECT_TRUE(await(future));
}

TEST_F(HttpConnectionTest, DestroyedWhileWaitingItNeverCallsBack) {
  open(listener_.port());
  auto future = get();
  RawSocket peer = listener_.accept();
  peer.read_until("\r\n\r\n");
  thread_.call([this] { connection_.reset(); });
  EXPECT_TRUE(peer.wait_for_close());
  EXPECT_THROW(static_cast<void>(await(future)),
               std::future_error);  // the callback is gone, not called
}

TEST_F(HttpConnectionTest, ItsCallbackMayAskAgainOrDestroyIt) {
  open(listener_.port());
  std::promise<void> over;
  auto future = over.get_future();
  thread_.call([&, this] {
    connection_->get({}, [&, this](HttpResult first) {
      EXPECT_TRUE(first);
      connection_->get({}, [&, this](HttpResult second) {
        EXPECT_TRUE(second);
        connection_.reset();
        over.set_value();
      });
    });
  });
  RawSocket peer = listener_.accept();
  for (int i = 0; i < 2; ++i) {
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
  }
  await(future);
  EXPECT_TRUE(peer.wait_for_close());
}

TEST_F(HttpConnectionTest, ResolvesNames) {
  thread_.call([this] {
    connection_ = std::make_unique<HttpConnection>(
        thread_.loop(),
        HttpUrl{.scheme = "http", .host = "localhost", .port = listener_.port(), .path = "/a"});
  });
  auto future = get();
  RawSocket peer = listener_.accept();
  EXPECT_EQ(peer.read_until("\r\n"), "GET /a HTTP/1.1\r\n");
  peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
  EXPECT_TRUE(await(future));
}

}  // namespace

}  // namespace leadline::test
