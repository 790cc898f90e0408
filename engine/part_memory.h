// PartMemory remembers the last value of every counter and histogram part of an engine, so that the
// odometer can tell what a new page adds. Internal to engine/odometer; not thread-safe.

#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "engine/reading.h"

namespace leadline {

// Identifies a part among all parts of the engine.
struct PartKey {
  std::uint64_t series = 0;  // hash of model and role
  std::uint64_t part = 0;
  std::uint32_t unit = 0;  // which counter, or kCounterCount + which latency

  [[nodiscard]] bool operator==(const PartKey&) const = default;
};

struct PartKeyHash {
  [[nodiscard]] std::size_t operator()(const PartKey& key) const {
    return (key.series ^ (key.part * 0x9E3779B97F4A7C15U)) + key.unit * 0x2545F4914F6CDD1DU;
  }
};

// The last value seen. A counter has its value in `total`; a histogram its sum, and edges and
// cumulative counts.
struct PartState {
  double total = 0;
  std::vector<double> edges;
  std::vector<double> cumulative;
  bool known = false;      // false: made for this page
  std::uint64_t page = 0;  // the last page that had it
};

class PartMemory {
 public:
  void begin_page();

  // The state of a part of this page; nullptr where the page has it twice or there is no room.
  [[nodiscard]] PartState* find(const PartKey& key);

  // After a restart: what is not on this page lived in the process that ended.
  void forget_absent();

  // Whether a part seen for the first time counts from 0.
  [[nodiscard]] bool new_parts_count() const { return page_ > 1 && !forgot_; }

 private:
  void make_room();

  std::unordered_map<PartKey, PartState, PartKeyHash> parts_;
  std::uint64_t page_ = 0;
  bool forgot_ = false;  // a part was dropped for want of room, and may come back
  bool swept_ = false;   // make_room() ran for this page
};

}  // namespace leadline
