#include "demo/terminal_view.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace leadline
