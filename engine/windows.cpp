#include "engine/windows.h"

#include <algorithm>
#include <tuple>

#include "engine/odometer.h"
#include "engine/series_history.h"
#include "engine/series_merge.h"
#include "engine/slot_ring.h"

namespace leadline {

struct Windows::Impl {
  Odometer odometer;
  SlotRing ring;
  SeriesMerge merge;
  std::vector<SeriesHistory> histories;  // at most kMaxSeries
  std::uint64_t page = 0;
  std::uint64_t restarts = 0;
  std::uint64_t merged_before = 0;  // by the merges of engines that went

  void begin_page(const SeriesMerge::Groups& groups);
  SeriesHistory* find(const std::string& model, const std::string& role);
  SeriesHistory& history_of(const std::string& model, const std::string& role);
  SeriesSnapshot publish(const EngineReading& reading, std::size_t group, SlotRing::Slot slot);
};

SeriesHistory* Windows::Impl::find(const std::string& model, const std::string& role) {
  const auto found = std::find_if(histories.begin(), histories.end(), [&](const auto& history) {
    return history.model() == model && history.role() == role;
  });
  return found == histories.end() ? nullptr : &*found;
}

// Marks the series of this page first, so that only those that left make room for new ones; the one
// that left longest ago goes.
void Windows::Impl::begin_page(const SeriesMerge::Groups& groups) {
  ++page;
  for (const auto& [model, role] : groups.names) {
    SeriesHistory* history = find(model, role);
    if (history != nullptr) history->last_page = page;
  }
  for (const auto& [model, role] : groups.names) {
    SeriesHistory& history = history_of(model, role);
    history.last_page = page;
    history.begin_page();
  }
}

SeriesHistory& Windows::Impl::history_of(const std::string& model, const std::string& role) {
  if (SeriesHistory* history = find(model, role)) return *history;
  if (histories.size() < kMaxSeries) return histories.emplace_back(model, role);
  SeriesHistory& oldest =
      *std::min_element(histories.begin(), histories.end(),
                        [](const auto& a, const auto& b) { return a.last_page < b.last_page; });
  oldest = SeriesHistory(model, role);
  return oldest;
}

SeriesSnapshot Windows::Impl::publish(const EngineReading& reading, std::size_t group,
                                      SlotRing::Slot slot) {
  const SeriesMerge::Groups& groups = merge.groups();
  std::vector<const SeriesReading*> members;
  for (std::size_t s = 0; s < reading.series.size(); ++s) {
    if (groups.group_of[s] == group) members.push_back(&reading.series[s]);
  }
  SeriesSnapshot snapshot;
  std::tie(snapshot.model, snapshot.role) = groups.names[group];
  combine_gauges(members, snapshot);
  SeriesHistory& history = history_of(snapshot.model, snapshot.role);
  history.store(slot, in_flight(snapshot.gauges));
  for (std::size_t w = 0; w < kWindowCount; ++w) {
    const auto start = ring.start_of(kWindowSpans[w]);
    if (start) snapshot.windows[w] = history.since(*start, ring);
  }
  return snapshot;
}

Windows::Windows() : impl_(std::make_unique<Impl>()) {}
Windows::~Windows() = default;
Windows::Windows(Windows&&) noexcept = default;
Windows& Windows::operator=(Windows&&) noexcept = default;

std::vector<SeriesSnapshot> Windows::record(const EngineReading& reading, SteadyTime at) {
  const Odometer::Advance& advance = impl_->odometer.advance(reading);
  if (advance.restarted) ++impl_->restarts;
  const SeriesMerge::Groups& groups = impl_->merge.group(reading.series);
  impl_->begin_page(groups);
  for (std::size_t s = 0; s < reading.series.size(); ++s) {
    const auto& [model, role] = groups.names[groups.group_of[s]];
    impl_->history_of(model, role).add(advance.increases[s]);
  }
  const SlotRing::Slot slot = impl_->ring.take(at);
  for (SeriesHistory& history : impl_->histories) {
    if (history.last_page != impl_->page) history.store(slot, std::nullopt);
  }
  std::vector<SeriesSnapshot> published;
  published.reserve(groups.names.size());
  for (std::size_t group = 0; group < groups.names.size(); ++group) {
    published.push_back(impl_->publish(reading, group, slot));
  }
  return published;
}

void Windows::clear() {
  auto fresh = std::make_unique<Impl>();
  fresh->restarts = restarts();
  fresh->merged_before = merged_series();
  impl_ = std::move(fresh);
}

std::uint64_t Windows::restarts() const {
  return impl_->restarts;
}

std::uint64_t Windows::merged_series() const {
  return impl_->merged_before + impl_->merge.merged();
}

}  // namespace leadline
