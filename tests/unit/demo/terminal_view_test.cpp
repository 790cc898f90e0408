#include "demo/terminal_view.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <fmt/format.h>

namespace leadline {
namespace {

TEST(TerminalViewTest, SparklineScalesToItsHighestValue) {
  const auto f = [](std::deque<double> values, std::string_view want) {
    EXPECT_EQ(sparkline(values), want);
  };
  f({}, "");
  f({0, 0}, "▁▁");
  f({0, 7}, "▁█");
  f({1, 2, 4}, "▂▄█");
}

TEST(TerminalViewTest, PlainLineShowsWhatIsUnknownAsADash) {
  Frame frame{.t = 12, .duration = 150, .offered_per_second = 3.14};
  frame.in_flight = 4;
  frame.wanted = 2;
  frame.ready = 1;
  frame.phase = "load";
  EXPECT_EQ(plain_line(frame),
            "t=12.0s phase=load load=3.1/s in_flight=4 queue=- ttft_p95=- tokens_per_second=- "
            "replicas=2 ready=1 newest_sample=- ");
}

// What `show` prints where the frame is drawn, without what only moves the cursor.
std::string drawn(TerminalView& view) {
  testing::internal::CaptureStdout();
  view.show(Frame{});
  std::string text = testing::internal::GetCapturedStdout();
  for (const std::string_view code : {"\x1b[2K", "\x1b[?7l", "\x1b[?7h"}) {
    for (auto at = text.find(code); at != std::string::npos; at = text.find(code)) {
      text.erase(at, code.size());
    }
  }
  return text;
}

TEST(TerminalViewTest, TheHeadingAndTheNewestLinesAreBeneathTheFrame) {
  TerminalView view(/*plain=*/false);
  const std::string bare = drawn(view);
  const auto rows = std::count(bare.begin(), bare.end(), '\n');
  view.add_line("NAME");
  view.add_line("first");
  const std::string few = drawn(view);
  EXPECT_TRUE(few.starts_with(fmt::format("\x1b[{}A", rows))) << "over the last frame";
  EXPECT_TRUE(few.ends_with("\n\n  NAME\n  first\n\n\n\n\n\n"));
  for (const char* line : {"2", "3", "4", "5", "6", "7"}) view.add_line(line);
  const std::string many = drawn(view);
  EXPECT_TRUE(many.starts_with(fmt::format("\x1b[{}A", rows + 8)));
  EXPECT_TRUE(many.ends_with("\n\n  NAME\n  2\n  3\n  4\n  5\n  6\n  7\n"));
}

// Each row is one row of the terminal, however narrow that is: the terminal itself cuts it.
TEST(TerminalViewTest, LongRowsAreNotWrapped) {
  TerminalView view(/*plain=*/false);
  Frame frame;
  frame.last_decision = std::string(300, 'x');
  testing::internal::CaptureStdout();
  view.show(frame);
  const std::string text = testing::internal::GetCapturedStdout();
  EXPECT_TRUE(text.starts_with("\x1b[?7l"));
  EXPECT_TRUE(text.ends_with("\x1b[?7h")) << "whoever writes next may wrap again";
}

TEST(TerminalViewTest, PlainLinesComeAtOnceAndSoDoThoseAfterTheEnd) {
  for (const bool plain : {true, false}) {
    TerminalView view(plain);
    if (!plain) view.end();
    testing::internal::CaptureStdout();
    view.add_line("NAME");
    view.add_line("first");
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "NAME\nfirst\n");
  }
}

}  // namespace
}  // namespace leadline
