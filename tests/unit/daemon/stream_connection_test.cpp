#include "daemon/stream_connection.h"

#include <gtest/gtest.h>

#include "tests/unit/daemon/loop_thread.h"
#include "tests/unit/daemon/raw_socket.h"

namespace leadline::test {
namespace {

using std::chrono::milliseconds;

// A connection to a listener whose answers each test writes; an answer ends with `.`.
class StreamConnectionTest : public testing::Test {
 public:
  ~StreamConnectionTest() override { hang_up(); }

 protected:
  using Outcome = std::future<std::string>;

  void open(std::uint16_t port) {
    thread_.call([&] {
      connection_ = std::make_unique<StreamConnection>(thread_.loop(), "127.0.0.1", port);
    });
  }

  void hang_up() {
    thread_.call([&] { connection_.reset(); });
  }

  // The answer, or the error.
  Outcome ask(const std::string& question, milliseconds timeout = milliseconds{10'000}) {
    auto promise = std::make_shared<std::promise<std::string>>();
    auto answer = std::make_shared<std::string>();
    thread_.call([&] {
      connection_->exchange({.bytes = question,
                             .feed = [answer](std::string_view bytes) -> Result<bool> {
                               *answer += bytes;
                               if (answer->starts_with('!')) return fail(Errc::kBadInput, "no!");
                               return answer->ends_with('.');
                             },
                             .timeout = timeout},
                            [promise, answer](const Result<void>& result) {
                              promise->set_value(result ? *answer : result.error().message);
                            });
    });
    return promise->get_future();
  }

  [[nodiscard]] bool connected() {
    return thread_.call([&] { return connection_->connected(); });
  }

  LoopThread thread_;
  RawListener listener_;
  std::unique_ptr<StreamConnection> connection_;
};

TEST_F(StreamConnectionTest, AnAnswerMayComeInPiecesAndTheConnectionStays) {
  open(listener_.port());
  EXPECT_FALSE(connected());
  auto first = ask("one?");
  RawSocket peer = listener_.accept();
  EXPECT_EQ(peer.read(4), "one?");
  peer.send("on");
  peer.send("e.");
  EXPECT_EQ(await(first), "one.");
  EXPECT_TRUE(connected());
  auto second = ask("two?");
  EXPECT_EQ(peer.read(4), "two?");
  peer.send("two.");
  EXPECT_EQ(await(second), "two.");
}

TEST_F(StreamConnectionTest, ASilentPeerIsGivenUpAndAskedAnew) {
  open(listener_.port());
  auto first = ask("one?", milliseconds{50});
  RawSocket silent = listener_.accept();
  silent.send("half");
  EXPECT_EQ(await(first), "no complete answer within 50 ms");
  EXPECT_FALSE(connected());
  auto second = ask("two?");
  RawSocket peer = listener_.accept();
  silent.send("late.");
  EXPECT_EQ(peer.read(4), "two?");
  peer.send("two.");
  EXPECT_EQ(await(second), "two.");
}

TEST_F(StreamConnectionTest, APeerThatSpokeUnaskedIsHungUpOn) {
  open(listener_.port());
  auto first = ask("one?");
  RawSocket peer = listener_.accept();
  peer.send("one.");
  EXPECT_EQ(await(first), "one.");
  peer.send("and another thing.");
  for (int i = 0; i < 10'000 && connected(); ++i) continue;
  EXPECT_FALSE(connected());
  auto second = ask("two?");
  RawSocket fresh = listener_.accept();
  fresh.send("two.");
  EXPECT_EQ(await(second), "two.");
}

TEST_F(StreamConnectionTest, WhatGoesWrongIsSaid) {
  open(listener_.port());
  auto first = ask("one?");
  RawSocket peer = listener_.accept();
  EXPECT_EQ(peer.read(4), "one?");
  peer.close();
  EXPECT_EQ(await(first), "connection closed before the answer's end");
  auto second = ask("two?");
  peer = listener_.accept();
  peer.send("!");
  EXPECT_EQ(await(second), "no!");
  EXPECT_FALSE(connected());
  listener_.close();
  auto third = ask("three?");
  EXPECT_EQ(await(third), "connect: Connection refused");
}

TEST_F(StreamConnectionTest, WhoIsGoneIsNotCalled) {
  open(listener_.port());
  auto asked = ask("one?");
  RawSocket peer = listener_.accept();
  EXPECT_EQ(peer.read(4), "one?");
  hang_up();
  EXPECT_TRUE(peer.wait_for_close());
  EXPECT_THROW(await(asked), std::future_error);
}

}  // namespace
}  // namespace leadline::test
