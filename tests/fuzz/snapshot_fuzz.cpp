// A pod snapshot's bytes, as a sidecar of any version or a liar sends them: what is accepted keeps
// the snapshot's invariants and survives being encoded again; what is cut short is refused.

#include <algorithm>
#include <functional>
#include <string>

#include "engine/snapshot_codec.h"
#include "tests/fuzz/fuzz.h"

namespace leadline::fuzz {
namespace {

bool is_amount(const std::optional<double>& value) {
  return !value || (std::isfinite(*value) && *value >= 0);
}

void require_sound(const HistogramDelta& histogram) {
  require(histogram.edges.size() <= kMaxEdges, "edges are few");
  require(histogram.counts.size() == histogram.edges.size() + 1, "a histogram ends with +Inf");
  require(
      std::ranges::adjacent_find(histogram.edges, std::greater_equal<>()) == histogram.edges.end(),
      "edges ascend");
  require(is_amount(histogram.sum), "a sum is an amount");
}

void require_sound(const WindowValues& window) {
  require(window.span.count() >= 0, "a span is not negative");
  require(std::ranges::all_of(window.increases, is_amount), "an increase is an amount");
  require(is_amount(window.in_flight_max), "a maximum is an amount");
  for (const auto& latency : window.latencies) {
    if (latency) require_sound(*latency);
  }
}

void require_sound(const PodSnapshot& snapshot) {
  require(snapshot.series.size() <= kMaxSeries, "series are few");
  require(snapshot.scrape_interval.count() >= 0, "an interval is not negative");
  for (const SeriesSnapshot& series : snapshot.series) {
    require(!series.role.empty(), "a series has a role");
    require(std::ranges::all_of(series.gauges, is_amount), "a gauge is an amount");
    require(is_amount(series.kv_capacity_tokens), "a capacity is an amount");
    for (const WindowValues& window : series.windows) require_sound(window);
  }
}

bool same(const WindowValues& a, const WindowValues& b) {
  return a.span == b.span && a.increases == b.increases && a.latencies == b.latencies &&
         a.in_flight_max == b.in_flight_max;
}

bool same(const SeriesSnapshot& a, const SeriesSnapshot& b) {
  return a.model == b.model && a.role == b.role && a.gauges == b.gauges &&
         a.kv_capacity_tokens == b.kv_capacity_tokens &&
         std::ranges::equal(a.windows, b.windows,
                            [](const auto& one, const auto& other) { return same(one, other); });
}

bool same(const PodSnapshot& a, const PodSnapshot& b) {
  return a.boot_id == b.boot_id && a.sequence == b.sequence && a.pod.name == b.pod.name &&
         a.pod.namespace_name == b.pod.namespace_name && a.pod.uid == b.pod.uid &&
         a.scrape_interval == b.scrape_interval && a.engine == b.engine && a.version == b.version &&
         a.state == b.state &&
         std::ranges::equal(a.series, b.series,
                            [](const auto& one, const auto& other) { return same(one, other); });
}

// Fields end somewhere, so a cut between two of them is a snapshot again; inside one it is none.
void check_cut(const std::string& bytes, std::size_t at) {
  const std::string cut = bytes.substr(0, at);
  const auto decoded = decode_snapshot(cut);
  if (decoded) require_sound(*decoded);
  require(!decoded || at + 1 < bytes.size(), "a snapshot without its last byte is refused");
}

}  // namespace

void check_input(std::string_view input) {
  const auto snapshot = decode_snapshot(input);
  if (!snapshot) return require(snapshot.error().code == Errc::kBadInput, "bytes are bad input");
  require_sound(*snapshot);
  const std::string bytes = encode(*snapshot);
  require(bytes.size() <= kMaxSnapshotBytes, "what we send is within the reader's cap");
  const auto again = decode_snapshot(bytes);
  require(again && same(*again, *snapshot), "what is encoded is decoded again");
  require(encode(*again) == bytes, "encoding is stable");
  for (std::size_t at = 1; at < bytes.size(); at += 1 + bytes.size() / 8) check_cut(bytes, at);
  check_cut(bytes, bytes.size() - 1);
}

}  // namespace leadline::fuzz
