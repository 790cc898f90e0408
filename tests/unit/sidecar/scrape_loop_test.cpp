// When the engine is scraped, what is published then, and what follows from silence.

#include "sidecar/scrape_loop.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/snapshot_codec.h"
#include "tests/unit/sidecar/fakes.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::failure_of;
using test::page_answer;

const std::string kPage = "h:8000/metrics";

class ScrapeLoopTest : public testing::Test {
 protected:
  void start(std::optional<milliseconds> fixed = seconds(1),
             const std::string& url = "http://h:8000/metrics") {
    finder_.emplace(scraper_, EngineAddress{.url = *parse_url(url), .ports = {}});
    loop_.emplace(ScrapeLoopParts{time_, time_.clock(), scraper_, *finder_, publisher_, metrics_},
                  ScrapeLoopSettings{.fixed_interval = fixed, .phase_identity = 0});
    loop_->start();
    time_.advance(milliseconds(10));
  }

  void engine_says(double queue) { engine_.answers[kPage] = page_answer(test::vllm_page(queue)); }
  void engine_fails(HttpFailure failure) { engine_.answers[kPage] = failure_of(failure); }
  void engine_is_gone() { engine_.answers.erase(kPage); }

  // What an adapter would be told now: "up queue 3 age 10", "unreachable".
  [[nodiscard]] std::string published() const {
    const auto snapshot = decode_snapshot(*publisher_.body());
    EXPECT_TRUE(snapshot);
    std::string text(state_name(snapshot->state));
    if (snapshot->series.empty()) {
      EXPECT_FALSE(publisher_.sampled_at()) << "an age without values";
      return text;
    }
    const auto age = time_.now().steady - publisher_.sampled_at().value();
    return fmt::format("{} queue {} age {}", text,
                       *snapshot->series[0].gauges[index_of(Gauge::kQueueDepth)],
                       std::chrono::duration_cast<milliseconds>(age).count());
  }

  test::FakeTime time_;
  test::FakeEngine engine_{time_};
  SelfMetrics metrics_;
  Scraper scraper_{engine_, {}, time_.clock(), metrics_};
  SnapshotPublisher publisher_{{"default", "vllm-0", "uid"}, 7};
  std::optional<EngineFinder> finder_;
  std::optional<ScrapeLoop> loop_;
};

TEST_F(ScrapeLoopTest, FirstTickIsAtOnce) {
  engine_says(3);
  start();
  EXPECT_EQ(published(), "up queue 3 age 10");
  EXPECT_TRUE(loop_->tried_once());
}

TEST_F(ScrapeLoopTest, ScrapesOncePerIntervalAndNeverTwiceAtATime) {
  engine_says(3);
  start(milliseconds(500));
  time_.advance(seconds(1));  // into its phase
  const auto before = engine_.asked.size();
  time_.advance(seconds(60));
  EXPECT_EQ(engine_.asked.size() - before, 120U);
}

TEST_F(ScrapeLoopTest, TicksStayOnThePhasesGrid) {
  engine_says(3);
  start(seconds(1));
  time_.advance(seconds(100));
  // Identity 0: ticks at whole seconds of the steady clock, so the sample is 10 ms old at :10.
  EXPECT_EQ(published(), "up queue 3 age 10");
}

TEST_F(ScrapeLoopTest, AdaptsToWhatThePageCosts) {
  engine_says(3);
  engine_.takes = milliseconds(20);
  start(std::nullopt);
  time_.advance(seconds(30));
  EXPECT_EQ(loop_->interval().interval(), seconds(2));
  const auto before = engine_.asked.size();
  time_.advance(seconds(60));
  EXPECT_EQ(engine_.asked.size() - before, 30U);
}

TEST_F(ScrapeLoopTest, AnEngineTooSlowForTheIntervalGetsARest) {
  const auto f = [this](milliseconds takes, std::size_t want_in_30_s) {
    SCOPED_TRACE(takes.count());
    engine_.takes = takes;
    time_.advance(seconds(30));  // settle
    const auto before = engine_.asked.size();
    time_.advance(seconds(30));
    EXPECT_EQ(engine_.asked.size() - before, want_in_30_s);
  };
  engine_says(3);
  start(seconds(1));
  f(milliseconds(900), 30);
  f(milliseconds(1200), 15);
  f(milliseconds(1800), 10);  // 0.2 s to the next tick is no rest: the one after it
}

TEST_F(ScrapeLoopTest, ARefusedConnectionEmptiesTheSnapshotAtOnce) {
  engine_says(3);
  start();
  engine_is_gone();
  time_.advance(seconds(2));
  EXPECT_EQ(published(), "unreachable");
}

TEST_F(ScrapeLoopTest, AHungEngineIsServedUntilMaxAgeAndNotLonger) {
  engine_says(3);
  start();
  time_.advance(seconds(10));
  engine_fails(HttpFailure::kTimeout);
  for (int age = 1010; age < 5000; age += 100) {
    ASSERT_EQ(published().substr(0, 10), "up queue 3") << age;
    time_.advance(milliseconds(100));
  }
  time_.advance(milliseconds(1100));
  EXPECT_EQ(published(), "unreachable");
  EXPECT_EQ(time_.pending(), 1U) << "only the next tick, or the scrape in flight";
}

TEST_F(ScrapeLoopTest, AGoneEngineIsBackWithinTwoIntervals) {
  engine_says(3);
  start();
  for (const auto failure : {HttpFailure::kRefused, HttpFailure::kReset}) {
    engine_fails(failure);
    time_.advance(seconds(30));
    EXPECT_EQ(published(), "unreachable");
    engine_says(4);
    time_.advance(seconds(2));
    EXPECT_EQ(published().substr(0, 10), "up queue 4") << failure_name(failure);
  }
}

TEST_F(ScrapeLoopTest, AHungEngineIsBackWithinTwoIntervalsOfItsNextAnswer) {
  engine_says(3);
  start();
  engine_fails(HttpFailure::kTimeout);
  time_.advance(seconds(30));
  EXPECT_EQ(published(), "unreachable");
  engine_says(4);
  time_.advance(seconds(4 + 2));  // the request in flight when it healed hangs to its end
  EXPECT_EQ(published().substr(0, 10), "up queue 4");
}

TEST_F(ScrapeLoopTest, GarbageIsNotTheEnginesDeathAndNothingStaleIsServed) {
  engine_says(3);
  start();
  engine_.answers[kPage] = page_answer("\x7f garbage");
  time_.advance(seconds(3));
  EXPECT_EQ(published().substr(0, 10), "up queue 3");
  time_.advance(seconds(3));
  EXPECT_EQ(published(), "unreachable");
  engine_says(4);
  time_.advance(seconds(2));
  EXPECT_EQ(published().substr(0, 10), "up queue 4");
}

TEST_F(ScrapeLoopTest, AStoppedProcessServesNothingOldWhenItWakes) {
  engine_says(3);
  start();
  time_.freeze(seconds(60));  // SIGSTOP … SIGCONT: no timer has run yet
  loop_->expire_values();     // as every request does first
  EXPECT_EQ(published(), "unreachable");
  time_.advance(milliseconds(10));
  EXPECT_EQ(published(), "up queue 3 age 10");
}

TEST_F(ScrapeLoopTest, PublishesOnlyNews) {
  start();
  const std::string token = publisher_.token();
  time_.advance(seconds(30));
  EXPECT_EQ(publisher_.token(), token) << "nobody there, nothing new";
  engine_says(3);
  time_.advance(seconds(2));
  EXPECT_NE(publisher_.token(), token);
}

TEST_F(ScrapeLoopTest, SearchesEverySecondUntilTheEngineIsThere) {
  start(std::nullopt, "http://h:8000");
  time_.advance(seconds(10));
  EXPECT_NEAR(static_cast<double>(engine_.asked.size()), 10, 1);
  EXPECT_TRUE(loop_->tried_once()) << "readiness does not wait for the engine";
  engine_.answers["h:8000/prometheus/metrics"] = page_answer("", "text/plain", 404);
  engine_says(3);
  time_.advance(seconds(2));
  EXPECT_EQ(published().substr(0, 10), "up queue 3");
}

TEST_F(ScrapeLoopTest, FindsTheEngineAgainOnAnotherPath) {
  engine_.answers["h:8000/prometheus/metrics"] = page_answer("", "text/plain", 404);
  engine_says(3);
  start(seconds(1), "http://h:8000");
  engine_.answers["h:8000/metrics"] = page_answer("", "text/plain", 404);
  engine_.answers["h:8000/v1/metrics"] = page_answer(test::vllm_page(4));
  time_.advance(seconds(12));
  EXPECT_EQ(published().substr(0, 10), "up queue 4");
}

TEST_F(ScrapeLoopTest, APageThatReadingEmptiesIsLeftAlone) {
  engine_.answers[kPage] = page_answer("[]", "application/json");
  start();
  time_.advance(seconds(60));
  EXPECT_EQ(engine_.asked.size(), 1U);
}

TEST_F(ScrapeLoopTest, StopsForGoodEvenWithAScrapeInFlight) {
  engine_says(3);
  start();
  engine_.takes = milliseconds(500);
  time_.advance(milliseconds(1200));
  loop_->stop();
  const auto asked = engine_.asked.size();
  const std::string token = publisher_.token();
  time_.advance(seconds(30));
  EXPECT_EQ(engine_.asked.size(), asked);
  EXPECT_EQ(publisher_.token(), token);
}

TEST_F(ScrapeLoopTest, IsAliveWhileItTicksAndNotWhenItsTimerIsLost) {
  engine_fails(HttpFailure::kTimeout);
  start(std::nullopt);
  for (int i = 0; i < 120; ++i) {
    time_.advance(seconds(1));
    ASSERT_TRUE(loop_->alive()) << i;
  }
  loop_->stop();
  time_.advance(seconds(13));
  EXPECT_TRUE(loop_->alive());
  time_.advance(seconds(10));
  EXPECT_FALSE(loop_->alive());
}

}  // namespace
}  // namespace leadline
