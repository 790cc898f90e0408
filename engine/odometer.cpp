#include "engine/odometer.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "engine/histogram.h"
#include "engine/part_memory.h"

namespace leadline {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool is_amount(double value) {
  return std::isfinite(value) && value >= 0;
}

bool usable(const CounterPart& part) {
  return is_amount(part.value);
}

bool usable(const HistogramPart& part) {
  return part.cumulative.size() == part.edges.size() + 1 && is_amount(part.sum) &&
         std::all_of(part.cumulative.begin(), part.cumulative.end(), is_amount);
}

bool was_above_zero(const PartState& state) {
  return state.total > 0 || (!state.cumulative.empty() && state.cumulative.back() > 0);
}

bool went_down(const PartState& state, const CounterPart& part) {
  return part.value < state.total;
}

bool went_down(const PartState& state, const HistogramPart& part) {
  if (part.edges != state.edges || part.sum < state.total) return true;
  return !std::equal(part.cumulative.begin(), part.cumulative.end(), state.cumulative.begin(),
                     std::greater_equal<>());
}

void remember(const CounterPart& part, PartState& state) {
  state.total = part.value;
}

void remember(const HistogramPart& part, PartState& state) {
  state.total = part.sum;
  state.edges = part.edges;
  state.cumulative = part.cumulative;
}

// What a part adds: all of it where it began since the page before, else the difference, or nothing
// where it is the base.
enum class Since : std::uint8_t { kBase, kStart, kPageBefore };

void add(const CounterPart& part, const PartState& state, Since since, double& increase) {
  if (since == Since::kStart) increase += part.value;
  if (since == Since::kPageBefore) increase += part.value - state.total;
}

// A page rendered while a request ends may have a bucket ahead of the next one; per-bucket counts
// are cut at 0.
void add(const HistogramPart& part, const PartState& state, Since since, HistogramDelta& increase) {
  if (since == Since::kBase) return;
  const bool from_before = since == Since::kPageBefore;
  increase.sum += part.sum - (from_before ? state.total : 0);
  double below = 0;
  std::size_t bucket = 0;
  for (std::size_t i = 0; i < part.cumulative.size(); ++i) {
    const double reached = part.cumulative[i] - (from_before ? state.cumulative[i] : 0);
    const double upper = i < part.edges.size() ? part.edges[i] : kInfinity;
    bucket = bucket_reaching(increase.edges, upper, bucket);
    increase.counts[bucket] +=
        static_cast<std::uint64_t>(std::llround(std::max(0.0, reached - below)));
    below = std::max(below, reached);
  }
}

std::vector<double> thinned(const std::vector<double>& edges) {
  if (edges.size() <= kMaxEdges) return edges;
  std::vector<double> kept;
  for (std::size_t i = 1; i <= kMaxEdges; ++i)
    kept.push_back(edges[i * edges.size() / kMaxEdges - 1]);
  return kept;
}

template <typename Part>
const Part* first_usable(const std::vector<Part>& parts) {
  const auto found =
      std::find_if(parts.begin(), parts.end(), [](const Part& part) { return usable(part); });
  return found == parts.end() ? nullptr : &*found;
}

// Ready to add to, in the memory it already has; absent where the page does not tell.
void clear(std::optional<double>& increase, const std::vector<CounterPart>& parts) {
  increase.reset();
  if (first_usable(parts) != nullptr) increase = 0;
}

void clear(std::optional<HistogramDelta>& increase, const std::vector<HistogramPart>& parts) {
  const HistogramPart* first = first_usable(parts);
  if (first == nullptr) return increase.reset();
  if (!increase) increase.emplace();
  if (increase->edges != first->edges) increase->edges = thinned(first->edges);
  increase->counts.assign(increase->edges.size() + 1, 0);
  increase->sum = 0;
}

std::uint64_t hash_of(const SeriesReading& series) {
  constexpr std::hash<std::string> kHash;
  return kHash(series.model) * 31 + kHash(series.role);
}

// One part of the page with what is remembered of it and where its increase goes.
template <typename Part, typename Increase>
struct Visit {
  const Part* part;
  PartState* state;
  Increase* increase;
};

}  // namespace

struct Odometer::Impl {
  PartMemory memory;
  std::optional<double> process_start;
  Advance answer;
  std::vector<Visit<CounterPart, double>> counters;
  std::vector<Visit<HistogramPart, HistogramDelta>> histograms;

  void visit_all(const EngineReading& reading);
  template <typename Parts, typename Increase, typename Visits>
  void visit(const Parts& parts, PartKey key, std::optional<Increase>& increase, Visits& visits);
  [[nodiscard]] bool engine_restarted(const EngineReading& reading) const;
  template <typename Visits>
  void apply(const Visits& visits);
};

template <typename Parts, typename Increase, typename Visits>
void Odometer::Impl::visit(const Parts& parts, PartKey key, std::optional<Increase>& increase,
                           Visits& visits) {
  clear(increase, parts);
  if (!increase) return;  // nothing readable
  for (const auto& part : parts) {
    if (!usable(part)) continue;
    key.part = part.part;
    if (PartState* state = memory.find(key)) visits.push_back({&part, state, &*increase});
  }
}

void Odometer::Impl::visit_all(const EngineReading& reading) {
  memory.begin_page();
  counters.clear();
  histograms.clear();
  answer.increases.resize(reading.series.size());
  for (std::size_t s = 0; s < reading.series.size(); ++s) {
    const SeriesReading& series = reading.series[s];
    PartKey key{.series = hash_of(series)};
    for (std::size_t c = 0; c < kCounterCount; ++c, ++key.unit) {
      visit(series.counters[c], key, answer.increases[s].counters[c], counters);
    }
    for (std::size_t l = 0; l < kLatencyCount; ++l, ++key.unit) {
      visit(series.histograms[l], key, answer.increases[s].latencies[l], histograms);
    }
  }
}

bool Odometer::Impl::engine_restarted(const EngineReading& reading) const {
  if (process_start && reading.process_start && *process_start != *reading.process_start)
    return true;
  std::size_t above_zero = 0;
  std::size_t down = 0;
  const auto count = [&](const auto& visit) {
    if (!visit.state->known || !was_above_zero(*visit.state)) return;
    ++above_zero;
    if (went_down(*visit.state, *visit.part)) ++down;
  };
  std::for_each(counters.begin(), counters.end(), count);
  std::for_each(histograms.begin(), histograms.end(), count);
  return down * 2 > above_zero;
}

template <typename Visits>
void Odometer::Impl::apply(const Visits& visits) {
  for (const auto& [part, state, increase] : visits) {
    Since since = Since::kPageBefore;
    if (!state->known) {
      since = answer.restarted || memory.new_parts_count() ? Since::kStart : Since::kBase;
    } else if (answer.restarted || went_down(*state, *part)) {
      since = Since::kStart;
    }
    add(*part, *state, since, *increase);
    remember(*part, *state);
    state->known = true;
  }
}

Odometer::Odometer() : impl_(std::make_unique<Impl>()) {}
Odometer::~Odometer() = default;
Odometer::Odometer(Odometer&&) noexcept = default;
Odometer& Odometer::operator=(Odometer&&) noexcept = default;

const Odometer::Advance& Odometer::advance(const EngineReading& reading) {
  impl_->visit_all(reading);
  impl_->answer.restarted = impl_->engine_restarted(reading);
  impl_->apply(impl_->counters);
  impl_->apply(impl_->histograms);
  if (impl_->answer.restarted) impl_->memory.forget_absent();
  if (reading.process_start) impl_->process_start = reading.process_start;
  return impl_->answer;
}

}  // namespace leadline
