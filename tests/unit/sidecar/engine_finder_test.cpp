// Where the engine is looked for, in which order, and what is left alone.

#include "sidecar/engine_finder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "tests/unit/sidecar/fakes.h"

namespace leadline {
namespace {

using std::chrono::seconds;
using test::failure_of;
using test::page_answer;

class EngineFinderTest : public testing::Test {
 protected:
  // Searches to the end; "vllm at 127.0.0.1:8000/metrics" or "none: bad_status".
  std::string search(const EngineAddress& address) {
    EngineFinder finder(scraper_, address);
    found_.reset();
    finder.search([this](FindOutcome found) { found_ = std::move(found); });
    time_.advance(seconds(300));
    EXPECT_TRUE(found_);
    if (!found_->endpoint) return fmt::format("none: {}", result_name(found_->outcome.result));
    return fmt::format("{} at {}{}", found_->outcome.engine, authority(*found_->endpoint),
                       found_->endpoint->path);
  }

  static EngineAddress at(const std::string& url) { return {.url = *parse_url(url), .ports = {}}; }

  [[nodiscard]] std::string asked() const {
    return fmt::format("{}", fmt::join(engine_.asked, " "));
  }

  test::FakeTime time_;
  test::FakeEngine engine_{time_};
  SelfMetrics metrics_;
  Scraper scraper_{engine_, {}, time_.clock(), metrics_};
  std::optional<FindOutcome> found_;
};

const HttpResult kNotFound = page_answer("{\"detail\":\"Not Found\"}", "application/json", 404);

TEST_F(EngineFinderTest, TriesThePathsOfTheNamedPortInTheSurveysOrder) {
  engine_.answers["h:8000/prometheus/metrics"] = kNotFound;
  engine_.answers["h:8000/metrics"] = page_answer(test::vllm_page(3));
  EXPECT_EQ(search(at("http://h:8000")), "vllm at h:8000/metrics");
  EXPECT_EQ(asked(), "h:8000/prometheus/metrics h:8000/metrics");
}

TEST_F(EngineFinderTest, AUrlWithAPathIsThatPageAlone) {
  EXPECT_EQ(search(at("http://h:8000/metrics")), "none: refused");
  EXPECT_EQ(asked(), "h:8000/metrics");
}

TEST_F(EngineFinderTest, ARefusingPortIsAskedOnceNotForEveryPath) {
  EXPECT_EQ(search({.url = {}, .ports = {8000, 8001}}), "none: refused");
  EXPECT_EQ(asked(), "127.0.0.1:8000/prometheus/metrics 127.0.0.1:8001/prometheus/metrics");
}

TEST_F(EngineFinderTest, ABusyPortIsAskedOnceToo) {
  engine_.answers["h:8000/prometheus/metrics"] = failure_of(HttpFailure::kTimeout);
  EXPECT_EQ(search(at("http://h:8000")), "none: timeout");
  EXPECT_EQ(asked(), "h:8000/prometheus/metrics");
}

TEST_F(EngineFinderTest, LooksAtTheDefaultPortsOnLoopback) {
  engine_.answers["127.0.0.1:8080/prometheus/metrics"] = kNotFound;
  engine_.answers["127.0.0.1:8080/metrics"] = page_answer(test::vllm_page(3));
  EXPECT_EQ(search({}), "vllm at 127.0.0.1:8080/metrics");
  EXPECT_EQ(asked(),
            "127.0.0.1:8000/prometheus/metrics 127.0.0.1:30000/prometheus/metrics "
            "127.0.0.1:8080/prometheus/metrics 127.0.0.1:8080/metrics");
}

TEST_F(EngineFinderTest, NeighbourPortsAreAskedOnlyWhereTheNamedOneHasNoPage) {
  for (const char* path : {"/prometheus/metrics", "/metrics", "/v1/metrics",
                           "/monitoring/prometheus/metrics", "/server/metrics"}) {
    engine_.answers["h:8000" + std::string(path)] = kNotFound;
  }
  engine_.answers["h:8002/metrics"] = page_answer(test::vllm_page(3));
  EXPECT_EQ(search(at("http://h:8000")), "vllm at h:8002/metrics");
  // Starting: its own page will come, the neighbour's may be somebody else's.
  engine_.answers["h:8000/metrics"] =
      page_answer("# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1\n");
  EXPECT_EQ(search(at("http://h:8000")), "none: no_series");
}

TEST_F(EngineFinderTest, APageThatReadingEmptiesIsNeverReadAgain) {
  engine_.answers["h:8000/metrics"] = page_answer("[{\"iter\":1}]", "application/json");
  EXPECT_EQ(search(at("http://h:8000/metrics")), "none: draining_page");
  engine_.asked.clear();
  search(at("http://h:8000/metrics"));
  EXPECT_EQ(asked(), "");
  EXPECT_FALSE(found_->telling);
}

TEST_F(EngineFinderTest, TellsTheMostTellingFailure) {
  engine_.answers["127.0.0.1:1/prometheus/metrics"] = kNotFound;
  engine_.answers["127.0.0.1:1/metrics"] = page_answer("<!DOCTYPE html><html></html>", "text/html");
  engine_.answers["127.0.0.1:1/v1/metrics"] = kNotFound;
  EXPECT_EQ(search({.url = {}, .ports = {1, 2}}), "none: bad_page");
  EXPECT_EQ(authority(*found_->telling) + found_->telling->path, "127.0.0.1:1/metrics");
  EXPECT_EQ(found_->tried.size(), 5U)
      << "four of the first port until it refuses, one of the other";
}

TEST_F(EngineFinderTest, CountsEveryScrapeByItsResult) {
  search({.url = {}, .ports = {8000}});
  EXPECT_EQ(metrics_.scrapes[static_cast<std::size_t>(ScrapeResult::kRefused)], 1U);
}

}  // namespace
}  // namespace leadline
