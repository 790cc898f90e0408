#include "engine/series_merge.h"

#include <algorithm>
#include <array>
#include <optional>

namespace leadline {
namespace {

using Name = std::pair<std::string, std::string>;

constexpr std::array<Gauge, 3> kSummed = {Gauge::kQueueDepth, Gauge::kRunningRequests,
                                          Gauge::kQueueTokens};
constexpr std::array<Gauge, 3> kAveraged = {Gauge::kBatchSize, Gauge::kKvCacheUtilization,
                                            Gauge::kPrefixCacheHit};

struct Known {
  double sum = 0;
  std::size_t count = 0;
};

Known known_of(std::span<const SeriesReading* const> members, Gauge which) {
  Known known;
  for (const SeriesReading* member : members) {
    const std::optional<double>& value = gauge(*member, which);
    if (!value) continue;
    known.sum += *value;
    ++known.count;
  }
  return known;
}

std::optional<double> capacity_of(std::span<const SeriesReading* const> members) {
  double sum = 0;
  for (const SeriesReading* member : members) {
    if (!member->kv_capacity_tokens) return std::nullopt;
    sum += *member->kv_capacity_tokens;
  }
  return sum;
}

}  // namespace

void SeriesMerge::assign(std::span<const SeriesReading> series) {
  groups_.group_of.clear();
  groups_.names.clear();
  for (const SeriesReading& one : series) {
    Name name;
    if (level_ != Level::kAll) name.first = one.model;
    name.second = level_ == Level::kNone ? one.role : "both";
    const auto found = std::find(groups_.names.begin(), groups_.names.end(), name);
    groups_.group_of.push_back(static_cast<std::size_t>(found - groups_.names.begin()));
    if (found != groups_.names.end()) continue;
    if (groups_.names.size() == kMaxSeries) return;  // no room: the caller merges further
    groups_.names.push_back(std::move(name));
  }
}

const SeriesMerge::Groups& SeriesMerge::group(std::span<const SeriesReading> series) {
  assign(series);
  while (groups_.group_of.size() < series.size() ||
         (!groups_.group_of.empty() && groups_.group_of.back() >= groups_.names.size())) {
    level_ = level_ == Level::kNone ? Level::kByModel : Level::kAll;
    assign(series);
  }
  const std::size_t lost =
      level_ == Level::kNone ? 0 : series.size() - std::min(series.size(), groups_.names.size());
  if (lost > merged_now_) merged_ += lost - merged_now_;
  merged_now_ = lost;
  return groups_;
}

void combine_gauges(std::span<const SeriesReading* const> members, SeriesSnapshot& into) {
  for (const Gauge which : kSummed) {
    const Known known = known_of(members, which);
    if (known.count > 0) into.gauges[index_of(which)] = known.sum;
  }
  for (const Gauge which : kAveraged) {
    const Known known = known_of(members, which);
    if (known.count == 0) continue;
    into.gauges[index_of(which)] = known.sum / static_cast<double>(known.count);
  }
  into.kv_capacity_tokens = capacity_of(members);
}

}  // namespace leadline
