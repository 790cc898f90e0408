// The wire between sidecar and adapter: what is written is read back, older and newer minor
// versions are readable, and no bytes whatsoever do harm.

#include "engine/snapshot_codec.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace leadline {
namespace {

using std::chrono::milliseconds;

// The time edges that vLLM 0.32 prints for time_to_first_token_seconds.
const std::vector<double> kTtftEdges = {0.001, 0.005, 0.01, 0.02,  0.04,  0.06,  0.08, 0.1,
                                        0.25,  0.5,   0.75, 1.0,   2.5,   5.0,   7.5,  10.0,
                                        20.0,  40.0,  80.0, 160.0, 640.0, 2560.0};
const std::vector<double> kE2eEdges = {0.3, 0.5, 0.8, 1,  1.5, 2,   2.5, 5,   10,   15,  20,
                                       30,  40,  50,  60, 120, 240, 480, 960, 1920, 7680};

HistogramDelta busy_histogram(const std::vector<double>& edges) {
  HistogramDelta histogram{edges, std::vector<std::uint64_t>(edges.size() + 1), 123.456};
  for (std::size_t i = 2; i < edges.size() - 4; ++i) histogram.counts[i] = 17 * i;
  return histogram;
}

SeriesSnapshot busy_series(std::string model) {
  SeriesSnapshot series;
  series.model = std::move(model);
  for (std::size_t g = 0; g < kGaugeCount; ++g) series.gauges[g] = 0.25 * static_cast<double>(g);
  series.kv_capacity_tokens = 400'000;
  for (std::size_t w = 0; w < kWindowCount; ++w) {
    WindowValues& window = series.windows[w];
    window.span = kWindowSpans[w];
    for (std::size_t c = 0; c < kCounterCount; ++c)
      window.increases[c] = 1000.5 * static_cast<double>(c);
    window.in_flight_max = 42;
    for (std::size_t l = 0; l < kLatencyCount; ++l) {
      window.latencies[l] = busy_histogram(l == 0 ? kTtftEdges : kE2eEdges);
    }
  }
  return series;
}

PodSnapshot busy_snapshot() {
  PodSnapshot snapshot;
  snapshot.boot_id = 0xFEDCBA9876543210U;
  snapshot.sequence = 77;
  snapshot.pod = {"prod", "llama-0", "5b1c8f3e-0000-4000-8000-000000000001"};
  snapshot.scrape_interval = milliseconds(250);
  snapshot.engine = "vllm";
  snapshot.version = "0.32.0";
  snapshot.state = EngineState::kUp;
  snapshot.series = {busy_series("meta-llama/Llama-3-8B")};
  return snapshot;
}

void expect_same(const SeriesSnapshot& got, const SeriesSnapshot& want) {
  EXPECT_EQ(got.model, want.model);
  EXPECT_EQ(got.role, want.role);
  EXPECT_EQ(got.gauges, want.gauges);
  EXPECT_EQ(got.kv_capacity_tokens, want.kv_capacity_tokens);
  for (std::size_t w = 0; w < kWindowCount; ++w) {
    EXPECT_EQ(got.windows[w].span, want.windows[w].span);
    EXPECT_EQ(got.windows[w].increases, want.windows[w].increases);
    EXPECT_EQ(got.windows[w].in_flight_max, want.windows[w].in_flight_max);
    EXPECT_EQ(got.windows[w].latencies, want.windows[w].latencies);
  }
}

void expect_same(const PodSnapshot& got, const PodSnapshot& want) {
  EXPECT_EQ(got.boot_id, want.boot_id);
  EXPECT_EQ(got.sequence, want.sequence);
  EXPECT_EQ(got.pod.namespace_name, want.pod.namespace_name);
  EXPECT_EQ(got.pod.name, want.pod.name);
  EXPECT_EQ(got.pod.uid, want.pod.uid);
  EXPECT_EQ(got.scrape_interval, want.scrape_interval);
  EXPECT_EQ(got.engine, want.engine);
  EXPECT_EQ(got.version, want.version);
  EXPECT_EQ(got.state, want.state);
  ASSERT_EQ(got.series.size(), want.series.size());
  for (std::size_t i = 0; i < got.series.size(); ++i) expect_same(got.series[i], want.series[i]);
}

std::string error_of(std::string_view bytes) {
  const Result<PodSnapshot> got = decode_snapshot(bytes);
  if (got) return "no error";
  EXPECT_EQ(got.error().code, Errc::kBadInput);
  return got.error().message;
}

TEST(SnapshotCodecTest, EverythingIsReadBack) {
  const auto got = decode_snapshot(encode(busy_snapshot()));
  ASSERT_TRUE(got.has_value()) << got.error().message;
  expect_same(*got, busy_snapshot());
}

TEST(SnapshotCodecTest, AbsentStaysAbsentAndZeroStaysZero) {
  PodSnapshot snapshot = busy_snapshot();
  SeriesSnapshot& series = snapshot.series[0];
  series.gauges[index_of(Gauge::kQueueDepth)] = 0;
  series.gauges[index_of(Gauge::kQueueTokens)].reset();
  series.kv_capacity_tokens.reset();
  WindowValues& window = series.windows[0];
  window.increases[index_of(Counter::kRequestErrors)].reset();
  window.increases[index_of(Counter::kPromptTokens)] = 0;
  window.in_flight_max = 0;
  window.latencies[0] = HistogramDelta{kTtftEdges, std::vector<std::uint64_t>(23), 0};
  window.latencies[1].reset();
  series.windows[2] = {};
  const auto got = decode_snapshot(encode(snapshot));
  ASSERT_TRUE(got.has_value());
  expect_same(*got, snapshot);
}

TEST(SnapshotCodecTest, SnapshotOfASearchingSidecarIsReadBack) {
  PodSnapshot snapshot;
  snapshot.boot_id = 1;
  const auto got = decode_snapshot(encode(snapshot));
  ASSERT_TRUE(got.has_value());
  expect_same(*got, snapshot);
}

TEST(SnapshotCodecTest, OneModelIsSmallAndSixteenFit) {
  PodSnapshot snapshot = busy_snapshot();
  const std::size_t one = encode(snapshot).size();
  RecordProperty("bytes_of_one_model", static_cast<int>(one));
  EXPECT_LT(one, 2048U);
  snapshot.series.assign(kMaxSeries, busy_series(std::string(512, 'm')));
  for (SeriesSnapshot& series : snapshot.series) {
    for (WindowValues& window : series.windows) {
      for (auto& histogram : window.latencies) {
        histogram->edges.resize(kMaxEdges);
        for (std::size_t i = 0; i < kMaxEdges; ++i)
          histogram->edges[i] = static_cast<double>(i + 1);
        histogram->counts.assign(kMaxEdges + 1, std::uint64_t{1} << 40);
      }
    }
  }
  EXPECT_LT(encode(snapshot).size(), kMaxSnapshotBytes);
  EXPECT_TRUE(decode_snapshot(encode(snapshot)).has_value());
}

// What a reader would refuse must not leave the sidecar: one odd number would cost the pod.
TEST(SnapshotCodecTest, WriterLeavesOutWhatReadersRefuse) {
  PodSnapshot snapshot = busy_snapshot();
  SeriesSnapshot& series = snapshot.series[0];
  series.gauges[0] = std::numeric_limits<double>::quiet_NaN();
  series.gauges[1] = -3;
  series.model = std::string(5000, 'x');
  series.windows[0].increases[0] = std::numeric_limits<double>::infinity();
  series.windows[0].latencies[0]->sum = -1;
  snapshot.series.resize(20, busy_series("m"));
  const auto got = decode_snapshot(encode(snapshot));
  ASSERT_TRUE(got.has_value()) << got.error().message;
  EXPECT_EQ(got->series.size(), kMaxSeries);
  EXPECT_EQ(got->series[0].model.size(), 512U);
  EXPECT_EQ(got->series[0].gauges[0], std::nullopt);
  EXPECT_EQ(got->series[0].gauges[1], std::nullopt);
  EXPECT_EQ(got->series[0].windows[0].increases[0], std::nullopt);
  EXPECT_EQ(got->series[0].windows[0].latencies[0], std::nullopt);
}

TEST(SnapshotCodecTest, ModelNamesNeedNotBeUtf8) {
  PodSnapshot snapshot = busy_snapshot();
  snapshot.series[0].model = "\xff\xfe\x80 model";
  const auto got = decode_snapshot(encode(snapshot));
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->series[0].model, snapshot.series[0].model);
}

// A message by hand, field by field. Source: https://protobuf.dev/programming-guides/encoding/
class Wire {
 public:
  Wire& varint(unsigned field, std::uint64_t value) {
    raw(field << 3U);
    raw(value);
    return *this;
  }
  Wire& number(unsigned field, double value) {
    raw(field << 3U | 1U);
    const auto bits = std::bit_cast<std::uint64_t>(value);
    for (unsigned i = 0; i < 8; ++i) bytes_.push_back(static_cast<char>(bits >> (8 * i) & 0xFFU));
    return *this;
  }
  Wire& bytes(unsigned field, std::string_view value) {
    raw(field << 3U | 2U);
    raw(value.size());
    bytes_ += value;
    return *this;
  }
  Wire& message(unsigned field, const Wire& value) { return bytes(field, value.bytes_); }
  // Packed, as proto3 writes repeated numbers.
  Wire& doubles(unsigned field, std::initializer_list<double> values) {
    std::string packed;
    for (const double value : values) {
      char raw_value[sizeof value];
      std::memcpy(raw_value, &value, sizeof value);
      packed.append(raw_value, sizeof value);
    }
    return bytes(field, packed);
  }
  Wire& varints(unsigned field, std::initializer_list<std::uint64_t> values) {
    Wire packed;
    for (const std::uint64_t value : values) packed.raw(value);
    return bytes(field, packed.bytes_);
  }
  [[nodiscard]] const std::string& text() const { return bytes_; }

 private:
  void raw(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) bytes_.push_back(static_cast<char>(value | 0x80U));
    bytes_.push_back(static_cast<char>(value));
  }

  std::string bytes_;
};

Wire head(std::uint64_t minor = 0) {
  return Wire().varint(1, 1).varint(2, minor);
}

Wire window_with(const Wire& histogram) {
  return Wire().varint(1, 60).varint(2, 60000).message(10, histogram);
}

// One series with one 60 s window with one TTFT histogram over the edges 1, 2.
Wire page_of(const Wire& histogram) {
  return head()
      .message(12, Wire().doubles(1, {1, 2}))
      .message(13, Wire().bytes(1, "m").message(10, window_with(histogram)));
}

TEST(SnapshotCodecTest, OlderMinorVersionLacksFieldsThatReadAsAbsent) {
  const auto got = decode_snapshot(head().varint(4, 9).message(13, Wire().number(3, 5)).text());
  ASSERT_TRUE(got.has_value()) << got.error().message;
  EXPECT_EQ(got->sequence, 9U);
  ASSERT_EQ(got->series.size(), 1U);
  EXPECT_EQ(got->series[0].role, "both");
  EXPECT_EQ(got->series[0].gauges[index_of(Gauge::kQueueDepth)], 5);
  EXPECT_EQ(got->series[0].gauges[index_of(Gauge::kRunningRequests)], std::nullopt);
  EXPECT_EQ(got->series[0].windows[0].span, milliseconds(0));
}

TEST(SnapshotCodecTest, NewerMinorVersionHasFieldsThatAreSkipped) {
  const Wire histogram =
      Wire().varint(1, 0).varints(2, {1, 2, 3}).number(3, 8).varints(4, {7, 7, 7});
  const Wire ten_minutes = Wire().varint(1, 600).varint(2, 600000).number(3, 1);
  const Wire series = Wire()
                          .bytes(1, "m")
                          .message(11, Wire().varint(1, 3))
                          .message(10, ten_minutes)
                          .message(10, window_with(histogram).number(99, 4));
  const auto got = decode_snapshot(head(7)
                                       .varint(11, 9)
                                       .message(14, Wire().bytes(1, "GPU-1"))
                                       .message(12, Wire().doubles(1, {1, 2}))
                                       .message(13, series)
                                       .varint(2000, 1)
                                       .text());
  ASSERT_TRUE(got.has_value()) << got.error().message;
  EXPECT_EQ(got->state, EngineState::kSearching);  // a state that this reader does not know
  const WindowValues& window = got->series[0].windows[index_of(Window::k60s)];
  EXPECT_EQ(window.latencies[0], (HistogramDelta{{1, 2}, {1, 2, 3}, 8}));
}

TEST(SnapshotCodecTest, TrailingZeroCountsMayBeLeftOut) {
  const auto got = decode_snapshot(page_of(Wire().varints(2, {4})).text());
  ASSERT_TRUE(got.has_value()) << got.error().message;
  EXPECT_EQ(got->series[0].windows[1].latencies[0], (HistogramDelta{{1, 2}, {4, 0, 0}, 0}));
}

TEST(SnapshotCodecTest, RefusalsNameTheInvariant) {
  const auto f = [](const Wire& wire, std::string_view want) {
    EXPECT_EQ(error_of(wire.text()), want);
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  f(Wire(), "snapshot schema 0, this reader knows 1");
  f(Wire().varint(1, 2), "snapshot schema 2, this reader knows 1");
  f(head().bytes(6, std::string(513, 'p')), "snapshot: pod_name: 513 bytes, at most 512");
  f(head().varint(8, 1'000'000'000), "snapshot: scrape_interval_ms: 1000000000 ms, at most a day");
  f(head().message(12, Wire().doubles(1, {1, 1})), "snapshot: edges do not ascend");
  f(head().message(12, Wire().doubles(1, {2, 1})), "snapshot: edges do not ascend");
  f(head().message(12, Wire().doubles(1, {nan})), "snapshot: edges do not ascend");
  f(head().message(12, Wire().bytes(1, std::string(65 * 8, '\0'))),
    "snapshot: 65 edges, at most 64");
  f(head().message(13, Wire().number(3, -1)), "snapshot: series 0: queue_depth: -1");
  f(head().message(13, Wire().number(7, nan)),
    "snapshot: series 0: kv_cache_utilization_ratio: nan");
  f(head().message(13, Wire().number(9, INFINITY)), "snapshot: series 0: kv_capacity_tokens: inf");
  f(head().message(13, Wire().message(10, Wire().varint(1, 15).varint(2, 9).number(5, -2))),
    "snapshot: series 0: window 15 s: prompt_tokens: -2");
  f(page_of(Wire().varint(1, 1)), "snapshot: series 0: window 60 s: ttft: edge list 1 of 1");
  f(page_of(Wire().varints(2, {1, 2, 3, 4})),
    "snapshot: series 0: window 60 s: ttft: 4 counts for 3 buckets");
  f(page_of(Wire().varints(2, {~std::uint64_t{0}})),
    "snapshot: series 0: window 60 s: ttft: a count above 2^53");
  f(page_of(Wire().number(3, nan)), "snapshot: series 0: window 60 s: ttft: sum nan");
}

TEST(SnapshotCodecTest, TablesAreBounded) {
  Wire many_series = head();
  Wire many_lists = head();
  for (int i = 0; i < 17; ++i) many_series.message(13, Wire());
  for (int i = 0; i < 65; ++i) many_lists.message(12, Wire());
  EXPECT_EQ(error_of(many_series.text()), "snapshot: 17 series, at most 16");
  EXPECT_EQ(error_of(many_lists.text()), "snapshot: 65 edge lists, at most 64");
  EXPECT_EQ(error_of(std::string(kMaxSnapshotBytes + 1, '\0')),
            "snapshot of 262145 bytes, at most 262144");
}

// Whatever is read from damaged bytes still keeps the invariants.
void expect_sane(const PodSnapshot& snapshot) {
  ASSERT_LE(snapshot.series.size(), kMaxSeries);
  for (const SeriesSnapshot& series : snapshot.series) {
    for (const auto& gauge : series.gauges)
      ASSERT_TRUE(!gauge || (std::isfinite(*gauge) && *gauge >= 0));
    for (const WindowValues& window : series.windows) {
      for (const auto& histogram : window.latencies) {
        if (histogram) ASSERT_EQ(histogram->counts.size(), histogram->edges.size() + 1);
      }
    }
  }
}

TEST(SnapshotCodecTest, DamagedBytesNeverDoHarm) {
  const std::string whole = encode(busy_snapshot());
  std::mt19937 random(5);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(random());
    if (const auto got = decode_snapshot(damaged)) expect_sane(*got);
    if (const auto got = decode_snapshot(std::string_view(whole).substr(0, i))) expect_sane(*got);
  }
  for (int round = 0; round < 500; ++round) {
    std::string garbage(random() % 300, '\0');
    for (char& byte : garbage) byte = static_cast<char>(random());
    if (const auto got = decode_snapshot(garbage)) expect_sane(*got);
  }
}

}  // namespace
}  // namespace leadline
