// The rows that dialects are written in, and the dialect that reads by them. Used by
// engine/dialects/; the rules that hold for every table stand in engine/dialect.h. Tables are
// constant, reading is pure.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/dialect.h"
#include "engine/exposition.h"

namespace leadline {

// `label="value"`, as in PromQL: a series without the label has it empty.
struct LabelMatch {
  std::string_view label;
  std::string_view value;
  bool prefix = false;  // `label=~"value.*"` instead
};

inline constexpr std::array<LabelMatch, 0> kEverySeries{};
inline constexpr std::array<std::string_view, 0> kNoLabels{};
inline constexpr std::string_view kNoName;

// One name of a thing, and which of its series. For a latency the base name of its histogram.
struct Alternative {
  std::string_view family;
  std::span<const LabelMatch> where = kEverySeries;
  double scale = 1;  // to the signal's unit
};

// A thing under the names that it has had, newest first.
struct Term {
  std::array<Alternative, 3> alternatives{};  // empty family: no more
  bool per_model = true;  // false: series carry no model label and belong to the engine
};

constexpr Term first_of(Alternative newest, Alternative older = {}, Alternative oldest = {}) {
  return {{newest, older, oldest}, true};
}
constexpr Term of_engine(Alternative only) {
  return {{only}, false};
}

enum class Combine : std::uint8_t {
  kSumOfRanks,
  kMeanOfRanks,
};

enum class Range : std::uint8_t {
  kCount,  // >= 0
  kRatio,  // 0-1
};

// When a page must have a signal.
enum class Promise : std::uint8_t {
  kAlways,      // from the start; of a lazy engine once a request has finished
  kUnlessLazy,  // a lazy engine creates it only by some requests
  kNever,       // depends on version, flags or model: its absence says nothing
};

// The value is the sum of the terms; the first must be there, the others may be absent.
struct GaugeRow {
  Gauge gauge;
  Combine combine;
  Range range;
  Promise promise;
  std::array<Term, 6> terms;
  std::string_view source;  // where it is written down, and for which versions
};

// The parts are those of all terms that are there.
struct CounterRow {
  Counter counter;
  Promise promise;
  std::array<Term, 2> terms;
  std::string_view source;
};

// Two counters of an engine without histograms: seconds spent and how often. They tell a mean and
// no quantile: read as a histogram whose one bucket is +Inf.
struct MeanOf {
  std::string_view sum;  // seconds
  std::string_view count;
};

// The first alternative with a series under its filter; without any, the mean.
struct LatencyRow {
  Latency latency;
  Promise promise;
  Term term;
  std::string_view source;
  MeanOf mean{};  // empty: none
};

// KV capacity in tokens of one rank; ranks are summed. Told by a gauge of each model, or by labels
// of an info family: the product of `factors` of the first entry whose labels are all numbers.
struct CapacityRow {
  std::array<std::string_view, 2> families{};                // first present
  std::array<std::array<std::string_view, 2>, 2> factors{};  // label names; empty: no more
  std::string_view gauge = kNoName;                          // instead of both
};

struct SleepRow {
  std::string_view family;  // 0 on every rank: asleep
  LabelMatch where;
};

struct AbsentRow {
  Signal signal;
  std::string_view reason;
};

struct DialectTable {
  std::string_view engine;
  std::string_view variant;
  std::string_view model_label;
  std::string_view rank_label;     // data-parallel rank
  std::string_view process_start;  // family; empty: the answer's header, where it has one
  std::span<const GaugeRow> gauges;
  std::span<const CounterRow> counters;
  std::span<const LatencyRow> latencies;
  std::span<const AbsentRow> absent;
  bool lazy = false;       // series are created on first use
  bool recognised = true;  // detection knows the families; not those of an operator's mapping
  CapacityRow capacity{};  // no families: not told
  SleepRow sleep{};        // no family: not told
  // Its values `prefill` and `decode` are roles, others are `both`.
  std::string_view role_label = kNoName;
  // Ranks inside a data-parallel rank that may print its series too. Of series that differ in these
  // labels only the lowest is read, compared in this order; which one it is makes no other part.
  std::span<const std::string_view> copy_labels = kNoLabels;
};

// Reads pages by one table of several; `choose` picks it from what the page shows and answers its
// place. REQUIRES: the tables outlive the dialect and name one engine.
class TableDialect final : public Dialect {
 public:
  using Choose = std::size_t (*)(const Exposition&);
  TableDialect(std::vector<const DialectTable*> tables, Choose choose);
  explicit TableDialect(const DialectTable& only);
  ~TableDialect() override;

  [[nodiscard]] std::string_view id() const override { return tables_.front()->engine; }
  [[nodiscard]] Result<EngineReading> read(const Page& page) const override;
  [[nodiscard]] std::vector<Signal> promised() const override;
  [[nodiscard]] std::vector<AbsentSignal> absent() const override;
  // Every sample name that any of the tables reads.
  [[nodiscard]] const SampleFilter& filter() const { return filter_; }

 private:
  std::vector<const DialectTable*> tables_;
  Choose choose_;
  std::vector<std::string> names_;  // the filter views them
  SampleFilter filter_;
};

}  // namespace leadline
