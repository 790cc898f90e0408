#include "engine/dialects/vllm.h"

#include <map>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/totals.h"
#include "tests/unit/engine/dialects/pages.h"

namespace leadline {
namespace {

EngineReading read(std::string_view text, std::string_view type = "text/plain; version=0.0.4") {
  const auto reading = vllm_dialect().read({text, type});
  EXPECT_TRUE(reading) << reading.error().message;
  return reading.value_or(EngineReading{});
}

std::string text_or_dash(std::optional<double> value) {
  return value ? fmt::format("{}", *value) : "-";
}

// Sum over the parts; `-` where the engine does not tell.
std::string total(const SeriesReading& series, Counter counter) {
  const auto& parts = series.counters[index_of(counter)];
  double sum = 0;
  for (const CounterPart& part : parts) sum += part.value;
  return parts.empty() ? "-" : fmt::format("{}", sum);
}

std::string gauge_text(std::string_view page, Gauge which) {
  const EngineReading reading = read(page);
  return reading.series.size() == 1 ? text_or_dash(gauge(reading.series[0], which)) : "no series";
}

std::string counter_text(std::string_view page, Counter which) {
  const EngineReading reading = read(page);
  return reading.series.size() == 1 ? total(reading.series[0], which) : "no series";
}

// --- Gauges.

TEST(VllmTest, QueueAndRunningAreSumsOverRanks) {
  const std::string_view page =
      "vllm:num_requests_waiting{engine=\"0\",model_name=\"m\"} 4\n"
      "vllm:num_requests_running{engine=\"0\",model_name=\"m\"} 10\n"
      "vllm:num_requests_waiting{engine=\"1\",model_name=\"m\"} 5\n"
      "vllm:num_requests_running{engine=\"1\",model_name=\"m\"} 20\n";
  EXPECT_EQ(gauge_text(page, Gauge::kQueueDepth), "9");
  EXPECT_EQ(gauge_text(page, Gauge::kRunningRequests), "30");
  EXPECT_EQ(gauge_text(page, Gauge::kBatchSize), "15");
  EXPECT_EQ(gauge_text(page, Gauge::kQueueTokens), "-");
}

TEST(VllmTest, RankNumbersNeedNotBeginAtZero) {
  EXPECT_EQ(
      gauge_text("vllm:num_requests_waiting{engine=\"3\",model_name=\"m\"} 2", Gauge::kQueueDepth),
      "2");
  EXPECT_EQ(gauge_text("vllm:num_requests_waiting{engine=\"[0]\",model_name=\"m\"} 2",  // 0.9
                       Gauge::kQueueDepth),
            "2");
}

TEST(VllmTest, WaitingByReasonIsNotAddedToWaiting) {
  EXPECT_EQ(gauge_text("vllm:num_requests_waiting{engine=\"0\"} 3\n"
                       "vllm:num_requests_waiting_by_reason{engine=\"0\",reason=\"capacity\"} 3\n",
                       Gauge::kQueueDepth),
            "3");
}

TEST(VllmTest, KvUseIsTheFirstNamePresentNeverASum) {
  const auto f = [](std::string_view page, std::string_view want) {
    SCOPED_TRACE(page);
    EXPECT_EQ(gauge_text(page, Gauge::kKvCacheUtilization), want);
  };
  f("vllm:gpu_cache_usage_perc{engine=\"0\"} 0.25", "0.25");
  f("vllm:kv_cache_usage_perc{engine=\"0\"} 0.25", "0.25");
  f("vllm:gpu_cache_usage_perc{engine=\"0\"} 0.5\nvllm:kv_cache_usage_perc{engine=\"0\"} 0.25",
    "0.25");
  f("# TYPE vllm:kv_cache_usage_perc gauge\nvllm:gpu_cache_usage_perc{engine=\"0\"} 0.5", "0.5");
}

TEST(VllmTest, KvUseOfProcessesIsTheHighestPerRankThenTheMean) {
  EXPECT_EQ(gauge_text("vllm:kv_cache_usage_perc{engine=\"0\",pid=\"7\"} 0.5\n"
                       "vllm:kv_cache_usage_perc{engine=\"1\",pid=\"7\"} 0.25\n"
                       "vllm:kv_cache_usage_perc{pid=\"8\",engine=\"0\"} 0.25\n"
                       "vllm:kv_cache_usage_perc{engine=\"1\",pid=\"8\"} 0\n",
                       Gauge::kKvCacheUtilization),
            "0.375");
}

TEST(VllmTest, NumbersThatCannotBeAreAbsent) {
  const auto f = [](std::string_view value, std::string_view kv, std::string_view queue) {
    SCOPED_TRACE(value);
    EXPECT_EQ(gauge_text(fmt::format("vllm:kv_cache_usage_perc{{engine=\"0\"}} {}\n"
                                     "vllm:kv_cache_usage_perc{{engine=\"1\"}} 0.5\n",
                                     value),
                         Gauge::kKvCacheUtilization),
              kv);
    EXPECT_EQ(gauge_text(fmt::format("vllm:num_requests_waiting{{engine=\"0\"}} {}\n"
                                     "vllm:num_requests_waiting{{engine=\"1\"}} 2\n",
                                     value),
                         Gauge::kQueueDepth),
              queue);
  };
  f("0", "0.25", "2");
  f("1", "0.75", "3");
  f("NaN", "0.5", "-");  // a mean of what is known; a sum without a rank would be too low
  f("+Inf", "0.5", "-");
  f("-1", "0.5", "-");
  f("5", "0.5", "7");
}

// --- Counters.

TEST(VllmTest, FinishedCountsEveryReasonAndErrorsOnlyErrors) {
  const std::string page =
      "vllm:request_success_total{engine=\"0\",finished_reason=\"stop\"} 10\n"
      "vllm:request_success_total{engine=\"0\",finished_reason=\"length\"} 5\n"
      "vllm:request_success_total{engine=\"0\",finished_reason=\"abort\"} 3\n"
      "vllm:request_success_total{engine=\"0\",finished_reason=\"repetition\"} 1\n";
  EXPECT_EQ(counter_text(page, Counter::kFinishedRequests), "19");
  EXPECT_EQ(counter_text(page, Counter::kRequestErrors), "0");  // known: before 2025-12 no `error`
  const std::string error =
      "vllm:request_success_total{engine=\"0\",finished_reason=\"error\"} 2\n";
  EXPECT_EQ(counter_text(page + error, Counter::kFinishedRequests), "21");
  EXPECT_EQ(counter_text(page + error, Counter::kRequestErrors), "2");
  EXPECT_EQ(counter_text(page + error +
                             "http_requests_total{status=\"5xx\",handler=\"/a\"} 4\n"
                             "http_requests_total{status=\"5xx\",handler=\"/b\"} 1\n"
                             "http_requests_total{status=\"4xx\",handler=\"/b\"} 9\n",
                         Counter::kRequestErrors),
            "7");
}

TEST(VllmTest, RejectionsCountOnceAsTheir503) {
  EXPECT_EQ(counter_text("vllm:request_success_total{engine=\"0\",finished_reason=\"error\"} 0\n"
                         "vllm:admission_rejections_total{reason=\"max_num_queued_reqs\"} 26\n"
                         "http_requests_total{status=\"5xx\",handler=\"/v1/completions\"} 26\n",
                         Counter::kRequestErrors),
            "26");
}

TEST(VllmTest, HttpErrorsOfSeveralModelsBelongToNone) {
  const std::string models =
      "vllm:request_success_total{engine=\"0\",finished_reason=\"stop\",model_name=\"a\"} 1\n"
      "vllm:request_success_total{engine=\"0\",finished_reason=\"stop\",model_name=\"b\"} 1\n"
      "http_requests_total{status=\"2xx\"} 2\n";
  EXPECT_EQ(read(models).series.size(), 2U);
  const EngineReading reading = read(models + "http_requests_total{status=\"5xx\"} 3\n");
  ASSERT_EQ(reading.series.size(), 3U);
  EXPECT_EQ(total(reading.series[0], Counter::kRequestErrors), "0");
  EXPECT_EQ(reading.series[2].model, "");
  EXPECT_EQ(total(reading.series[2], Counter::kRequestErrors), "3");
  EXPECT_EQ(total(reading.series[2], Counter::kFinishedRequests), "-");
}

TEST(VllmTest, PrefixCacheCountersHaveTwoNames) {
  const std::string_view both =
      "vllm:gpu_prefix_cache_hits_total{engine=\"0\"} "
      "8\nvllm:prefix_cache_hits_total{engine=\"0\"} 8\n"
      "vllm:external_prefix_cache_hits_total{engine=\"0\"} "
      "1\nvllm:mm_cache_hits_total{engine=\"0\"} 1\n";
  EXPECT_EQ(counter_text(both, Counter::kPrefixCacheHits), "8");
  EXPECT_EQ(counter_text("vllm:gpu_prefix_cache_queries_total{engine=\"0\"} 9",
                         Counter::kPrefixCacheQueries),
            "9");
}

TEST(VllmTest, PartsStayTheSameWhateverElseThePageHolds) {
  const auto parts = [](std::string_view page) {
    std::map<std::uint64_t, double> found;
    const EngineReading reading = read(page);
    for (const CounterPart& part :
         reading.series.at(0).counters[index_of(Counter::kGenerationTokens)]) {
      found[part.part] = part.value;
    }
    return found;
  };
  const auto both = parts(
      "vllm:generation_tokens_total{engine=\"0\",model_name=\"m\"} 5\n"
      "vllm:generation_tokens_total{engine=\"1\",model_name=\"m\"} 7\n");
  const auto one = parts("vllm:generation_tokens_total{model_name=\"m\",engine=\"1\"} 8\n");
  ASSERT_EQ(both.size(), 2U);
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(both.at(one.begin()->first), 7);  // rank 0 left: rank 1 is still the same part
}

TEST(VllmTest, APartPrintedTwiceCountsOnce) {
  EXPECT_EQ(counter_text("vllm:generation_tokens_total{engine=\"0\"} 5\n"
                         "vllm:generation_tokens_total{engine=\"0\"} 5\n",
                         Counter::kGenerationTokens),
            "5");
}

TEST(VllmTest, FamiliesThatMisleadAreNotRead) {
  const EngineReading reading = read(
      "vllm:num_requests_running{engine=\"0\",model_name=\"m\"} 1\n"
      "vllm:lora_requests_info{max_lora=\"0\",running_lora_adapters=\"\"} 1.79e9\n"
      "vllm:iteration_tokens_total_sum{engine=\"0\",model_name=\"m\"} 99\n"
      "vllm:iteration_tokens_total_bucket{engine=\"0\",model_name=\"m\",le=\"+Inf\"} 9\n"
      "vllm:generation_tokens_created{engine=\"0\",model_name=\"m\"} 1.79e9\n"
      "vllm:request_time_per_output_token_seconds_sum{engine=\"0\",model_name=\"m\"} 9\n"
      "vllm:request_time_per_output_token_seconds_bucket{engine=\"0\",model_name=\"m\",le=\"+Inf\"}"
      " 9\n"
      "vllm:estimated_flops_per_gpu_total{engine=\"0\",model_name=\"m\"} 0\n"
      "vllm:num_requests_success_total{engine=\"0\",model_name=\"m\"} 9\n"  // exists nowhere
      "vllm:http_requests_total{engine=\"0\",model_name=\"m\"} 9\n");       // nor does this
  ASSERT_EQ(reading.series.size(), 1U);
  EXPECT_EQ(reading.series[0].model, "m");
  EXPECT_TRUE(engine_totals(reading).empty());
}

// --- Histograms.

HistogramPart only_histogram(std::string_view page, Latency latency) {
  const EngineReading reading = read(page);
  const auto& parts = reading.series.at(0).histograms[index_of(latency)];
  EXPECT_EQ(parts.size(), 1U);
  return parts.empty() ? HistogramPart{} : parts[0];
}

TEST(VllmTest, HistogramRowsComeInAnyOrder) {
  const HistogramPart part = only_histogram(
      "vllm:time_to_first_token_seconds_sum{engine=\"0\"} 2.5\n"
      "vllm:time_to_first_token_seconds_bucket{le=\"+Inf\",engine=\"0\"} 4\n"
      "vllm:num_requests_running{engine=\"0\"} 1\n"
      "vllm:time_to_first_token_seconds_bucket{engine=\"0\",le=\"1\"} 3\n"
      "vllm:time_to_first_token_seconds_bucket{engine=\"0\",le=\"0.5\"} 1\n"
      "vllm:time_to_first_token_seconds_count{engine=\"0\"} 4\n",
      Latency::kTtft);
  EXPECT_EQ(part.edges, (std::vector<double>{0.5, 1}));
  EXPECT_EQ(part.cumulative, (std::vector<double>{1, 3, 4}));
  EXPECT_EQ(part.sum, 2.5);
}

TEST(VllmTest, RanksAreHistogramPartsOfTheirOwn) {
  const EngineReading reading = read(
      "vllm:time_to_first_token_seconds_bucket{engine=\"0\",le=\"+Inf\"} 4\n"
      "vllm:time_to_first_token_seconds_bucket{engine=\"1\",le=\"+Inf\"} 6\n"
      "vllm:time_to_first_token_seconds_sum{engine=\"1\"} 1\n"
      "vllm:time_to_first_token_seconds_sum{engine=\"0\"} 2\n");
  EXPECT_EQ(reading.series.at(0).histograms[index_of(Latency::kTtft)].size(), 2U);
  const std::vector<std::pair<std::string, double>> want = {{"ttft_seconds_count", 10},
                                                            {"ttft_seconds_sum", 3}};
  EXPECT_EQ(engine_totals(reading), want);
}

TEST(VllmTest, AHistogramThatIsNotWholeIsAbsent) {
  const auto f = [](std::string_view rows) {
    SCOPED_TRACE(rows);
    const EngineReading reading = read(fmt::format("vllm:num_requests_running{{}} 1\n{}", rows));
    EXPECT_TRUE(reading.series.at(0).histograms[index_of(Latency::kTtft)].empty());
  };
  f("vllm:time_to_first_token_seconds_bucket{le=\"1\"} 3\nvllm:time_to_first_token_seconds_sum "
    "1\n");
  f("vllm:time_to_first_token_seconds_bucket{le=\"+Inf\"} 3\n");
  f("vllm:time_to_first_token_seconds_bucket{le=\"+Inf\"} "
    "NaN\nvllm:time_to_first_token_seconds_sum 1\n");
  f("vllm:time_to_first_token_seconds_bucket{le=\"+Inf\"} 3\nvllm:time_to_first_token_seconds_sum "
    "NaN\n");
  f("vllm:time_to_first_token_seconds_sum 1\nvllm:time_to_first_token_seconds_count 3\n");
}

TEST(VllmTest, TokenGapsHaveTwoNamesForTheSameEvents) {
  const HistogramPart part = only_histogram(
      "vllm:time_per_output_token_seconds_bucket{le=\"+Inf\"} 9\n"
      "vllm:time_per_output_token_seconds_sum 3\n"
      "vllm:inter_token_latency_seconds_bucket{engine=\"0\",le=\"+Inf\"} 9\n"
      "vllm:inter_token_latency_seconds_sum{engine=\"0\"} 3\n",
      Latency::kInterTokenLatency);
  EXPECT_EQ(part.cumulative, (std::vector<double>{9}));
}

// --- Capacity, sleep, restart.

TEST(VllmTest, CapacityIsTokensOverAllRanks) {
  const auto f = [](std::string_view info, std::string_view want) {
    SCOPED_TRACE(info);
    const EngineReading reading =
        read(fmt::format("vllm:num_requests_running{{engine=\"0\",model_name=\"m\"}} 1\n{}", info));
    EXPECT_EQ(text_or_dash(reading.series.at(0).kv_capacity_tokens), want);
  };
  f("", "-");
  f("vllm:cache_config_info{block_size=\"16\",num_gpu_blocks=\"100\"} 1",
    "1600");  // 0.8: no engine
  f("vllm:cache_config_info{block_size=\"16\",engine=\"0\",num_gpu_blocks=\"100\"} 1\n"
    "vllm:cache_config_info{block_size=\"16\",engine=\"1\",num_gpu_blocks=\"50\"} 1",
    "2400");
  f("vllm:cache_config_info{block_size=\"16\",engine=\"0\",num_gpu_blocks=\"100\",pid=\"1\"} 1\n"
    "vllm:cache_config_info{block_size=\"16\",engine=\"0\",num_gpu_blocks=\"100\",pid=\"2\"} 1",
    "1600");
  f("vllm:cache_config_info{block_size=\"16\",engine=\"0\",num_gpu_blocks=\"None\"} 1", "-");
  f("vllm:cache_config_info{block_size=\"16\",engine=\"0\",num_gpu_blocks=\"100\"} 1\n"
    "vllm:cache_config_info{block_size=\"16\",engine=\"1\",num_gpu_blocks=\"None\"} 1",
    "-");
  f("vllm:cache_config_info{block_size=\"16\",kv_cache_size_tokens=\"900\",num_gpu_blocks=\"100\"} "
    "1",
    "900");
  f("vllm:cache_config_info{block_size=\"16\",kv_cache_size_tokens=\"None\",num_gpu_blocks=\"100\"}"
    " 1",
    "1600");
  f("vllm:cache_config{block_size=\"16\",num_gpu_blocks=\"100\"} 1", "1600");
}

TEST(VllmTest, CapacityOfSeveralModelsIsNobodys) {
  const EngineReading reading = read(
      "vllm:num_requests_running{engine=\"0\",model_name=\"a\"} 1\n"
      "vllm:num_requests_running{engine=\"0\",model_name=\"b\"} 1\n"
      "vllm:cache_config_info{block_size=\"16\",num_gpu_blocks=\"9\"} 1\n");
  for (const SeriesReading& series : reading.series)
    EXPECT_EQ(series.kv_capacity_tokens, std::nullopt);
}

TEST(VllmTest, AsleepOnlyWhenEveryRankIs) {
  const auto f = [](int first, int second, bool want) {
    const std::string page = fmt::format(
        "vllm:num_requests_running{{engine=\"0\"}} 0\n"
        "vllm:engine_sleep_state{{engine=\"0\",sleep_state=\"awake\"}} {}\n"
        "vllm:engine_sleep_state{{engine=\"1\",sleep_state=\"awake\"}} {}\n"
        "vllm:engine_sleep_state{{engine=\"0\",sleep_state=\"discard_all\"}} 1\n",
        first, second);
    EXPECT_EQ(read(page).asleep, want) << page;
  };
  f(1, 1, false);
  f(0, 1, false);
  f(0, 0, true);
  EXPECT_FALSE(read("vllm:num_requests_running{engine=\"0\"} 0\n").asleep);
}

TEST(VllmTest, ProcessStartMarksRestarts) {
  EXPECT_EQ(read("vllm:num_requests_running{engine=\"0\"} 0\nprocess_start_time_seconds 1.5e9\n")
                .process_start,
            1.5e9);
  EXPECT_EQ(read("vllm:num_requests_running{engine=\"0\"} 0\n").process_start, std::nullopt);
}

// --- V0.

TEST(VllmTest, V0CountsSwappedRequestsAsWaiting) {
  const std::string page = "vllm:num_requests_waiting{model_name=\"m\"} 3\n";
  EXPECT_EQ(read(page).variant, "V0");
  EXPECT_EQ(gauge_text(page, Gauge::kQueueDepth), "3");  // hidden from 0.8
  EXPECT_EQ(
      gauge_text(page + "vllm:num_requests_swapped{model_name=\"m\"} 2\n", Gauge::kQueueDepth),
      "5");
  EXPECT_EQ(gauge_text("vllm:num_requests_swapped{model_name=\"m\"} 2\n", Gauge::kQueueDepth), "-");
}

TEST(VllmTest, V0HitRateOfMinusOneIsAbsent) {
  const auto f = [](std::string_view value, std::string_view want) {
    EXPECT_EQ(
        gauge_text(fmt::format("vllm:gpu_prefix_cache_hit_rate{{model_name=\"m\"}} {}", value),
                   Gauge::kPrefixCacheHit),
        want);
  };
  f("-1.0", "-");
  f("0.0", "0");
  f("0.5", "0.5");
}

TEST(VllmTest, V0ErrorsAreAborts) {
  EXPECT_EQ(counter_text("vllm:request_success_total{finished_reason=\"stop\"} 10\n"
                         "vllm:request_success_total{finished_reason=\"abort\"} 3\n"
                         "http_requests_total{status=\"5xx\"} 1\n",
                         Counter::kRequestErrors),
            "3");
}

TEST(VllmTest, V0QueueTimeHasTwoNames) {
  const HistogramPart part = only_histogram(
      "vllm:time_in_queue_requests_bucket{model_name=\"m\",le=\"+Inf\"} 9\n"
      "vllm:time_in_queue_requests_sum{model_name=\"m\"} 3\n",
      Latency::kQueueTime);
  EXPECT_EQ(part.sum, 3);
}

TEST(VllmTest, BeforeItsFirstRequestTheEngineIsUpWithoutSeries) {
  const auto f = [](std::string_view type, std::string_view page) {
    SCOPED_TRACE(page);
    const EngineReading reading = read(page, type);
    EXPECT_TRUE(reading.series.empty());
    EXPECT_TRUE(reading.missing.empty());  // no drift: nothing was promised yet
  };
  f("text/plain", "# TYPE vllm:num_requests_running gauge\nprocess_start_time_seconds 1\n");
  f("text/plain", "python_info 1\nprocess_start_time_seconds 1\n");
  f("application/openmetrics-text", "# EOF\n");
}

// --- Drift.

std::string missing_text(const EngineReading& reading) {
  std::string names;
  for (const Signal signal : reading.missing) names += std::string(row_of(signal).name) + " ";
  return names;
}

// Renames every line of the families that begin so.
std::string renamed(std::string page, std::string_view from, std::string_view to) {
  for (std::size_t at = page.find(from); at != std::string::npos;
       at = page.find(from, at + to.size())) {
    page.replace(at, from.size(), to);
  }
  return page;
}

TEST(VllmTest, ARenamedFamilyIsDrift) {
  const auto f = [](std::string_view family, std::string_view want) {
    SCOPED_TRACE(family);
    const std::string page =
        renamed(recorded("live-vllm-0.32.0-idle.prom"), family, "vllm:new_name");
    EXPECT_EQ(missing_text(read(page)), want);
  };
  f("vllm:nothing_of_the_kind", "");
  f("vllm:kv_cache_usage_perc", "kv_cache_utilization ");
  f("vllm:num_requests_waiting", "queue_depth in_flight_requests ");
  f("vllm:num_requests_running", "running_requests batch_size in_flight_requests ");
  f("vllm:generation_tokens_total", "generation_tokens tokens ");
  f("vllm:prefix_cache_hits_total", "prefix_cache_hit ");
  f("vllm:inter_token_latency_seconds", "inter_token_latency_seconds ");
  f("vllm:request_success_total", "inference_requests request_errors ");
}

TEST(VllmTest, LazyEnginesOweTheirSeriesOnlyOnceUsed) {
  const auto f = [](int finished, std::string_view want) {
    const std::string page = fmt::format(
        "vllm:num_requests_running{{model_name=\"m\"}} 1\n"
        "vllm:request_success_total{{model_name=\"m\",finished_reason=\"stop\"}} {}\n",
        finished);
    EXPECT_EQ(missing_text(read(page)), want);
  };
  f(0, "");
  f(1,
    "queue_depth kv_cache_utilization prompt_tokens generation_tokens ttft_seconds "
    "e2e_latency_seconds in_flight_requests tokens ");
}

TEST(VllmTest, PromisesAndAbsencesCoverEverySignal) {
  std::vector<Signal> all = vllm_dialect().promised();
  for (const AbsentSignal& absent : vllm_dialect().absent()) {
    EXPECT_TRUE(absent.reason.starts_with("vLLM exposes no queue_tokens")) << absent.reason;
    all.push_back(absent.signal);
  }
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all.size(), kSignalCount);
  EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
}

// --- Pages that are not ours.

TEST(VllmTest, APageOfAnotherEngineIsRefused) {
  const auto f = [](std::string_view type, std::string_view page, std::string_view want) {
    SCOPED_TRACE(page);
    const auto reading = vllm_dialect().read({page, type});
    ASSERT_FALSE(reading);
    EXPECT_EQ(reading.error().code, Errc::kBadInput);
    EXPECT_EQ(reading.error().message, want);
  };
  f("text/plain", "sglang:num_queue_reqs 1\nprocess_start_time_seconds 1\n",
    "page is not of vllm: family prefix sglang:");
  f("text/plain", "node_load1 3\n",
    "page is not of vllm: no engine's families; the first is node_load1");
  f("text/plain", "?????\n", "page is not of vllm: no line of the page names a family");
  f("text/html", "<html>", "page is HTML, no exposition");
  f("text/plain", "", "page is empty");
}

TEST(VllmTest, TooManyModelsAreRefused) {
  std::string page;
  for (int i = 0; i < 65; ++i)
    page += fmt::format("vllm:num_requests_running{{engine=\"0\",model_name=\"{}\"}} 1\n", i);
  const auto reading = vllm_dialect().read({page, "text/plain"});
  ASSERT_FALSE(reading);
  EXPECT_EQ(reading.error().message, "page names more than 64 models");
}

}  // namespace
}  // namespace leadline
