// Interprets one DialectTable over one parsed page. Used by TableDialect only. A TableReader lives
// for one page; not thread-safe.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/result.h"
#include "engine/dialect_table.h"
#include "engine/exposition.h"
#include "engine/reading.h"

namespace leadline {

// Samples of a page by name, and by model. Views the exposition and the filter.
class SampleIndex {
 public:
  SampleIndex(const Exposition& exposition, const SampleFilter& filter);

  // Empty where the page has none by that name.
  [[nodiscard]] std::span<const std::uint32_t> of(std::string_view name) const;

 private:
  const SampleFilter& filter_;
  std::vector<std::uint32_t>
      first_;  // per name: where its samples begin in order_; one more at the end
  std::vector<std::uint32_t> order_;  // places in exposition.samples, name by name
};

// A row of a histogram: a bucket, or its sum, which has no edge.
struct HistogramRow {
  std::size_t model;
  std::uint64_t part;
  double edge;
  double value;

  [[nodiscard]] auto key() const { return std::tie(model, part); }
  // By model, part and edge.
  [[nodiscard]] bool operator<(const HistogramRow& other) const {
    return std::tie(model, part, edge, value) <
           std::tie(other.model, other.part, other.edge, other.value);
  }
};

class TableReader {
 public:
  TableReader(const DialectTable& table, const Exposition& exposition, const SampleFilter& filter);

  // kBadInput where the page names more models than kMaxModels.
  [[nodiscard]] Result<EngineReading> read();

 private:
  // Samples of one name (places in the exposition) under a label filter.
  struct Rows {
    std::span<const std::uint32_t> samples;
    std::span<const LabelMatch> where;
    double scale = 1;
  };
  [[nodiscard]] Rows present(const Term& term) const;

  bool find_models();
  bool find_model(std::uint32_t place);
  void find_copies();
  [[nodiscard]] bool is_copy_label(std::string_view label) const;
  [[nodiscard]] std::vector<double> copy_rank(std::uint32_t place) const;
  void find_roles();
  [[nodiscard]] bool matches(std::uint32_t place, std::span<const LabelMatch> where) const;
  [[nodiscard]] bool any_matches(const Rows& rows) const;
  [[nodiscard]] std::uint64_t part_of(std::uint32_t place, std::string_view without) const;

  [[nodiscard]] std::optional<double> gauge_of(const GaugeRow& row, std::size_t model) const;

  void read_counter(const CounterRow& row);
  void add_parts(const CounterRow& row, const Rows& rows);
  void add_engine_parts(const CounterRow& row, const Rows& rows);
  void add_part(const CounterRow& row, std::size_t series, std::optional<CounterPart> part);
  [[nodiscard]] std::optional<CounterPart> counter_part(std::uint32_t place, double scale) const;
  std::size_t series_without_model();

  void read_latency(const LatencyRow& row);
  [[nodiscard]] Rows buckets_of(const Term& term, std::string_view& family) const;
  void read_mean(const LatencyRow& row);
  [[nodiscard]] std::vector<HistogramRow> histogram_rows(const Rows& source,
                                                         std::string_view edge_label) const;
  void add_histograms(Latency latency, std::span<const HistogramRow> buckets,
                      std::span<const HistogramRow> sums);

  [[nodiscard]] std::optional<double> capacity_of(const Sample& sample) const;
  void read_capacity();
  void read_capacity_labels();
  [[nodiscard]] std::optional<double> capacity_gauge(std::size_t model) const;
  void read_engine();
  void find_missing();

  const DialectTable& table_;
  const Exposition& exposition_;
  SampleIndex index_;
  std::vector<std::string_view> models_;
  std::vector<std::uint8_t> model_of_;  // per sample of the exposition; kMaxModels: of none
  std::vector<bool> copy_;              // per sample; empty: none is a copy
  EngineReading reading_;
};

// Signals that a page must have; `in_use`: a request has finished.
[[nodiscard]] std::vector<Signal> promised_by(const DialectTable& table, bool in_use);

}  // namespace leadline
