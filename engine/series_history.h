// SeriesHistory is the totals of one series, now and at each slot of the ring. Totals begin at 0
// with the series, so a slot from before it subtracts nothing. Bucket totals are kept modulo 2^32:
// their difference over a window is exact as long as fewer than 2^32 observations fall into one
// bucket. Internal to engine/windows; not thread-safe.

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/odometer.h"
#include "engine/pod_snapshot.h"
#include "engine/slot_ring.h"

namespace leadline {

class SeriesHistory {
 public:
  SeriesHistory(std::string model, std::string role);

  [[nodiscard]] const std::string& model() const { return model_; }
  [[nodiscard]] const std::string& role() const { return role_; }

  // A page begins: nothing is told yet.
  void begin_page();
  // Adds what a series of the page counted; several may be merged into this one.
  void add(const SeriesIncrease& increase);
  // Writes the totals into a slot.
  void store(SlotRing::Slot slot, std::optional<double> in_flight);

  // What happened from `start` to now.
  [[nodiscard]] WindowValues since(const SlotRing::Start& start, const SlotRing& ring) const;

  std::uint64_t last_page = 0;  // the last page that had this series; kept by the owner

 private:
  // One histogram. `ring` is kSlots rows of edges.size() + 1 totals, empty until first told.
  struct Track {
    bool told = false;
    std::vector<double> edges;
    std::vector<std::uint32_t> totals;
    double sum = 0;
    std::vector<std::uint32_t> ring;
    std::vector<double> sums;
  };
  // One slot without its histograms.
  struct Slot {
    std::array<double, kCounterCount> counters{};
    float in_flight_max = -1;  // negative: unknown
  };

  static void add(const HistogramDelta& increase, Track& track);
  [[nodiscard]] static HistogramDelta difference(const Track& track, std::size_t start);
  [[nodiscard]] std::optional<double> in_flight_max(const SlotRing::Start& start,
                                                    const SlotRing& ring) const;

  std::string model_;
  std::string role_;
  std::array<bool, kCounterCount> counter_told_{};
  std::array<double, kCounterCount> counters_{};
  std::array<Track, kLatencyCount> tracks_;
  std::vector<Slot> slots_;
};

}  // namespace leadline
