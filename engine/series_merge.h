// Which published series a series of the engine belongs to: itself while there is room, its model
// when there are more than 16, one for all when there are more than 16 models. Never back again, so
// that histories do not flap. Internal to engine/windows.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/pod_snapshot.h"
#include "engine/reading.h"

namespace leadline {

class SeriesMerge {
 public:
  // For each of `series`, the index of its group; groups are numbered in order of appearance.
  struct Groups {
    std::vector<std::size_t> group_of;
    std::vector<std::pair<std::string, std::string>> names;  // model, role
  };
  [[nodiscard]] const Groups& group(std::span<const SeriesReading> series);

  // The answer of the last call.
  [[nodiscard]] const Groups& groups() const { return groups_; }

  // Series that lost their own name for want of room, so far.
  [[nodiscard]] std::uint64_t merged() const { return merged_; }

 private:
  enum class Level : std::uint8_t { kNone, kByModel, kAll };

  void assign(std::span<const SeriesReading> series);

  Level level_ = Level::kNone;
  Groups groups_;
  std::uint64_t merged_ = 0;
  std::size_t merged_now_ = 0;
};

// Gauges of a group: sums of what is known; ratios and the batch size are means of what is known;
// the KV capacity is known only where all know theirs. REQUIRES: members is not empty.
void combine_gauges(std::span<const SeriesReading* const> members, SeriesSnapshot& into);

}  // namespace leadline
