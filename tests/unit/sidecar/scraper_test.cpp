#include "sidecar/scraper.h"

#include <fstream>

#include <gtest/gtest.h>

#include "tests/unit/sidecar/fakes.h"

namespace leadline {
namespace {

using std::chrono::seconds;
using test::page_answer;

const HttpUrl kEndpoint = *parse_url("http://h:8000/metrics");

class ScraperTest : public testing::Test {
 protected:
  ScrapeOutcome scrape(Scraper& scraper) {
    std::optional<ScrapeOutcome> outcome;
    scraper.scrape(kEndpoint, [&](ScrapeOutcome made) { outcome = std::move(made); });
    time_.advance(seconds(5));
    return std::move(outcome.value());
  }
  std::string result(HttpResult answer) {
    engine_.answers["h:8000/metrics"] = std::move(answer);
    Scraper scraper(engine_, {}, time_.clock(), metrics_);
    return std::string(result_name(scrape(scraper).result));
  }

  test::FakeTime time_;
  test::FakeEngine engine_{time_};
  SelfMetrics metrics_;
};

TEST_F(ScraperTest, NamesWhatEachAnswerIs) {
  using test::failure_of;
  EXPECT_EQ(result(page_answer(test::vllm_page(3))), "ok");
  EXPECT_EQ(result(failure_of(HttpFailure::kRefused)), "refused");
  EXPECT_EQ(result(failure_of(HttpFailure::kUnreachable)), "refused");
  EXPECT_EQ(result(failure_of(HttpFailure::kReset)), "reset");
  EXPECT_EQ(result(failure_of(HttpFailure::kTimeout)), "timeout");
  EXPECT_EQ(result(failure_of(HttpFailure::kTooLarge)), "too_large");
  EXPECT_EQ(result(failure_of(HttpFailure::kBadAnswer)), "bad_answer");
  EXPECT_EQ(result(page_answer("", "text/plain", 500)), "bad_status");
  EXPECT_EQ(result(page_answer("", "text/plain", 404)), "bad_status");
  EXPECT_EQ(result(page_answer("", "text/plain", 401)), "unauthorized");
  EXPECT_EQ(result(page_answer("", "text/plain", 403)), "unauthorized");
  EXPECT_EQ(result(page_answer("")), "bad_page");
  EXPECT_EQ(result(page_answer("<html><body>hello</body></html>", "text/html")), "bad_page");
  EXPECT_EQ(result(page_answer("{\"error\":\"no\"}", "application/json")), "bad_page");
  EXPECT_EQ(result(page_answer("\x01\x02 garbage \xff")), "bad_page");
  EXPECT_EQ(result(page_answer("# TYPE python_info gauge\npython_info 1\n")), "no_series");
  EXPECT_EQ(result(page_answer("[{\"a\":1}]", "application/json")), "draining_page");
}

// llama.cpp says what it is while it has no page; the search need not go on elsewhere.
TEST_F(ScraperTest, ARefusalInTheEnginesWordsIsAnEngineThatStarts) {
  const auto f = [&](int status, const char* body, ScrapeResult want, const char* why) {
    SCOPED_TRACE(body);
    engine_.answers["h:8000/metrics"] = page_answer(body, "application/json", status);
    Scraper scraper(engine_, {}, time_.clock(), metrics_);
    const ScrapeOutcome outcome = scrape(scraper);
    EXPECT_EQ(outcome.result, want);
    EXPECT_EQ(outcome.why, why);
    EXPECT_EQ(outcome.engine, want == ScrapeResult::kNoSeries ? "llamacpp" : "");
  };
  f(503, R"({"error":{"code":503,"message":"Loading model","type":"unavailable_error"}})",
    ScrapeResult::kNoSeries, "HTTP 503: Loading model");
  f(501,
    R"({"error":{"code":501,"message":"Start it with `--metrics`","type":"not_supported_error"}})",
    ScrapeResult::kNoSeries, "HTTP 501: Start it with `--metrics`");
  f(404, R"({"error":{"code":404,"message":"File Not Found","type":"not_found_error"}})",
    ScrapeResult::kBadStatus, "HTTP 404: File Not Found");
}

TEST_F(ScraperTest, TheStartOfTheProcessMayStandInAHeader) {
  HttpAnswer answer = page_answer("llamacpp:requests_processing 1\n");
  answer.headers.push_back({"process-start-time-unix", "14843112345"});
  engine_.answers["h:8000/metrics"] = answer;
  Scraper scraper(engine_, {}, time_.clock(), metrics_);
  const ScrapeOutcome outcome = scrape(scraper);
  ASSERT_TRUE(outcome.reading) << outcome.why;
  EXPECT_EQ(outcome.reading->process_start, 14843112345);
}

TEST_F(ScraperTest, SaysWhichEngineItCannotReadYet) {
  engine_.answers["h:8000/metrics"] =
      page_answer("# TYPE ovms_requests_success counter\novms_requests_success{name=\"m\"} 1\n");
  Scraper scraper(engine_, {}, time_.clock(), metrics_);
  const ScrapeOutcome outcome = scrape(scraper);
  EXPECT_EQ(result_name(outcome.result), "no_dialect");
  EXPECT_FALSE(outcome.engine.empty());
}

TEST_F(ScraperTest, TheSampleIsAsOldAsTheQuestion) {
  engine_.answers["h:8000/metrics"] = page_answer(test::vllm_page(3));
  engine_.takes = std::chrono::milliseconds(700);
  const Instant asked = time_.now();
  Scraper scraper(engine_, {}, time_.clock(), metrics_);
  const ScrapeOutcome outcome = scrape(scraper);
  EXPECT_EQ(outcome.started.steady, asked.steady);
  EXPECT_EQ(outcome.duration, std::chrono::milliseconds(700));
}

TEST_F(ScraperTest, AForcedDialectIsNotAskedWhetherItFits) {
  engine_.answers["h:8000/metrics"] = page_answer(test::vllm_page(3));
  const ScraperSettings settings{
      .dialect = {std::shared_ptr<const Dialect>(), find_dialect("vllm")},
      .token = "",
      .token_file = ""};
  Scraper scraper(engine_, settings, time_.clock(), metrics_);
  EXPECT_EQ(scrape(scraper).engine, "vllm");
}

TEST_F(ScraperTest, ARotatedKeyIsReadAfterTheEngineRefusedTheOldOne) {
  const std::string path = testing::TempDir() + "leadline_engine_token";
  std::ofstream(path) << "new-key\n";
  engine_.answers["h:8000/metrics"] = page_answer("", "text/plain", 401);
  Scraper scraper(engine_, {.dialect = nullptr, .token = "old-key", .token_file = path},
                  time_.clock(), metrics_);
  scrape(scraper);
  engine_.answers["h:8000/metrics"] = page_answer(test::vllm_page(3));
  scrape(scraper);
  EXPECT_EQ(engine_.bearers, (std::vector<std::string>{"old-key", "new-key"}));
  std::remove(path.c_str());
}

TEST_F(ScraperTest, AnUnreadableKeyKeepsTheOldOneAndIsSaid) {
  engine_.answers["h:8000/metrics"] = page_answer("", "text/plain", 401);
  Scraper scraper(engine_, {.dialect = nullptr, .token = "old-key", .token_file = "/nowhere/key"},
                  time_.clock(), metrics_);
  const ScrapeOutcome outcome = scrape(scraper);
  EXPECT_NE(outcome.why.find("/nowhere/key"), std::string::npos) << outcome.why;
  EXPECT_EQ(outcome.why.find("old-key"), std::string::npos) << "keys are never said";
  scrape(scraper);
  EXPECT_EQ(engine_.bearers.back(), "old-key");
}

}  // namespace
}  // namespace leadline
