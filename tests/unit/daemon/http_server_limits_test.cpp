// Limits and deadlines of HttpServer: what one client does must not cost another its answer.

#include <cerrno>

#include <dlfcn.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/daemon/server_fixture.h"

namespace {

std::atomic<bool> no_descriptors_left{false};

}  // namespace

// Stands before libc's in this binary. A real lack of descriptors would also blind UBSan, which
// opens a pipe to look at memory.
extern "C" int accept(int listener, sockaddr* address, socklen_t* size) {
  if (no_descriptors_left) {
    errno = EMFILE;
    return -1;
  }
  static const auto kReal = reinterpret_cast<decltype(&::accept)>(::dlsym(RTLD_NEXT, "accept"));
  return kReal(listener, address, size);
}

namespace leadline::test {

namespace {

using std::chrono::milliseconds;
using HttpServerLimitsTest = ServerFixture;

TEST_F(HttpServerLimitsTest, ClosesAConnectionThatSaysNothing) {
  start({.header_timeout = milliseconds{50}});
  RawSocket silent = connect();
  EXPECT_TRUE(silent.wait_for_close());
}

TEST_F(HttpServerLimitsTest, Answers408ToAHeaderThatComesTooSlowly) {
  start({.header_timeout = milliseconds{100}});
  RawSocket slow = connect();
  slow.send("GET / HTTP/1.1\r\n");
  EXPECT_EQ(status_of(slow.read_to_end()), 408);
  RawSocket body = connect();
  body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_EQ(status_of(body.read_to_end()), 408);
  EXPECT_EQ(server_->stats().bad_requests, 2u);
}

TEST_F(HttpServerLimitsTest, ATrickleDoesNotExtendTheDeadline) {
  start({.header_timeout = milliseconds{100}});
  RawSocket slow = connect();
  slow.send("GET / HTTP/1.1\r\nHost: a\r\n");
  const auto closed = [this] { return server_->stats().bad_requests > 0; };
  for (int i = 0; i < 2'000 && !thread_.call(closed); ++i) {
    slow.send("X: 1\r\n");
    ::poll(nullptr, 0, 5);  // the trickle itself, not a wait for a result
  }
  EXPECT_TRUE(thread_.call(closed));
}

TEST_F(HttpServerLimitsTest, SlowClientsDoNotStarveOthers) {
  start({.connections = 200});
  std::vector<RawSocket> slow;
  for (int i = 0; i < 150; ++i) {
    slow.push_back(connect());
    slow.back().send("GET /hello HTTP/1.1\r\nHos");
  }
  RawSocket healthy = connect();
  for (int i = 0; i < 100; ++i) {
    healthy.send(kHello);
    ASSERT_EQ(status_of(healthy.read_answer()), 200);
  }
  for (RawSocket& socket : slow) {
    socket.send("t: a\r\n\r\n");
    EXPECT_EQ(status_of(socket.read_answer()), 200);
  }
}

TEST_F(HttpServerLimitsTest, ClosesAnIdleConnectionOnlyAfterItsTimeout) {
  start({.header_timeout = milliseconds{10'000}, .idle_timeout = milliseconds{60}});
  RawSocket socket = connect();
  socket.send(kHello);
  EXPECT_EQ(status_of(socket.read_answer()), 200);
  EXPECT_TRUE(socket.wait_for_close());
}

// The header's deadline must not run while the connection is idle.
TEST_F(HttpServerLimitsTest, ReusesAConnectionThatWasIdleForLongerThanAHeaderMayTake) {
  start({.header_timeout = milliseconds{40}, .idle_timeout = milliseconds{60'000}});
  RawSocket socket = connect();
  socket.send(kHello);
  EXPECT_EQ(status_of(socket.read_answer()), 200);
  std::promise<void> later;
  auto waited = later.get_future();
  thread_.call(
      [&, this] { thread_.loop().call_after(milliseconds{400}, [&] { later.set_value(); }); });
  await(waited);
  socket.send(kHello);
  EXPECT_EQ(status_of(socket.read_answer()), 200);
}

TEST_F(HttpServerLimitsTest, RefusesConnectionsOverTheLimitAndServesTheOthers) {
  start({.connections = 2});
  RawSocket first = connect();
  RawSocket second = connect();
  first.send(kHello);
  second.send(kHello);
  EXPECT_EQ(status_of(first.read_answer()), 200);
  EXPECT_EQ(status_of(second.read_answer()), 200);
  RawSocket third = connect();
  EXPECT_TRUE(third.wait_for_close());
  EXPECT_EQ(server_->stats().refused, 1u);
  first.send(kHello);
  EXPECT_EQ(status_of(first.read_answer()), 200);
  second.close();
  ASSERT_TRUE(eventually([this] { return server_->stats().open_connections == 1; }));
  RawSocket fourth = connect();
  fourth.send(kHello);
  EXPECT_EQ(status_of(fourth.read_answer()), 200);
}

TEST_F(HttpServerLimitsTest, OneAddressTakesNoMoreThanItsShare) {
  start({.connections = 8, .peer_connections = 2, .peer_parked = 1});
  RawSocket first = connect();
  RawSocket second = connect();
  first.send(kPark);
  ASSERT_TRUE(eventually([this] { return server_->stats().parked_requests == 1; }));
  second.send(kPark);
  EXPECT_EQ(status_of(second.read_answer()), 429);
  EXPECT_TRUE(connect().wait_for_close());
  EXPECT_EQ(server_->stats().refused, 1u);
  RawSocket other = connect("127.0.0.2");
  other.send(kHello);
  EXPECT_EQ(status_of(other.read_answer()), 200);
  other.send(kPark);
  EXPECT_TRUE(eventually([this] { return server_->stats().parked_requests == 2; }));
  first.close();
  ASSERT_TRUE(eventually([this] { return server_->stats().open_connections == 2; }));
  RawSocket again = connect();
  again.send(kHello);
  EXPECT_EQ(status_of(again.read_answer()), 200);
}

TEST_F(HttpServerLimitsTest, Answers429OverTheParkedLimit) {
  start({.parked = 2});
  std::vector<RawSocket> sockets;
  for (std::size_t i = 0; i < 2; ++i) {
    sockets.push_back(connect());
    sockets.back().send(kPark);
    ASSERT_TRUE(eventually([&, this] { return server_->stats().parked_requests == i + 1; }));
  }
  RawSocket third = connect();
  third.send(kPark);
  const std::string answer = third.read_answer();
  EXPECT_EQ(status_of(answer), 429);
  EXPECT_EQ(answer.find("Retry-After"), std::string::npos);
  EXPECT_EQ(server_->stats().parked_refused, 1u);
  third.send(kHello);
  EXPECT_EQ(status_of(third.read_answer()), 200);
  thread_.call([this] {
    for (const Respond& respond : parked_) respond(make_response(200, "", "now"));
  });
  for (RawSocket& socket : sockets) EXPECT_EQ(body_of(socket.read_answer()), "now");
}

TEST_F(HttpServerLimitsTest, Answers504WhenTheHandlerTakesTooLong) {
  start({.handler_timeout = milliseconds{50}});
  RawSocket socket = connect();
  socket.send(kPark);
  EXPECT_EQ(status_of(socket.read_answer()), 504);
  EXPECT_EQ(server_->stats().handler_timeouts, 1u);
  thread_.call([this] { parked_[0](make_response(200, "", "too late")); });
  socket.send(kHello);
  EXPECT_EQ(body_of(socket.read_answer()), "hello");
}

TEST_F(HttpServerLimitsTest, ClosesOnAClientThatDoesNotReadItsAnswer) {
  start({.body_bytes = 32 * 1024 * 1024, .write_timeout = milliseconds{100}});
  RawSocket socket = connect();
  // Larger than both sockets' buffers together.
  const std::string body(16 * 1024 * 1024, 'x');
  socket.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n" + body);
  EXPECT_TRUE(eventually([this] { return server_->stats().open_connections == 0; }));
}

TEST_F(HttpServerLimitsTest, SurvivesRunningOutOfFileDescriptors) {
  start();
  RawSocket before = connect();
  before.send(kHello);
  EXPECT_EQ(status_of(before.read_answer()), 200);
  no_descriptors_left = true;
  RawSocket starved = connect();
  starved.send(kHello);
  EXPECT_TRUE(eventually([this] { return server_->stats().accept_errors > 0; }));
  before.send(kHello);
  EXPECT_EQ(status_of(before.read_answer()), 200);
  EXPECT_LT(server_->stats().accept_errors, 10u);  // it pauses, it does not spin
  no_descriptors_left = false;
  EXPECT_EQ(status_of(starved.read_answer()), 200);
}

}  // namespace

}  // namespace leadline::test
