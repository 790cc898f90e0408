#include "engine/series_history.h"

#include <algorithm>
#include <utility>

#include "engine/histogram.h"

namespace leadline {

SeriesHistory::SeriesHistory(std::string model, std::string role)
    : model_(std::move(model)), role_(std::move(role)), slots_(kSlots) {}

void SeriesHistory::begin_page() {
  counter_told_.fill(false);
  for (Track& track : tracks_) track.told = false;
}

void SeriesHistory::add(const SeriesIncrease& increase) {
  for (std::size_t c = 0; c < kCounterCount; ++c) {
    const std::optional<double>& counted = increase.counters[c];
    if (!counted) continue;
    counter_told_[c] = true;
    counters_[c] += *counted;
  }
  for (std::size_t l = 0; l < kLatencyCount; ++l) {
    const std::optional<HistogramDelta>& observed = increase.latencies[l];
    if (observed) add(*observed, tracks_[l]);
  }
}

// Other edges than before mean another epoch: the track begins anew. Series that are merged on one
// page keep the edges of the first.
void SeriesHistory::add(const HistogramDelta& increase, Track& track) {
  const std::size_t buckets = increase.counts.size();
  if (!track.told && (track.ring.empty() || track.edges != increase.edges)) {
    track = Track{.edges = increase.edges,
                  .totals = std::vector<std::uint32_t>(buckets),
                  .ring = std::vector<std::uint32_t>(buckets * kSlots),
                  .sums = std::vector<double>(kSlots)};
  }
  track.told = true;
  track.sum += increase.sum;
  std::size_t into = 0;
  for (std::size_t i = 0; i < buckets; ++i) {
    into = i + 1 < buckets ? bucket_reaching(track.edges, increase.edges[i], into)
                           : track.edges.size();
    track.totals[into] = static_cast<std::uint32_t>(track.totals[into] + increase.counts[i]);
  }
}

void SeriesHistory::store(SlotRing::Slot slot, std::optional<double> in_flight) {
  Slot& stored = slots_[slot.index];
  if (!slot.again) stored.in_flight_max = -1;
  if (in_flight)
    stored.in_flight_max = std::max(stored.in_flight_max, static_cast<float>(*in_flight));
  stored.counters = counters_;
  for (Track& track : tracks_) {
    if (track.ring.empty()) continue;
    const auto row = static_cast<std::ptrdiff_t>(slot.index * track.totals.size());
    std::copy(track.totals.begin(), track.totals.end(), track.ring.begin() + row);
    track.sums[slot.index] = track.sum;
  }
}

HistogramDelta SeriesHistory::difference(const Track& track, std::size_t start) {
  HistogramDelta delta{track.edges, std::vector<std::uint64_t>(track.totals.size()), 0};
  const std::size_t row = start * track.totals.size();
  for (std::size_t i = 0; i < track.totals.size(); ++i) {
    delta.counts[i] = static_cast<std::uint32_t>(track.totals[i] - track.ring[row + i]);
  }
  // Sums are floating point: where nothing was observed, rounding must not show.
  if (delta.total() > 0) delta.sum = std::max(0.0, track.sum - track.sums[start]);
  return delta;
}

std::optional<double> SeriesHistory::in_flight_max(const SlotRing::Start& start,
                                                   const SlotRing& ring) const {
  float highest = -1;
  for (std::size_t back = 0; back <= start.back; ++back) {
    highest = std::max(highest, slots_[ring.index_back(back)].in_flight_max);
  }
  if (highest < 0) return std::nullopt;
  return highest;
}

WindowValues SeriesHistory::since(const SlotRing::Start& start, const SlotRing& ring) const {
  WindowValues values;
  values.span = std::chrono::round<std::chrono::milliseconds>(start.span);
  values.in_flight_max = in_flight_max(start, ring);
  const Slot& before = slots_[start.index];
  for (std::size_t c = 0; c < kCounterCount; ++c) {
    if (counter_told_[c]) values.increases[c] = counters_[c] - before.counters[c];
  }
  for (std::size_t l = 0; l < kLatencyCount; ++l) {
    if (tracks_[l].told) values.latencies[l] = difference(tracks_[l], start.index);
  }
  return values;
}

}  // namespace leadline
