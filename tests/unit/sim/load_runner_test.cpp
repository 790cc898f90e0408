#include "sim/load_runner.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/engine_server.h"

namespace leadline {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

PerfModel quick_model() {
  return {{{1, .001}}, {{1, .001}}};
}

std::unique_ptr<EngineServer> start_engine(PerfModel perf = quick_model(), Faults faults = {}) {
  EngineServerConfig config;
  config.faults = std::move(faults);
  auto server = EngineServer::start(std::move(config), std::move(perf));
  EXPECT_TRUE(server.has_value());
  return std::move(*server);
}

// 60 requests, three a millisecond: many are in flight at once.
LoadPlan busy_plan() {
  LoadPlan plan;
  for (int i = 0; i < 60; ++i) {
    plan.arrivals.push_back({std::chrono::microseconds(333 * i), 1 + 17 * i, 1 + i % 23});
  }
  plan.duration = milliseconds(20);
  return plan;
}

int sum_of(const LoadPlan& plan, int Arrival::* member) {
  return std::accumulate(plan.arrivals.begin(), plan.arrivals.end(), 0,
                         [member](int sum, const Arrival& a) { return sum + a.*member; });
}

std::unique_ptr<LoadRunner> start_load(LoadPlan plan, LoadRunnerOptions options) {
  auto runner = LoadRunner::create(std::move(plan), std::move(options));
  EXPECT_TRUE(runner.has_value()) << runner.error().message;
  (*runner)->start();
  return std::move(*runner);
}

json summary_after(LoadRunner& runner) {
  EXPECT_TRUE(runner.wait_finished(seconds(60)));
  return json::parse(runner.summary_json(), nullptr, false);
}

TEST(LoadRunnerTest, CountsEqualTheEnginesTotalsExactly) {
  const auto one = start_engine();
  const auto two = start_engine();
  const LoadPlan plan = busy_plan();
  const auto runner = start_load(plan, {.urls = {one->url(), two->url() + "/"}});
  const json summary = summary_after(*runner);
  EXPECT_EQ(summary["finished"], 60);
  EXPECT_EQ(summary["failed"], 0);
  EXPECT_EQ(summary["prompt_tokens"], sum_of(plan, &Arrival::prompt_tokens));
  EXPECT_EQ(summary["generation_tokens"], sum_of(plan, &Arrival::generation_tokens));
  const EngineTotals a = one->host().state().totals;
  const EngineTotals b = two->host().state().totals;
  EXPECT_EQ(summary["prompt_tokens"], a.prompt_tokens + b.prompt_tokens);
  EXPECT_EQ(summary["generation_tokens"], a.generation_tokens + b.generation_tokens);
  EXPECT_GT(a.accepted, 10U) << "balanced";
  EXPECT_GT(b.accepted, 10U) << "balanced";
  std::uint64_t first_tokens = 0;
  for (const auto& count : summary["ttft_histogram"]["counts"])
    first_tokens += count.get<std::uint64_t>();
  EXPECT_EQ(first_tokens, 60U);
}

TEST(LoadRunnerTest, RecordsHaveOneRowPerRequestAndNoTtftBelowTheEngines) {
  const auto engine = start_engine();
  const auto runner = start_load(busy_plan(), {.urls = {engine->url()}});
  const json summary = summary_after(*runner);
  const std::string csv = runner->records_csv();
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 61);
  const EngineTotals totals = engine->host().state().totals;
  EXPECT_GE(summary["ttft_histogram"]["sum"].get<double>(), totals.ttft.sum);
}

TEST(LoadRunnerTest, NothingListeningAndNoEnginesAreRefusals) {
  const std::string gone = [] {
    auto engine = start_engine();
    return engine->url();
  }();
  for (const auto& urls : {std::vector<std::string>{}, std::vector<std::string>{gone}}) {
    const auto runner = start_load(busy_plan(), {.urls = urls});
    const json summary = summary_after(*runner);
    EXPECT_EQ(summary["refused"], 60);
    EXPECT_EQ(summary["finished"], 0);
    EXPECT_EQ(summary["in_flight"], 0);
    EXPECT_EQ(summary["slo_share"], 0.0);
  }
}

TEST(LoadRunnerTest, ARefusedRequestIsTriedAtOneOtherEngine) {
  const auto engine = start_engine();
  const std::string gone = [] { return start_engine()->url(); }();
  const auto runner = start_load(busy_plan(), {.urls = {gone, engine->url()}});
  EXPECT_EQ(summary_after(*runner)["finished"], 60);
}

TEST(LoadRunnerTest, OpenLoopSendsWhileNothingIsAnswered) {
  const auto engine = start_engine(quick_model(), {.hang = true});
  const auto runner = start_load(busy_plan(), {.urls = {engine->url()}});
  while (runner->progress().totals.sent < 60) std::this_thread::yield();
  EXPECT_EQ(runner->progress().totals.in_flight, 60U);
  runner->stop();
  EXPECT_EQ(summary_after(*runner)["finished"], 0);
  EXPECT_EQ(runner->progress().totals.in_flight, 0U);
}

TEST(LoadRunnerTest, BeyondTheBoundRequestsAreDroppedNotDelayed) {
  const auto engine = start_engine(quick_model(), {.freeze = true});
  const auto runner = start_load(busy_plan(), {.urls = {engine->url()}, .max_in_flight = 10});
  while (runner->progress().totals.dropped < 50) std::this_thread::yield();
  EXPECT_EQ(runner->progress().totals.sent, 10U);
  engine->host().freeze(false);
  EXPECT_EQ(summary_after(*runner)["finished"], 10);
}

TEST(LoadRunnerTest, ReplacedUrlsTakeTheNextRequests) {
  const auto before = start_engine();
  const auto after = start_engine();
  LoadPlan plan;
  plan.arrivals = {{milliseconds(0), 5, 5}, {milliseconds(1000), 5, 5}};
  const auto runner = start_load(plan, {.urls = {before->url()}});
  while (runner->progress().totals.finished < 1) std::this_thread::yield();
  ASSERT_TRUE(runner->set_urls({after->url()}).has_value());
  EXPECT_EQ(summary_after(*runner)["finished"], 2);
  EXPECT_EQ(before->host().state().totals.accepted, 1U);
  EXPECT_EQ(after->host().state().totals.accepted, 1U);
}

TEST(LoadRunnerTest, UrlsFileIsReadAgainWhenItChanges) {
  const auto before = start_engine();
  const auto after = start_engine();
  const std::string path =
      testing::TempDir() + "load_runner_urls_" + std::to_string(before->port());
  std::ofstream(path) << "# engines\n\n" << before->url() << '\n';
  LoadPlan plan;
  plan.arrivals = {{milliseconds(0), 5, 5}, {milliseconds(2000), 5, 5}};
  const auto runner = start_load(plan, {.urls_file = path});
  while (runner->progress().totals.finished < 1) std::this_thread::yield();
  std::ofstream(path) << after->url() << '\n';
  EXPECT_EQ(summary_after(*runner)["finished"], 2);
  EXPECT_EQ(before->host().state().totals.accepted, 1U);
  EXPECT_EQ(after->host().state().totals.accepted, 1U);
  std::filesystem::remove(path);
}

TEST(LoadRunnerTest, BrokenStreamIsAFailure) {
  const auto engine = start_engine(PerfModel{{{1, .001}}, {{1, 60}}});
  LoadPlan plan;
  plan.arrivals = {{milliseconds(0), 5, 5}};
  const auto runner = start_load(plan, {.urls = {engine->url()}});
  while (runner->progress().totals.generation_tokens < 1) std::this_thread::yield();
  engine->host().restart();
  const json summary = summary_after(*runner);
  EXPECT_EQ(summary["failed"], 1);
  EXPECT_EQ(summary["generation_tokens"], 1);
}

TEST(LoadRunnerTest, BadUrlsAreConfigurationErrors) {
  const auto f = [](const std::string& url) {
    SCOPED_TRACE(url);
    const auto runner = LoadRunner::create({}, {.urls = {url}});
    ASSERT_FALSE(runner.has_value());
    EXPECT_EQ(runner.error().code, Errc::kBadConfig);
  };
  f("https://127.0.0.1:1");
  f("127.0.0.1:1");
  f("http://127.0.0.1:port");
}

}  // namespace
}  // namespace leadline
