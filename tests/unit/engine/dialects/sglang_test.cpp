#include "engine/dialects/sglang.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/engine/dialects/pages.h"
#include "tests/unit/engine/dialects/reading_text.h"

namespace leadline {
namespace {

PageReading read(std::string_view page) {
  return PageReading(sglang_dialect(), page);
}

// --- Ranks.

TEST(SglangTest, DataParallelRanksAreSummedWhateverTheirTensorRank) {
  const PageReading page = read(
      "sglang:num_queue_reqs{dp_rank=\"0\",pp_rank=\"0\",tp_rank=\"0\"} 4\n"
      "sglang:num_queue_reqs{dp_rank=\"1\",pp_rank=\"0\",tp_rank=\"1\"} 5\n"
      "sglang:num_running_reqs{dp_rank=\"0\",pp_rank=\"0\",tp_rank=\"0\"} 10\n"
      "sglang:num_running_reqs{dp_rank=\"1\",pp_rank=\"0\",tp_rank=\"1\"} 20\n"
      "sglang:token_usage{dp_rank=\"0\",pp_rank=\"0\",tp_rank=\"0\"} 0.25\n"
      "sglang:token_usage{dp_rank=\"1\",pp_rank=\"0\",tp_rank=\"1\"} 0.5\n"
      "sglang:max_total_num_tokens{dp_rank=\"0\",pp_rank=\"0\",tp_rank=\"0\"} 1000\n"
      "sglang:max_total_num_tokens{dp_rank=\"1\",pp_rank=\"0\",tp_rank=\"1\"} 500\n");
  EXPECT_EQ(page.text(Gauge::kQueueDepth), "9");
  EXPECT_EQ(page.text(Gauge::kRunningRequests), "30");
  EXPECT_EQ(page.text(Gauge::kBatchSize), "15");
  EXPECT_EQ(page.text(Gauge::kKvCacheUtilization), "0.375");
  EXPECT_EQ(page.capacity(), "1500");
}

// Pipeline stages and, with --enable-metrics-for-all-schedulers, tensor ranks print the same queue.
TEST(SglangTest, OfRanksInsideARankTheLowestIsRead) {
  const auto f = [](std::string_view rows, std::string_view want) {
    SCOPED_TRACE(rows);
    EXPECT_EQ(read(rows).text(Gauge::kQueueDepth), want);
  };
  f("sglang:num_queue_reqs{pp_rank=\"1\",tp_rank=\"0\"} 7\n"
    "sglang:num_queue_reqs{pp_rank=\"0\",tp_rank=\"0\"} 4\n",
    "4");
  f("sglang:num_queue_reqs{pp_rank=\"0\",tp_rank=\"10\"} 7\n"
    "sglang:num_queue_reqs{pp_rank=\"0\",tp_rank=\"9\"} 4\n"
    "sglang:num_queue_reqs{pp_rank=\"1\",tp_rank=\"0\"} 3\n",
    "4");
  f("sglang:num_queue_reqs{dp_rank=\"0\",pp_rank=\"0\",tp_rank=\"0\",moe_ep_rank=\"0\"} 4\n"
    "sglang:num_queue_reqs{dp_rank=\"0\",pp_rank=\"0\",tp_rank=\"1\",moe_ep_rank=\"1\"} 4\n"
    "sglang:num_queue_reqs{dp_rank=\"1\",pp_rank=\"0\",tp_rank=\"2\",moe_ep_rank=\"2\"} 5\n"
    "sglang:num_queue_reqs{dp_rank=\"1\",pp_rank=\"0\",tp_rank=\"3\",moe_ep_rank=\"3\"} 5\n",
    "9");
}

TEST(SglangTest, CountersAndHistogramsOfCopiesCountOnceToo) {
  const PageReading page = read(
      "sglang:realtime_tokens_total{mode=\"decode\",pp_rank=\"0\",tp_rank=\"0\"} 100\n"
      "sglang:realtime_tokens_total{mode=\"decode\",pp_rank=\"1\",tp_rank=\"0\"} 98\n"
      "sglang:queue_time_seconds_sum{pp_rank=\"0\",tp_rank=\"0\"} 2.5\n"
      "sglang:queue_time_seconds_sum{pp_rank=\"1\",tp_rank=\"0\"} 2.5\n"
      "sglang:queue_time_seconds_bucket{le=\"+Inf\",pp_rank=\"0\",tp_rank=\"0\"} 4\n"
      "sglang:queue_time_seconds_bucket{le=\"+Inf\",pp_rank=\"1\",tp_rank=\"0\"} 4\n");
  EXPECT_EQ(page.text(Counter::kGenerationTokens), "100");
  EXPECT_EQ(page.text(Latency::kQueueTime), "4 in 2.5");
}

// Series come on first use: that a lower rank comes later is no other part, hence no restart.
TEST(SglangTest, WhichCopyIsReadMakesNoOtherPart) {
  const auto part = [](std::string_view ranks) {
    const PageReading page =
        read(fmt::format("sglang:realtime_tokens_total{{mode=\"decode\",{}}} 7\n", ranks));
    const auto& parts = page.whole().series.at(0).counters[index_of(Counter::kGenerationTokens)];
    const auto found = std::find_if(parts.begin(), parts.end(),
                                    [](const CounterPart& one) { return one.value == 7; });
    return found == parts.end() ? std::uint64_t{0} : found->part;
  };
  EXPECT_NE(part("tp_rank=\"0\""), 0U);
  EXPECT_EQ(part("pp_rank=\"0\",tp_rank=\"0\""), part("pp_rank=\"1\",tp_rank=\"4\""));
  EXPECT_NE(part("dp_rank=\"0\",tp_rank=\"0\""), part("dp_rank=\"1\",tp_rank=\"0\""));
}

TEST(SglangTest, PrioritiesArePartsOfTheTotal) {
  const PageReading page = read(
      "sglang:num_queue_reqs{priority=\"\",tp_rank=\"0\"} 9\n"
      "sglang:num_queue_reqs{priority=\"0\",tp_rank=\"0\"} 4\n"
      "sglang:num_queue_reqs{priority=\"10\",tp_rank=\"0\"} 5\n");
  EXPECT_EQ(page.text(Gauge::kQueueDepth), "9");
}

// --- Disaggregation.

TEST(SglangTest, QueuesOfDisaggregationAreWaitingToo) {
  const auto f = [](std::string_view family, std::string_view want) {
    SCOPED_TRACE(family);
    EXPECT_EQ(read(fmt::format("sglang:num_queue_reqs{{tp_rank=\"0\"}} 1\n{}{{tp_rank=\"0\"}} 2\n",
                               family))
                  .text(Gauge::kQueueDepth),
              want);
  };
  f("sglang:num_grammar_queue_reqs", "3");
  f("sglang:num_prefill_bootstrap_queue_reqs", "3");
  f("sglang:num_prefill_prealloc_queue_reqs", "3");  // the same until 0.5.12
  f("sglang:num_prefill_inflight_queue_reqs", "3");
  f("sglang:num_prefill_infight_queue_reqs", "3");  // the same until 0.5.2
  f("sglang:num_decode_prealloc_queue_reqs", "3");
  f("sglang:num_decode_transfer_queue_reqs", "3");
  f("sglang:num_retracted_reqs", "1");
  f("sglang:num_paused_reqs", "1");
  EXPECT_EQ(read("sglang:num_grammar_queue_reqs 2\n").text(Gauge::kQueueDepth), "-");
}

TEST(SglangTest, TheEngineTypeIsTheRole) {
  const auto f = [](std::string_view type, std::string_view want) {
    const PageReading page =
        read(fmt::format("sglang:num_requests_total{{model_name=\"m\"}} 3\n"
                         "sglang:num_queue_reqs{{engine_type=\"{}\",model_name=\"m\"}} 1\n",
                         type));
    EXPECT_EQ(page.whole().series.at(0).role, want);
    EXPECT_EQ(page.text(Counter::kFinishedRequests), "3");
  };
  f("unified", "both");
  f("prefill", "prefill");
  f("decode", "decode");
  f("", "both");
}

// --- Tokens and requests.

TEST(SglangTest, LiveTokensWinOverThoseOfFinishedRequests) {
  const std::string finished =
      "sglang:prompt_tokens_total{is_streaming=\"true\"} 70\n"
      "sglang:prompt_tokens_total{is_streaming=\"false\"} 30\n"
      "sglang:generation_tokens_total{is_streaming=\"true\"} 10\n";
  EXPECT_EQ(read(finished).text(Counter::kPromptTokens), "100");
  EXPECT_EQ(read(finished).text(Counter::kGenerationTokens), "10");
  const PageReading live =
      read(finished +
           "sglang:realtime_tokens_total{mode=\"prefill_compute\",dp_rank=\"0\"} 80\n"
           "sglang:realtime_tokens_total{mode=\"prefill_compute\",dp_rank=\"1\"} 10\n"
           "sglang:realtime_tokens_total{mode=\"prefill_cache\",dp_rank=\"0\"} 40\n");
  EXPECT_EQ(live.text(Counter::kPromptTokens), "130");
  EXPECT_EQ(live.text(Counter::kGenerationTokens), "0");  // nothing decoded yet, and known
}

TEST(SglangTest, ThroughputThatSticksIsNeverRead) {
  const PageReading page =
      read("sglang:num_running_reqs 3\nsglang:gen_throughput{tp_rank=\"0\"} 1432.2\n");
  EXPECT_EQ(page.text(Counter::kGenerationTokens), "-");
}

TEST(SglangTest, ErrorsAreAbortsAndServerErrors) {
  const auto f = [](std::string_view rows, std::string_view want) {
    SCOPED_TRACE(rows);
    EXPECT_EQ(read(fmt::format("sglang:num_queue_reqs 0\n{}", rows)).text(Counter::kRequestErrors),
              want);
  };
  f("", "-");  // no abort yet: the series comes with the first
  f("sglang:num_aborted_requests_total 3\n", "3");
  f("sglang:num_aborted_requests 3\n", "3");
  f("sglang:http_responses_total{endpoint=\"/generate\",status_code=\"200\"} 9\n", "0");
  f("sglang:http_responses_total{endpoint=\"/generate\",status_code=\"500\"} 1\n"
    "sglang:http_responses_total{endpoint=\"/generate\",status_code=\"503\"} 2\n"
    "sglang:http_responses_total{endpoint=\"/generate\",status_code=\"400\"} 5\n"
    "sglang:num_aborted_requests_total 4\n",
    "7");
}

TEST(SglangTest, PrefixHitsAreCountersWhereThereAreSome) {
  const PageReading page = read(
      "sglang:cached_tokens_total{cache_source=\"device\"} 30\n"
      "sglang:cached_tokens_total{cache_source=\"host\"} 10\n"
      "sglang:prompt_tokens_total 100\n"
      "sglang:realtime_tokens_total{mode=\"prefill_compute\"} 500\n"
      "sglang:cache_hit_rate 0.25\n");
  EXPECT_EQ(page.text(Counter::kPrefixCacheHits), "40");
  EXPECT_EQ(page.text(Counter::kPrefixCacheQueries), "100");
  EXPECT_EQ(page.text(Gauge::kPrefixCacheHit), "0.25");  // of engines without the counters
}

// --- Latencies.

constexpr std::string_view kTtft = "sglang:time_to_first_token_seconds";

std::string ttft_rows(std::string_view labels, double count, double sum) {
  return fmt::format("{0}_bucket{{{1}le=\"+Inf\"}} {2}\n{0}_sum{{{1}}} {3}\n", kTtft, labels, count,
                     sum);
}

TEST(SglangTest, TtftIsThatOfStreamingRequests) {
  const std::string streaming = ttft_rows("is_streaming=\"true\",", 4, 2);
  const std::string whole = ttft_rows("is_streaming=\"false\",", 9, 90);
  EXPECT_EQ(read(streaming + whole).text(Latency::kTtft), "4 in 2");
  EXPECT_EQ(read(whole + streaming).text(Latency::kTtft), "4 in 2");
  EXPECT_EQ(read(ttft_rows("", 7, 3)).text(Latency::kTtft), "7 in 3");  // before 0.5.17
  EXPECT_EQ(read("sglang:num_queue_reqs 0\n" + whole).text(Latency::kTtft), "-");
}

TEST(SglangTest, E2eIsThatOfAllRequests) {
  constexpr std::string_view kRows =
      "sglang:e2e_request_latency_seconds_bucket{is_streaming=\"true\",le=\"+Inf\"} 4\n"
      "sglang:e2e_request_latency_seconds_bucket{is_streaming=\"false\",le=\"+Inf\"} 1\n"
      "sglang:e2e_request_latency_seconds_sum{is_streaming=\"true\"} 2\n"
      "sglang:e2e_request_latency_seconds_sum{is_streaming=\"false\"} 3\n";
  EXPECT_EQ(read(kRows).text(Latency::kE2eLatency), "5 in 5");
}

TEST(SglangTest, RenamedLatenciesAreReadUnderEitherNameAndNeverTwice) {
  const auto rows = [](std::string_view family, int count) {
    return fmt::format("sglang:{0}_bucket{{le=\"+Inf\"}} {1}\nsglang:{0}_sum 1\n", family, count);
  };
  const auto f = [](const std::string& page, Latency which, std::string_view want) {
    EXPECT_EQ(read(page).text(which), want) << page;
  };
  f(rows("time_per_output_token_seconds", 3), Latency::kInterTokenLatency, "3 in 1");
  f(rows("inter_token_latency_seconds", 3), Latency::kInterTokenLatency, "3 in 1");
  f(rows("inter_token_latency_seconds", 3) + rows("time_per_output_token_seconds", 5),
    Latency::kInterTokenLatency, "3 in 1");
  f(rows("queue_time_s", 3), Latency::kQueueTime, "3 in 1");
  f(rows("queue_time_s", 3) + rows("queue_time_seconds", 4), Latency::kQueueTime, "4 in 1");
}

TEST(SglangTest, GaugesWithEdgesAreNoHistograms) {
  const PageReading page = read(
      "sglang:num_running_reqs 1\n"
      "sglang:routing_key_running_req_count{gt=\"0\",le=\"1\"} 8\n"
      "sglang:routing_key_all_req_count{gt=\"200\",le=\"+Inf\"} 8\n"
      "sglang:fwd_occupancy NaN\n");
  for (const auto& parts : page.whole().series.at(0).histograms) EXPECT_TRUE(parts.empty());
  for (const auto& parts : page.whole().series.at(0).counters) EXPECT_TRUE(parts.empty());
  EXPECT_EQ(page.whole().bad_lines, 0U);
}

// --- First use, drift, other programs.

TEST(SglangTest, SeriesAreOwedOnlyOnceRequestsFinished) {
  constexpr std::string_view kStarting =
      "sglang:max_total_num_tokens{model_name=\"m\"} 1000\n# TYPE sglang:num_queue_reqs gauge\n";
  EXPECT_TRUE(read(kStarting).whole().series.empty());
  EXPECT_EQ(read("sglang:num_running_reqs 1\n").missing(), "");
  EXPECT_EQ(read("sglang:num_running_reqs 1\nsglang:num_requests_total 1\n").missing(),
            "queue_depth kv_cache_utilization prompt_tokens generation_tokens "
            "e2e_latency_seconds in_flight_requests tokens ");
}

TEST(SglangTest, TheGatewayIsNotTheEngine) {
  for (const char* page : {"smg_worker_requests_active 3\n", "sglang_num_queue_reqs 3\n"}) {
    const auto reading = sglang_dialect().read({page, "text/plain"});
    ASSERT_FALSE(reading) << page;
    EXPECT_NE(reading.error().message.find("page is not of sglang: family prefix s"),
              std::string::npos)
        << reading.error().message;
  }
}

TEST(SglangTest, WhatItCannotTellIsSaid) {
  ASSERT_EQ(sglang_dialect().absent().size(), 1U);
  EXPECT_EQ(sglang_dialect().absent()[0].signal, Signal::kQueueTokens);
}

}  // namespace
}  // namespace leadline
