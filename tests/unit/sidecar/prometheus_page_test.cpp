// `/metrics`: what Prometheus reads must be right by its own rules, and absent where nothing is
// known.

#include "sidecar/prometheus_page.h"

#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "engine/exposition.h"
#include "sidecar/page_reader.h"
#include "sidecar/self_families.h"
#include "sidecar/signal_families.h"
#include "tests/text_of.h"
#include "tests/unit/sidecar/fakes.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kInterval{1000};
const std::string kFolder = std::string(LEADLINE_SOURCE_DIR) + "/tests/";

std::string file(const std::string& path) {
  std::string text = text_of(kFolder + path);
  EXPECT_NE(text, "") << path;
  return text;
}

class PrometheusPageTest : public testing::Test {
 protected:
  void take(EngineReading reading) {
    static_cast<void>(tracker_.take(test::good_scrape(std::move(reading), time_.now()),
                                    "http://127.0.0.1:8000/metrics", kInterval));
  }
  [[nodiscard]] std::string page() const {
    return prometheus_page(signal_families(*tracker_.view(), time_.now().steady));
  }
  // The value after "name{labels} ", or "absent".
  [[nodiscard]] std::string value(const std::string& series) const {
    std::istringstream lines(page());
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(series + " ")) return line.substr(series.size() + 1);
    }
    return "absent";
  }

  // TTFT: 10 observations up to 0.1 s and 2 up to 0.5 s come between the two scrapes.
  void two_busy_scrapes() {
    for (const bool second : {false, true}) {
      EngineReading reading = test::reading_of("vllm", 3, second ? 112 : 100);
      const double low = second ? 15 : 5;
      const double all = second ? 17 : 5;
      reading.series[0].histograms[index_of(Latency::kTtft)].push_back(
          {1, {0.1, 0.5}, {low, all, all}, second ? 2.0 : 1.0});
      gauge(reading.series[0], Gauge::kKvCacheUtilization) = 0.37;
      take(reading);
      if (!second) time_.advance(seconds(1));
    }
  }

  test::FakeTime time_;
  EngineTracker tracker_;
};

const std::string kLabels = R"({model="m",role="both"})";

TEST_F(PrometheusPageTest, SignalsKeepTheirNamesAndUnits) {
  two_busy_scrapes();
  EXPECT_EQ(value("leadline_queue_depth" + kLabels), "3");
  EXPECT_EQ(value("leadline_running_requests" + kLabels), "1");
  EXPECT_EQ(value("leadline_in_flight_requests" + kLabels), "4");
  EXPECT_EQ(value("leadline_inference_requests_total" + kLabels), "112");
  EXPECT_EQ(value("leadline_kv_cache_utilization_ratio" + kLabels), "0.37")
      << "a ratio, no percent";
  EXPECT_EQ(value(R"(leadline_ttft_seconds_bucket{model="m",role="both",le="0.1"})"), "15");
  EXPECT_EQ(value(R"(leadline_ttft_seconds_bucket{model="m",role="both",le="0.5"})"), "17");
  EXPECT_EQ(value(R"(leadline_ttft_seconds_bucket{model="m",role="both",le="+Inf"})"), "17");
  EXPECT_EQ(value("leadline_ttft_seconds_count" + kLabels), "17");
  EXPECT_EQ(value("leadline_ttft_seconds_sum" + kLabels), "2");
}

TEST_F(PrometheusPageTest, QuantilesAreOfTheWindowNotOfAllTime) {
  two_busy_scrapes();
  const auto quantile = [this](const std::string& which) {
    return value(R"(leadline_ttft_window_seconds{model="m",role="both",quantile=")" + which +
                 R"(",window="60s"})");
  };
  // Rank 6 of the 10 in (0, 0.1], whose mean is 0.04 with the other two at 0.3.
  EXPECT_NEAR(number_from(quantile("0.5")).value_or(0), 0.1 * std::pow(0.6, 1.5), 1e-12);
  // Rank 10.8, and 1.2 above: the curve over (0.1, 0.5], twice as steep as its chord at 0.1.
  EXPECT_NEAR(number_from(quantile("0.9")).value_or(0), 0.15969591503411606, 1e-12);
  EXPECT_EQ(value(R"(leadline_ttft_window_observations{model="m",role="both",window="60s"})"),
            "12");
}

TEST_F(PrometheusPageTest, UnknownIsAbsentAndIdleIsZero) {
  take(test::reading_of("vllm", 0));
  time_.advance(seconds(1));
  take(test::reading_of("vllm", 0));
  EXPECT_EQ(value("leadline_queue_depth" + kLabels), "0");
  for (const char* family : {"leadline_queue_tokens", "leadline_kv_cache_utilization_ratio",
                             "leadline_prompt_tokens_total", "leadline_ttft", "leadline_e2e",
                             "leadline_prefix_cache_hit_ratio"}) {
    EXPECT_EQ(page().find(family), std::string::npos) << family << " is not even named";
  }
}

TEST_F(PrometheusPageTest, AnIdleWindowHasNoQuantileButSaysZeroObservations) {
  two_busy_scrapes();
  for (int i = 0; i < 400; ++i) {
    time_.advance(seconds(1));
    take(*tracker_.view()->reading);
  }
  EXPECT_EQ(page().find("leadline_ttft_window_seconds"), std::string::npos);
  EXPECT_EQ(value(R"(leadline_ttft_window_observations{model="m",role="both",window="300s"})"),
            "0");
  EXPECT_EQ(value("leadline_ttft_seconds_count" + kLabels), "17");
}

TEST_F(PrometheusPageTest, NothingOlderThanMaxAgeEvenIfNobodyDroppedIt) {
  two_busy_scrapes();
  time_.freeze(milliseconds(4999));
  EXPECT_EQ(value("leadline_queue_depth" + kLabels), "3");
  time_.freeze(milliseconds(1));
  EXPECT_EQ(page(), "");
}

TEST_F(PrometheusPageTest, LabelsAreEscaped) {
  EngineReading reading = test::reading_of("vllm", 1);
  reading.series[0].model = "a\"b\\c\nd";
  take(reading);
  EXPECT_EQ(value(R"(leadline_queue_depth{model="a\"b\\c\nd",role="both"})"), "1");
}

TEST_F(PrometheusPageTest, ManyModelsStayManySeriesAndTwentyAreMerged) {
  EngineReading reading = test::reading_of("vllm", 1, 5);
  for (int i = 0; i < 19; ++i) {
    reading.series.push_back(reading.series[0]);
    reading.series.back().model = "m" + std::to_string(i);
  }
  take(reading);
  const std::string text = page();
  EXPECT_LE(tracker_.view()->series.size(), 16U);
  double sum = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("leadline_inference_requests_total{")) continue;
    sum += number_from(line.substr(line.rfind(' ') + 1)).value();
  }
  EXPECT_EQ(sum, 100) << "merged, not lost:\n" << text;
}

TEST_F(PrometheusPageTest, TwoRanksHistogramsBecomeOne) {
  EngineReading reading = test::reading_of("vllm", 1);
  auto& parts = reading.series[0].histograms[index_of(Latency::kTtft)];
  parts.push_back({1, {0.1, 0.5}, {1, 2, 3}, 1.0});
  parts.push_back({2, {0.1, 0.5}, {10, 20, 30}, 10.0});
  take(reading);
  EXPECT_EQ(value(R"(leadline_ttft_seconds_bucket{model="m",role="both",le="0.5"})"), "22");
  EXPECT_EQ(value("leadline_ttft_seconds_count" + kLabels), "33");
}

// --- Prometheus' own rules, as promtool check metrics has them.

// Reads a page line by line; what is wrong with it gathers in `wrong`.
class PageLint {
 public:
  void read(const std::string& line) {
    std::istringstream words(line);
    std::string hash;
    std::string kind;
    std::string name;
    words >> hash >> kind >> name;
    if (kind == "HELP" && !helps_.insert(name).second) wrong += "two HELP: " + name + "\n";
    if (kind == "TYPE") read_type(name, words);
    if (!line.starts_with("#")) read_sample(line);
  }

  std::string wrong;

 private:
  void read_type(const std::string& name, std::istringstream& words) {
    std::string type;
    words >> type;
    if (!types_.emplace(name, type).second) wrong += "two TYPE: " + name + "\n";
    if ((type == "counter") != name.ends_with("_total")) {
      wrong += "name of a counter: " + name + "\n";
    }
    if (!helps_.contains(name)) wrong += "no HELP: " + name + "\n";
  }

  void read_sample(const std::string& line) {
    if (!series_.insert(line.substr(0, line.rfind(' '))).second) wrong += "twice: " + line + "\n";
    std::string family = line.substr(0, line.find_first_of("{ "));
    for (const char* suffix : {"_bucket", "_sum", "_count"}) {
      if (types_.contains(family) || !family.ends_with(suffix)) continue;
      family.resize(family.size() - std::string(suffix).size());
    }
    if (!types_.contains(family)) wrong += "no TYPE: " + line + "\n";
  }

  std::map<std::string, std::string> types_;
  std::set<std::string> helps_;
  std::set<std::string> series_;
};

// What is wrong with a page; empty where nothing is.
std::string lint(const std::string& text) {
  PageLint page;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) page.read(line);
  return page.wrong;
}

TEST_F(PrometheusPageTest, TheLintBites) {
  EXPECT_EQ(lint("# HELP a_total x\n# TYPE a_total counter\na_total 1\n"), "");
  EXPECT_NE(lint("# HELP a x\n# TYPE a counter\na 1\n"), "");
  EXPECT_NE(lint("# HELP a x\n# TYPE a gauge\na 1\na 1\n"), "");
  EXPECT_NE(lint("# TYPE a gauge\na 1\n"), "");
  EXPECT_NE(lint("a 1\n"), "");
}

TEST_F(PrometheusPageTest, TheWholePageKeepsPrometheusRules) {
  two_busy_scrapes();
  test::FakeEngine engine(time_);
  SelfMetrics metrics;
  Scraper scraper(engine, {}, time_.clock(), metrics);
  EngineFinder finder(scraper, {.url = *parse_url("http://h:8000/metrics"), .ports = {}});
  SnapshotPublisher publisher({}, 1);
  ScrapeLoop loop({time_, time_.clock(), scraper, finder, publisher, metrics}, {seconds(1), 0});
  engine.answers["h:8000/metrics"] = test::page_answer(test::vllm_page(3));
  loop.start();
  time_.advance(seconds(3));
  Families families = signal_families(*tracker_.view(), time_.now().steady);
  const SelfState self{loop, metrics, {}, {}, 100};
  for (auto& family : self_families(self, time_.now().steady))
    families.push_back(std::move(family));
  const std::string text = prometheus_page(families);
  EXPECT_EQ(lint(text), "") << text;
  const Page as_page{.body = text, .content_type = kPrometheusText};
  const auto page_text = text_of(as_page);
  ASSERT_TRUE(page_text);
  const auto parsed = parse_exposition(*page_text, SampleFilter::everything());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->bad_lines, 0U) << parsed->first_bad;
  for (const char* line :
       {"leadline_engine_up 1\n", "leadline_engine_state{state=\"up\"} 1\n",
        "leadline_scrapes_total{result=\"ok\"} 3\n", "leadline_scrape_interval_seconds 1\n",
        "leadline_engine_info{engine=\"vllm\",variant=\"V1\",version=\"\"} 1\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "is missing in:\n" << text;
  }
}

// A page recorded from vLLM 0.32.0, scraped twice: what a Prometheus beside us would store.
TEST_F(PrometheusPageTest, RecordedPageGivesTheGoldenPage) {
  const std::string recorded = file("data/sim/live-vllm-0.32.0-after.prom");
  for (int i = 0; i < 2; ++i) {
    const ScrapeOutcome outcome = read_page(test::page_answer(recorded), nullptr);
    ASSERT_EQ(result_name(outcome.result), "ok") << outcome.why;
    take(*outcome.reading);
    if (i == 0) time_.advance(seconds(1));
  }
  EXPECT_EQ(lint(page()), "");
  EXPECT_EQ(page(), file("unit/sidecar/golden_vllm_0.32.prom"));
}

}  // namespace
}  // namespace leadline
