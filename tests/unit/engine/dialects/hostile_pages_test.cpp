// Pages cut short and pages with flipped bytes: the sanitizers watch, the answers must stay sane.

#include <array>
#include <cmath>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "engine/detection.h"
#include "engine/dialect.h"
#include "engine/exposition.h"
#include "engine/totals.h"
#include "engine/utf8.h"
#include "tests/unit/engine/dialects/pages.h"

namespace leadline {
namespace {

void expect_sane(const HistogramPart& part) {
  ASSERT_EQ(part.cumulative.size(), part.edges.size() + 1);
  for (std::size_t i = 1; i < part.edges.size(); ++i) EXPECT_LT(part.edges[i - 1], part.edges[i]);
  for (std::size_t i = 1; i < part.cumulative.size(); ++i) {
    EXPECT_LE(part.cumulative[i - 1], part.cumulative[i]);
  }
  EXPECT_TRUE(std::isfinite(part.sum));
}

void expect_sane(const SeriesReading& series) {
  EXPECT_TRUE(is_utf8(series.model));
  for (const auto& gauge : series.gauges) {
    if (gauge) EXPECT_TRUE(std::isfinite(*gauge) && *gauge >= 0);
  }
  for (const auto& parts : series.counters) {
    for (const CounterPart& part : parts) EXPECT_TRUE(std::isfinite(part.value) && part.value >= 0);
  }
  for (const auto& parts : series.histograms) {
    for (const HistogramPart& part : parts) expect_sane(part);
  }
}

void survive(std::string_view body) {
  constexpr std::array<std::string_view, 3> kTypes = {"text/plain", "application/openmetrics-text",
                                                      ""};
  const Page page{body, kTypes[body.size() % kTypes.size()]};
  (void)detect_engine(page);
  if (const auto text = text_of(page)) (void)parse_exposition(*text, SampleFilter::everything());
  for (const Dialect* dialect : dialects()) {
    const auto reading = dialect->read(page);
    if (!reading) continue;
    for (const SeriesReading& series : reading->series) expect_sane(series);
  }
}

TEST(HostilePagesTest, EveryPrefixOfThePageOfTorturesIsSurvived) {
  const std::string body = recorded("nasty-text-escapes.prom");
  for (std::size_t length = 0; length <= body.size(); ++length) {
    survive(std::string(body, 0, length));  // a copy: the sanitizer sees a read past its end
  }
}

TEST(HostilePagesTest, PrefixesOfARealPageAreSurvived) {
  for (const char* name : {"vllm-main-2026-08-rust-frontend.om", "vllm-0.6.6-v0.prom",
                           "sglang-0.4.9.prom", "live-llamacpp-b11434-loaded.prom"}) {
    const std::string body = recorded(name);
    for (std::size_t length = 0; length < body.size(); length += 997) {
      survive(std::string(body, 0, length));
    }
  }
}

TEST(HostilePagesTest, FlippedBytesAreSurvived) {
  std::mt19937 random(
      20260817);  // NOLINT(cert-msc32-c, cert-msc51-cpp): the same pages in every run
  for (const char* name : {"nasty-text-escapes.prom", "vllm-0.8.5-v1.prom", "sglang-0.4.9.prom",
                           "llamacpp-b4700-nan.prom"}) {
    const std::string original = recorded(name);
    for (int round = 0; round < 60; ++round) {
      std::string body = original;
      for (int flip = 0; flip < 40; ++flip) {
        body[random() % body.size()] = static_cast<char>(random());
      }
      survive(body);
      survive(body + '\n');  // under another content type
    }
  }
}

TEST(HostilePagesTest, OneBrokenLineTakesNoOtherWithIt) {
  const std::string original = recorded("vllm-0.12.0-v1.prom");
  const std::string_view family = "\nvllm:num_requests_running{";
  const std::size_t at = original.find(family);
  ASSERT_NE(at, std::string::npos);
  std::string body = original;
  body[at + family.size() - 1] = '(';
  const auto whole = find_dialect("vllm")->read({original, "text/plain"});
  const auto broken = find_dialect("vllm")->read({body, "text/plain"});
  ASSERT_TRUE(broken);
  EXPECT_EQ(broken->bad_lines, 1U);
  EXPECT_EQ(gauge(broken->series[0], Gauge::kRunningRequests), std::nullopt);
  EXPECT_EQ(gauge(broken->series[0], Gauge::kQueueDepth), 4);
  EXPECT_EQ(engine_totals(*broken), engine_totals(*whole));
}

// A page cut inside a histogram must not look like a restart: the part is left out, not shortened.
TEST(HostilePagesTest, AHistogramCutShortIsAbsent) {
  const auto f = [](const char* name, std::string_view cut_after) {
    SCOPED_TRACE(name);
    const std::string body = recorded(name);
    const std::size_t at = body.find(cut_after);
    ASSERT_NE(at, std::string::npos);
    const std::string cut = body.substr(0, body.find('\n', at) + 1);
    const auto reading = find_dialect("vllm")->read({cut, content_type_of(name)});
    ASSERT_TRUE(reading);
    EXPECT_TRUE(reading->series[0].histograms[index_of(Latency::kTtft)].empty());
  };
  f("vllm-0.12.0-v1.prom", "vllm:time_to_first_token_seconds_bucket{engine=\"0\",le=\"1.0\"");
  f("vllm-0.12.0-v1.prom", "vllm:time_to_first_token_seconds_bucket{engine=\"0\",le=\"+Inf\"");
  f("vllm-main-2026-08-rust-frontend.om", "vllm:time_to_first_token_seconds_bucket{le=\"1.0\"");
}

}  // namespace
}  // namespace leadline
