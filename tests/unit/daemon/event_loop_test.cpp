#include "daemon/event_loop.h"

#include <csignal>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/daemon/loop_thread.h"

namespace leadline::test {

namespace {

using std::chrono::milliseconds;

TEST(EventLoopTest, RunsPostedWorkInOrderAndStops) {
  EventLoop loop;
  std::string order;
  loop.post([&] { order += 'a'; });
  loop.post([&] {
    order += 'b';
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(order, "ab");
}

TEST(EventLoopTest, CallsAfterADelayInOrderOfTime) {
  EventLoop loop;
  std::string order;
  loop.call_after(milliseconds{20}, [&] {
    order += "late";
    loop.stop();
  });
  loop.call_after(milliseconds{1}, [&] { order += "early "; });
  loop.run();
  EXPECT_EQ(order, "early late");
}

TEST(EventLoopTest, ACancelledCallNeverRuns) {
  EventLoop loop;
  bool called = false;
  const TimerId doomed = loop.call_after(milliseconds{5}, [&] { called = true; });
  const TimerId expired = loop.call_after(milliseconds{0}, [&] { called = true; });
  loop.post([&] {
    loop.cancel(doomed);
    loop.cancel(expired);  // even when it is due already
    loop.cancel(doomed);
    loop.cancel(0);
  });
  loop.call_after(milliseconds{30}, [&] { loop.stop(); });
  loop.run();
  EXPECT_FALSE(called);
}

TEST(EventLoopTest, ACallMayStartAndCancelOthers) {
  EventLoop loop;
  int calls = 0;
  std::function<void()> again = [&] {
    if (++calls == 3) return loop.stop();
    loop.call_after(milliseconds{1}, again);
  };
  again();
  loop.run();
  EXPECT_EQ(calls, 3);
}

TEST(EventLoopTest, StopsFromAnotherThread) {
  LoopThread thread;
  EXPECT_EQ(thread.call([] { return 7; }), 7);
}  // ~LoopThread would hang

TEST(EventLoopTest, ReportsEachStopSignal) {
  EventLoop loop;
  int signals = 0;
  loop.on_stop_signal([&] {
    if (++signals == 2) return loop.stop();
    std::raise(SIGINT);
  });
  loop.post([] { std::raise(SIGTERM); });
  loop.run();
  EXPECT_EQ(signals, 2);
}

TEST(EventLoopDeathTest, AnExceptionEndsTheProcess) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        EventLoop loop;
        loop.post([] { throw std::runtime_error("a bug"); });
        loop.run();
      },
      testing::ExitedWithCode(70), "event loop failed err=\"a bug\"");
}

}  // namespace

}  // namespace leadline::test
