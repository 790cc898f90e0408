// Windows against an oracle that knows every event: an engine of several ranks whose ranks leave
// and return, whose series appear on first use, that restarts, and that is scraped at random
// moments. Events that happen between a page and a restart before the next are lost to any scraper;
// the engine therefore restarts right after a page.

#include <array>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "engine/windows.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;

const std::vector<double> kEdges = {0.1, 0.5, 1, 5};

struct Rank {
  bool visible = true;
  bool used = false;  // its series exist
  double tokens = 0;
  std::vector<double> buckets = std::vector<double>(kEdges.size() + 1);
  double sum = 0;
};

// What happened between two pages, as far as their pages told it.
struct Told {
  double tokens = 0;
  std::vector<std::uint64_t> buckets = std::vector<std::uint64_t>(kEdges.size() + 1);
  double sum = 0;

  void operator+=(const Told& other) {
    tokens += other.tokens;
    sum += other.sum;
    for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] += other.buckets[i];
  }
};

class World {
 public:
  explicit World(unsigned seed) : random_(seed) {}

  // Lives until the next scrape; answers how long that was.
  milliseconds live() {
    const milliseconds step{random_() % 40 == 0 ? 20000 + random_() % 20000
                                                : 250 + random_() % 4750};
    for (Rank& rank : ranks_) serve(rank);
    if (random_() % 10 == 0) ranks_[1].visible = !ranks_[1].visible;
    return step;
  }

  EngineReading page(Told& told) {
    EngineReading reading;
    reading.process_start = epoch_;
    SeriesReading& series = reading.series.emplace_back();
    series.model = "m";
    gauge(series, Gauge::kQueueDepth) = waiting_ = static_cast<double>(random_() % 20);
    gauge(series, Gauge::kRunningRequests) = 1;
    for (std::size_t r = 0; r < ranks_.size(); ++r) show(r, series, told);
    if (random_() % 25 == 0) restart();
    return reading;
  }

  [[nodiscard]] double in_flight() const { return waiting_ + 1; }

 private:
  void serve(Rank& rank) {
    const std::size_t requests = random_() % 6;
    for (std::size_t i = 0; i < requests; ++i) {
      rank.used = true;
      rank.tokens += static_cast<double>(random_() % 1000);
      const std::size_t bucket = random_() % rank.buckets.size();
      rank.buckets[bucket] += 1;
      rank.sum += static_cast<double>(1 + bucket);
    }
  }

  void show(std::size_t index, SeriesReading& series, Told& told) {
    Rank& rank = ranks_[index];
    if (!rank.visible || !rank.used) return;
    series.counters[index_of(Counter::kPromptTokens)].push_back({index, rank.tokens});
    HistogramPart part{index, kEdges, {}, rank.sum};
    double cumulative = 0;
    for (const double count : rank.buckets) part.cumulative.push_back(cumulative += count);
    series.histograms[index_of(Latency::kTtft)].push_back(std::move(part));
    tell(rank, shown_[index], told);
  }

  static void tell(const Rank& rank, Rank& shown, Told& told) {
    told.tokens += rank.tokens - shown.tokens;
    told.sum += rank.sum - shown.sum;
    for (std::size_t i = 0; i < rank.buckets.size(); ++i) {
      told.buckets[i] += static_cast<std::uint64_t>(rank.buckets[i] - shown.buckets[i]);
    }
    shown = rank;
  }

  void restart() {
    ++epoch_;
    for (Rank& rank : ranks_) rank = Rank{.visible = rank.visible};
    for (Rank& rank : shown_) rank = Rank{};
  }

  std::mt19937 random_;
  std::array<Rank, 3> ranks_;
  std::array<Rank, 3> shown_;  // as the page before told them
  double epoch_ = 1;
  double waiting_ = 0;
};

// Every sample of the run.
struct Sample {
  SteadyTime at;
  Told told;  // since the sample before
  double in_flight;
};

// The newest sample of each second, without those of the newest one's second but itself.
std::vector<std::size_t> slots_of(const std::vector<Sample>& samples) {
  std::vector<std::size_t> slots;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto second = [&samples](std::size_t k) {
      return std::chrono::floor<std::chrono::seconds>(samples[k].at);
    };
    if (i + 1 == samples.size() || second(i) != second(i + 1)) slots.push_back(i);
  }
  return slots;
}

// The sample that the window should start at; the newest's own index where there is none.
std::size_t start_of(const std::vector<Sample>& samples, std::chrono::seconds window) {
  const SteadyTime now = samples.back().at;
  std::size_t best = samples.size() - 1;
  double best_distance = 1e9;
  for (const std::size_t slot : slots_of(samples)) {
    const double age = std::chrono::duration<double>(now - samples[slot].at).count();
    const double length = std::chrono::duration<double>(window).count();
    if (age < 1 || age > 1.5 * length) continue;
    if (std::abs(age - length) > best_distance) continue;
    best = slot;
    best_distance = std::abs(age - length);
  }
  return best;
}

void expect_window(const std::vector<Sample>& samples, std::chrono::seconds window,
                   const WindowValues& got, bool tokens_told) {
  const std::size_t start = start_of(samples, window);
  ASSERT_EQ(got.span,
            std::chrono::duration_cast<milliseconds>(samples.back().at - samples[start].at));
  if (got.span == milliseconds(0)) return;
  Told want;
  double highest = 0;
  for (std::size_t i = start + 1; i < samples.size(); ++i) want += samples[i].told;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto since = std::chrono::floor<std::chrono::seconds>(samples[start].at);
    if (samples[i].at >= since) highest = std::max(highest, samples[i].in_flight);
  }
  ASSERT_EQ(got.in_flight_max, highest);
  const auto& tokens = got.increases[index_of(Counter::kPromptTokens)];
  const auto& ttft = got.latencies[index_of(Latency::kTtft)];
  ASSERT_EQ(tokens.has_value(), tokens_told);
  ASSERT_EQ(ttft.has_value(), tokens_told);
  if (!tokens_told) return;
  EXPECT_EQ(*tokens, want.tokens);
  EXPECT_EQ(ttft->counts, want.buckets);
  EXPECT_EQ(ttft->sum, want.sum);
}

class WindowsPropertyTest : public testing::TestWithParam<unsigned> {};

TEST_P(WindowsPropertyTest, RatesAreWhatReallyHappenedInTheSpan) {
  World world(GetParam());
  Windows windows;
  std::vector<Sample> samples;
  SteadyTime now{milliseconds(GetParam() * 137)};
  for (int scrape = 0; scrape < 300; ++scrape) {
    now += world.live();
    Told told;
    const EngineReading reading = world.page(told);
    if (scrape == 0) told = Told{};  // the first page is the base
    samples.push_back({now, told, world.in_flight()});
    const auto series = windows.record(reading, now);
    ASSERT_EQ(series.size(), 1U);
    const bool tokens_told = !reading.series[0].counters[index_of(Counter::kPromptTokens)].empty();
    for (std::size_t w = 0; w < kWindowCount; ++w) {
      SCOPED_TRACE(testing::Message()
                   << "scrape " << scrape << " window " << kWindowSpans[w].count());
      ASSERT_NO_FATAL_FAILURE(
          expect_window(samples, kWindowSpans[w], series[0].windows[w], tokens_told));
    }
  }
  EXPECT_GT(windows.restarts(), 2U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, WindowsPropertyTest, testing::Range(1U, 9U));

}  // namespace
}  // namespace leadline
