// The state machine between scrapes and what is published.

#include "sidecar/engine_tracker.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/unit/sidecar/fakes.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::failed_scrape;
using test::good_scrape;
using test::reading_of;

constexpr milliseconds kInterval{1000};  // max_age 5 s
const std::string kHere = "http://127.0.0.1:8000/metrics";

class EngineTrackerTest : public testing::Test {
 protected:
  TrackerStep take(ScrapeOutcome outcome, const std::string& endpoint = kHere) {
    return note(tracker_.take(outcome, endpoint, kInterval));
  }
  TrackerStep page(double queue, const std::string& engine = "vllm") {
    return take(good_scrape(reading_of(engine, queue), time_.now()));
  }
  TrackerStep failure(ScrapeResult result, const std::string& engine = "") {
    return take(failed_scrape(result, time_.now(), engine));
  }
  TrackerStep expire() { return note(tracker_.expire(time_.now().steady)); }

  // "up vllm queue 3", "unreachable vllm", "searching".
  [[nodiscard]] std::string seen() const {
    const EngineView& view = *tracker_.view();
    std::string text(state_name(view.state));
    if (!view.engine.empty()) text += " " + view.engine;
    EXPECT_EQ(view.sampled_at.has_value(), !view.series.empty()) << text;
    if (!view.series.empty()) {
      text += fmt::format(" queue {}", *view.series[0].gauges[index_of(Gauge::kQueueDepth)]);
    }
    return text;
  }

  TrackerStep note(TrackerStep step) {
    for (const LogEdge& edge : step.edges) lines_.push_back(edge.line);
    return step;
  }
  [[nodiscard]] int lines_with(std::string_view what) const {
    return static_cast<int>(std::count_if(lines_.begin(), lines_.end(), [&](const auto& line) {
      return line.find(what) != std::string::npos;
    }));
  }

  test::FakeTime time_;
  EngineTracker tracker_;
  std::vector<std::string> lines_;
};

TEST_F(EngineTrackerTest, SearchesUntilAPageIsRead) {
  EXPECT_EQ(seen(), "searching");
  EXPECT_FALSE(failure(ScrapeResult::kRefused).news);
  EXPECT_FALSE(failure(ScrapeResult::kNoSeries).news);
  EXPECT_EQ(seen(), "searching");
  EXPECT_TRUE(page(3).news);
  EXPECT_EQ(seen(), "up vllm queue 3");
}

// What each kind of failed scrape does to values that are one second old, and at max_age.
TEST_F(EngineTrackerTest, OnlyAGoneEngineDropsValuesAtOnce) {
  const auto f = [](ScrapeResult result, std::string_view at_once, std::string_view at_max_age) {
    SCOPED_TRACE(result_name(result));
    EngineTracker tracker;
    test::FakeTime time;
    const auto seen = [&] {
      const EngineView& view = *tracker.view();
      return fmt::format("{} {}", state_name(view.state), view.series.empty() ? "empty" : "values");
    };
    static_cast<void>(
        tracker.take(good_scrape(reading_of("vllm", 3), time.now()), kHere, kInterval));
    time.advance(seconds(1));
    static_cast<void>(tracker.take(failed_scrape(result, time.now(), "vllm"), kHere, kInterval));
    EXPECT_EQ(seen(), at_once);
    time.advance(seconds(4));
    static_cast<void>(tracker.expire(time.now().steady));
    EXPECT_EQ(seen(), at_max_age);
  };
  f(ScrapeResult::kRefused, "unreachable empty", "unreachable empty");
  f(ScrapeResult::kReset, "unreachable empty", "unreachable empty");
  f(ScrapeResult::kTimeout, "up values", "unreachable empty");
  f(ScrapeResult::kTooLarge, "up values", "unreachable empty");
  f(ScrapeResult::kBadAnswer, "up values", "unreachable empty");
  f(ScrapeResult::kBadStatus, "up values", "unreachable empty");
  f(ScrapeResult::kUnauthorized, "up values", "unreachable empty");
  f(ScrapeResult::kBadPage, "up values", "unreachable empty");
  f(ScrapeResult::kNoSeries, "up values", "unreachable empty");
  f(ScrapeResult::kDraining, "up values", "unreachable empty");
  f(ScrapeResult::kNoDialect, "up values", "unreachable empty");  // the same engine, by its id
}

TEST_F(EngineTrackerTest, ValuesLiveUntilExactlyMaxAgeAfterTheSample) {
  page(3);
  time_.advance(milliseconds(4999));
  EXPECT_FALSE(expire().news);
  EXPECT_EQ(seen(), "up vllm queue 3");
  time_.advance(milliseconds(1));
  EXPECT_TRUE(expire().news);
  EXPECT_EQ(seen(), "unreachable vllm");
  EXPECT_FALSE(expire().news) << "said once";
  EXPECT_EQ(lines_.size(), 2U) << "found, unreachable: one line each";
  EXPECT_EQ(lines_with("engine unreachable"), 1);
  EXPECT_EQ(lines_with("no good scrape for 5000 ms"), 1);
}

TEST_F(EngineTrackerTest, AFailureMakesNothingYounger) {
  page(3);
  for (int i = 0; i < 4; ++i) {
    time_.advance(seconds(1));
    failure(ScrapeResult::kTimeout);
  }
  time_.advance(seconds(1));
  expire();
  EXPECT_EQ(seen(), "unreachable vllm");
}

TEST_F(EngineTrackerTest, ComesBackWithItsWindows) {
  page(3);
  time_.advance(seconds(1));
  page(4);
  time_.advance(seconds(1));
  failure(ScrapeResult::kRefused);
  EXPECT_EQ(seen(), "unreachable vllm");
  time_.advance(seconds(1));
  EXPECT_TRUE(page(5).news);
  EXPECT_EQ(seen(), "up vllm queue 5");
  const auto& window = tracker_.view()->series[0].windows[index_of(Window::k15s)];
  EXPECT_EQ(window.span, seconds(3));
}

TEST_F(EngineTrackerTest, AnotherEngineTakesEverythingOfTheOldOneAway) {
  page(3);
  time_.advance(seconds(1));
  page(4);
  time_.advance(seconds(1));
  EXPECT_TRUE(page(9, "sglang").news);
  EXPECT_EQ(seen(), "up sglang queue 9");
  EXPECT_EQ(tracker_.view()->series[0].windows[index_of(Window::k60s)].span, milliseconds(0));
  EXPECT_EQ(tracker_.engine_changes(), 1U);
  EXPECT_EQ(lines_with("another engine answers"), 1);
}

TEST_F(EngineTrackerTest, AnotherEngineThatWeCannotReadTakesEverythingAwayToo) {
  page(3);
  EXPECT_TRUE(failure(ScrapeResult::kNoDialect, "ollama").news);
  EXPECT_EQ(seen(), "searching");
  EXPECT_EQ(tracker_.engine_changes(), 1U);
}

TEST_F(EngineTrackerTest, TheSameEngineOnAnotherPortStartsNewWindows) {
  page(3);
  time_.advance(seconds(1));
  page(4);
  time_.advance(seconds(1));
  take(good_scrape(reading_of("vllm", 5), time_.now()), "http://127.0.0.1:8001/metrics");
  EXPECT_EQ(seen(), "up vllm queue 5");
  EXPECT_EQ(tracker_.view()->series[0].windows[index_of(Window::k60s)].span, milliseconds(0));
}

TEST_F(EngineTrackerTest, SleepIsAStateWithValues) {
  EngineReading reading = reading_of("vllm", 0);
  reading.asleep = true;
  take(good_scrape(reading, time_.now()));
  EXPECT_EQ(seen(), "asleep vllm queue 0");
  page(1);
  EXPECT_EQ(seen(), "up vllm queue 1");
}

TEST_F(EngineTrackerTest, ARestartIsCountedAndSaidOnce) {
  take(good_scrape(reading_of("vllm", 0, 100), time_.now()));
  time_.advance(seconds(1));
  take(good_scrape(reading_of("vllm", 0, 3), time_.now()));
  time_.advance(seconds(1));
  take(good_scrape(reading_of("vllm", 0, 4), time_.now()));
  EXPECT_EQ(tracker_.restarts(), 1U);
  EXPECT_EQ(lines_with("engine restarted"), 1);
}

TEST_F(EngineTrackerTest, ARowOfFailuresIsSaidAtItsBeginAndItsEnd) {
  page(3);
  for (int i = 0; i < 30; ++i) failure(ScrapeResult::kBadPage);
  EXPECT_EQ(lines_with("scrape failed"), 1);
  failure(ScrapeResult::kTimeout);
  EXPECT_EQ(lines_with("scrape failed"), 2) << "another kind of failure is news";
  for (int i = 0; i < 30; ++i) failure(ScrapeResult::kBadPage);
  EXPECT_EQ(lines_with("scrape failed"), 2);
  page(3);
  EXPECT_EQ(lines_with("scrapes succeed again"), 1);
  EXPECT_EQ(lines_with("failed=61"), 1);
  page(3);
  EXPECT_EQ(lines_with("scrapes succeed again"), 1);
  failure(ScrapeResult::kBadPage);
  EXPECT_EQ(lines_with("scrape failed"), 3) << "a new row of failures";
}

TEST_F(EngineTrackerTest, DriftIsSaidWhenItBeginsAndWhenItEnds) {
  EngineReading reading = reading_of("vllm", 3);
  reading.missing = {Signal::kTtft};
  for (int i = 0; i < 5; ++i) {
    time_.advance(seconds(1));
    take(good_scrape(reading, time_.now()));
  }
  EXPECT_EQ(lines_with("dialect drift changed engine=vllm missing=ttft_seconds"), 1);
  time_.advance(seconds(1));
  page(3);
  EXPECT_EQ(lines_with("dialect drift"), 2);
}

TEST_F(EngineTrackerTest, SnapshotSaysWhatTheViewSays) {
  EXPECT_EQ(tracker_.snapshot().state, EngineState::kSearching);
  page(3);
  const PodSnapshot snapshot = tracker_.snapshot();
  EXPECT_EQ(snapshot.engine, "vllm");
  EXPECT_EQ(snapshot.scrape_interval, kInterval);
  EXPECT_EQ(snapshot.series.size(), 1U);
  failure(ScrapeResult::kReset);
  EXPECT_TRUE(tracker_.snapshot().series.empty());
  EXPECT_EQ(tracker_.snapshot().state, EngineState::kUnreachable);
}

}  // namespace
}  // namespace leadline
