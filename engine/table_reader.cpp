#include "engine/table_reader.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "engine/totals.h"

namespace leadline {
namespace {

// The part of a counter whose family is there and whose series, under a label filter, is not yet.
// It stays when the series comes, and changes nothing.
constexpr CounterPart kKnownZero = {0, 0};

constexpr std::size_t kMaxModels = 64;  // an engine serves one; a router page may name a few

// Order of labels differs between engines and versions, so each pair is hashed alone and added.
std::uint64_t hash_label(const Label& label) {
  constexpr std::hash<std::string_view> kHash;
  return (kHash(label.name) ^ 0x9E3779B97F4A7C15ULL) * 0xBF58476D1CE4E5B9ULL + kHash(label.value);
}

std::uint64_t spread(std::uint64_t value) {
  value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  return value ^ (value >> 31U);
}

std::optional<double> valid(double value, Range range) {
  if (!std::isfinite(value) || value < 0) return std::nullopt;
  if (range == Range::kRatio && value > 1) return std::nullopt;
  return value;
}

// What one rank says through the processes that print it (label `pid`): equal `series`, one value.
struct RankValue {
  std::uint64_t series;
  std::optional<double> value;
};

// Keeps the highest value of each series. The others are what an API server saw last, maybe long
// ago.
void keep_highest(std::vector<RankValue>& values) {
  std::sort(values.begin(), values.end(), [](const RankValue& a, const RankValue& b) {
    return std::tie(a.series, b.value) < std::tie(b.series, a.value);
  });
  const auto same = [](const RankValue& a, const RankValue& b) { return a.series == b.series; };
  values.erase(std::unique(values.begin(), values.end(), same), values.end());
}

std::optional<double> combined(const std::vector<RankValue>& ranks, Combine combine) {
  double sum = 0;
  std::size_t known = 0;
  for (const RankValue& rank : ranks) {
    if (!rank.value) continue;
    sum += *rank.value;
    ++known;
  }
  if (known == 0) return std::nullopt;
  if (combine == Combine::kMeanOfRanks) return sum / static_cast<double>(known);
  if (known < ranks.size()) return std::nullopt;  // a sum without a rank would be too low
  return sum;
}

// A part that is printed twice counts once, with the higher value.
void sort_parts(std::vector<CounterPart>& parts) {
  std::sort(parts.begin(), parts.end(), [](const CounterPart& a, const CounterPart& b) {
    return std::tie(a.part, b.value) < std::tie(b.part, a.value);
  });
  const auto same = [](const CounterPart& a, const CounterPart& b) { return a.part == b.part; };
  parts.erase(std::unique(parts.begin(), parts.end(), same), parts.end());
}

// nullopt where it is not whole: a page cut short, or a value that is no count. Without +Inf nobody
// knows how many observations there were, and a sum of 0 would look like a restart.
std::optional<HistogramPart> histogram_from(std::span<const HistogramRow> buckets, double sum) {
  HistogramPart histogram;
  histogram.part = buckets.front().part;
  histogram.sum = sum;
  if (!std::isfinite(sum) || buckets.back().edge < HUGE_VAL) return std::nullopt;
  double highest = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    if (!valid(buckets[i].value, Range::kCount)) return std::nullopt;
    highest = std::max(highest, buckets[i].value);  // a page rendered while it grows may dip
    if (i + 1 < buckets.size() && buckets[i + 1].edge == buckets[i].edge) continue;
    if (std::isfinite(buckets[i].edge)) histogram.edges.push_back(buckets[i].edge);
    histogram.cumulative.push_back(highest);
  }
  if (histogram.cumulative.size() != histogram.edges.size() + 1) return std::nullopt;
  return histogram;
}

}  // namespace

// --- SampleIndex: a counting sort of the samples by name.

SampleIndex::SampleIndex(const Exposition& exposition, const SampleFilter& filter)
    : filter_(filter), first_(filter.names().size() + 1), order_(exposition.samples.size()) {
  for (const Sample& sample : exposition.samples) ++first_[sample.name];
  std::uint32_t begin = 0;
  for (std::uint32_t& first : first_) begin = std::exchange(first, begin) + begin;
  std::vector<std::uint32_t> next = first_;
  for (std::uint32_t i = 0; i < exposition.samples.size(); ++i) {
    order_[next[exposition.samples[i].name]++] = i;
  }
}

std::span<const std::uint32_t> SampleIndex::of(std::string_view name) const {
  const auto place = filter_.find(name);
  if (!place) return {};
  return std::span(order_).subspan(first_[*place], first_[*place + 1] - first_[*place]);
}

// --- TableReader.

TableReader::TableReader(const DialectTable& table, const Exposition& exposition,
                         const SampleFilter& filter)
    : table_(table), exposition_(exposition), index_(exposition, filter) {
  find_copies();
}

Result<EngineReading> TableReader::read() {
  if (!find_models()) return fail(Errc::kBadInput, "page names more than {} models", kMaxModels);
  reading_.engine = table_.engine;
  reading_.variant = table_.variant;
  reading_.bad_lines = exposition_.bad_lines;
  for (const std::string_view model : models_) {
    reading_.series.emplace_back();
    reading_.series.back().model = model;
  }
  for (const GaugeRow& row : table_.gauges) {
    for (std::size_t model = 0; model < models_.size(); ++model) {
      gauge(reading_.series[model], row.gauge) = gauge_of(row, model);
    }
  }
  for (const CounterRow& row : table_.counters) read_counter(row);
  for (const LatencyRow& row : table_.latencies) read_latency(row);
  read_capacity();
  read_engine();
  find_roles();
  find_missing();
  return std::move(reading_);
}

TableReader::Rows TableReader::present(const Term& term) const {
  for (const Alternative& alternative : term.alternatives) {
    if (alternative.family.empty()) break;
    const auto samples = index_.of(alternative.family);
    if (!samples.empty()) return {samples, alternative.where, alternative.scale};
  }
  return {};
}

// Models are those that the rows of the table name; histograms by their sums, which are fewer.
bool TableReader::find_models() {
  model_of_.assign(exposition_.samples.size(), kMaxModels);
  std::vector<std::string> names;
  const auto add = [&](const Term& term, std::string_view suffix) {
    for (const Alternative& alternative : term.alternatives) {
      if (!term.per_model || alternative.family.empty()) continue;
      names.emplace_back(alternative.family).append(suffix);
    }
  };
  for (const GaugeRow& row : table_.gauges) {
    for (const Term& term : row.terms) add(term, "");
  }
  for (const CounterRow& row : table_.counters) {
    for (const Term& term : row.terms) add(term, "");
  }
  for (const LatencyRow& row : table_.latencies) {
    add(row.term, "_sum");
    add(row.term, "_bucket");
    names.emplace_back(row.mean.sum);  // an empty one is on no page
    names.emplace_back(row.mean.count);
  }
  for (const std::string& name : names) {
    for (const std::uint32_t place : index_.of(name)) {
      if (!find_model(place)) return false;
    }
  }
  return true;
}

bool TableReader::find_model(std::uint32_t place) {
  const std::string_view name = exposition_.label(exposition_.samples[place], table_.model_label);
  auto found = std::find(models_.begin(), models_.end(), name);
  if (found == models_.end()) {
    if (models_.size() == kMaxModels) return false;
    models_.push_back(name);
    found = models_.end() - 1;
  }
  model_of_[place] = static_cast<std::uint8_t>(found - models_.begin());
  return true;
}

bool TableReader::is_copy_label(std::string_view label) const {
  return std::find(table_.copy_labels.begin(), table_.copy_labels.end(), label) !=
         table_.copy_labels.end();
}

// Numbers, since rank 10 comes after rank 9; a series without the label is before all.
std::vector<double> TableReader::copy_rank(std::uint32_t place) const {
  std::vector<double> rank;
  for (const std::string_view label : table_.copy_labels) {
    rank.push_back(number_from(exposition_.label(exposition_.samples[place], label)).value_or(-1));
  }
  return rank;
}

// Marks every sample that has a lower one of the same name and part.
void TableReader::find_copies() {
  if (table_.copy_labels.empty()) return;
  copy_.assign(exposition_.samples.size(), false);
  std::unordered_map<std::uint64_t, std::uint32_t> lowest;
  for (std::uint32_t place = 0; place < exposition_.samples.size(); ++place) {
    const std::uint64_t key = spread(part_of(place, "pid") + exposition_.samples[place].name);
    const auto [found, first] = lowest.emplace(key, place);
    if (first) continue;
    const auto before = copy_rank(found->second);
    const auto rank = copy_rank(place);
    if (rank == before) continue;  // other processes of one rank: the highest value is taken
    copy_[rank < before ? found->second : place] = true;
    if (rank < before) found->second = place;
  }
}

void TableReader::find_roles() {
  if (table_.role_label.empty()) return;
  for (std::uint32_t place = 0; place < exposition_.samples.size(); ++place) {
    const std::string_view role = exposition_.label(exposition_.samples[place], table_.role_label);
    if (model_of_[place] == kMaxModels || (role != "prefill" && role != "decode")) continue;
    reading_.series[model_of_[place]].role = role;
  }
}

// A copy matches nothing.
bool TableReader::matches(std::uint32_t place, std::span<const LabelMatch> where) const {
  if (!copy_.empty() && copy_[place]) return false;
  return std::all_of(where.begin(), where.end(), [&](const LabelMatch& match) {
    const std::string_view value = exposition_.label(exposition_.samples[place], match.label);
    return match.prefix ? value.starts_with(match.value) : value == match.value;
  });
}

bool TableReader::any_matches(const Rows& rows) const {
  return std::any_of(rows.samples.begin(), rows.samples.end(),
                     [&](std::uint32_t place) { return matches(place, rows.where); });
}

// Which source series it is: the same on every page, whatever the order of its labels.
std::uint64_t TableReader::part_of(std::uint32_t place, std::string_view without) const {
  std::uint64_t part = 0;
  for (const Label& label : exposition_.labels_of(exposition_.samples[place])) {
    if (label.name != without && !is_copy_label(label.name)) part += spread(hash_label(label));
  }
  return spread(part);
}

std::optional<double> TableReader::gauge_of(const GaugeRow& row, std::size_t model) const {
  std::optional<double> total;
  for (const Term& term : row.terms) {
    const Rows rows = present(term);
    const bool first = &term == &row.terms.front();
    std::vector<RankValue> ranks;
    for (const std::uint32_t place : rows.samples) {
      if (model_of_[place] != model || !matches(place, rows.where)) continue;
      const double value = exposition_.samples[place].value * rows.scale;
      ranks.push_back({part_of(place, "pid"), valid(value, row.range)});
    }
    if (ranks.empty() && !first) continue;
    keep_highest(ranks);
    const std::optional<double> value = combined(ranks, row.combine);
    if (!value) return std::nullopt;
    total = total.value_or(0) + *value;
  }
  return total;
}

void TableReader::read_counter(const CounterRow& row) {
  for (const Term& term : row.terms) {
    const Rows rows = present(term);
    if (rows.samples.empty()) continue;
    if (term.per_model) {
      add_parts(row, rows);
    } else {
      add_engine_parts(row, rows);
    }
  }
  for (SeriesReading& series : reading_.series) sort_parts(series.counters[index_of(row.counter)]);
}

// nullopt where its value is none. Terms of one counter may have equal labels, hence the family.
std::optional<CounterPart> TableReader::counter_part(std::uint32_t place, double scale) const {
  const Sample& sample = exposition_.samples[place];
  const auto value = valid(sample.value * scale, Range::kCount);
  if (!value) return std::nullopt;
  const std::uint64_t family = std::hash<std::string_view>()(sample.family);
  return CounterPart{spread(part_of(place, "") + family), *value};
}

void TableReader::add_part(const CounterRow& row, std::size_t series,
                           std::optional<CounterPart> part) {
  if (part) reading_.series[series].counters[index_of(row.counter)].push_back(*part);
}

void TableReader::add_parts(const CounterRow& row, const Rows& rows) {
  std::vector<bool> printed(models_.size());
  for (const std::uint32_t place : rows.samples) {
    const std::size_t model = model_of_[place];
    printed[model] = true;
    if (matches(place, rows.where)) add_part(row, model, counter_part(place, rows.scale));
  }
  for (std::size_t model = 0; model < models_.size(); ++model) {
    if (printed[model] && !rows.where.empty()) add_part(row, model, kKnownZero);
  }
}

// Series without a model belong to the only model; where there are several, to none of them.
void TableReader::add_engine_parts(const CounterRow& row, const Rows& rows) {
  if (models_.empty()) return;
  std::size_t series = 0;
  if (models_.size() == 1) add_part(row, 0, kKnownZero);
  for (const std::uint32_t place : rows.samples) {
    if (!matches(place, rows.where)) continue;
    if (models_.size() > 1) series = series_without_model();
    add_part(row, series, counter_part(place, rows.scale));
  }
}

std::size_t TableReader::series_without_model() {
  const auto found = std::find_if(reading_.series.begin(), reading_.series.end(),
                                  [](const SeriesReading& series) { return series.model.empty(); });
  if (found != reading_.series.end())
    return static_cast<std::size_t>(found - reading_.series.begin());
  reading_.series.emplace_back();
  return reading_.series.size() - 1;
}

// Of the first alternative that has a series under its filter, whose name goes to `family`.
TableReader::Rows TableReader::buckets_of(const Term& term, std::string_view& family) const {
  for (const Alternative& alternative : term.alternatives) {
    if (alternative.family.empty()) break;
    const Rows rows = {index_.of(std::string(alternative.family) + "_bucket"), alternative.where,
                       alternative.scale};
    if (!any_matches(rows)) continue;
    family = alternative.family;
    return rows;
  }
  return {};
}

void TableReader::read_latency(const LatencyRow& row) {
  std::string_view family;
  const Rows buckets = buckets_of(row.term, family);
  if (family.empty()) return read_mean(row);
  const Rows sums = {index_.of(std::string(family) + "_sum"), buckets.where, buckets.scale};
  add_histograms(row.latency, histogram_rows(buckets, "le"), histogram_rows(sums, ""));
}

// One bucket, +Inf: quantiles of it are unknown, and so is every share above a bound.
void TableReader::read_mean(const LatencyRow& row) {
  std::vector<HistogramRow> counts = histogram_rows({index_.of(row.mean.count), {}, 1}, "");
  for (HistogramRow& count : counts) count.edge = HUGE_VAL;
  add_histograms(row.latency, counts, histogram_rows({index_.of(row.mean.sum), {}, 1}, ""));
}

// Sorted by model, part and edge. `edge_label` is empty for rows that have no edge.
std::vector<HistogramRow> TableReader::histogram_rows(const Rows& source,
                                                      std::string_view edge_label) const {
  std::vector<HistogramRow> rows;
  rows.reserve(source.samples.size());
  for (const std::uint32_t place : source.samples) {
    const Sample& sample = exposition_.samples[place];
    if (!matches(place, source.where)) continue;
    std::optional<double> edge = 0;
    if (!edge_label.empty()) edge = number_from(exposition_.label(sample, edge_label));
    if (!edge || std::isnan(*edge)) continue;
    // Edges and sums are times, buckets are counts.
    const double value = edge_label.empty() ? sample.value * source.scale : sample.value;
    rows.push_back({model_of_[place], part_of(place, edge_label), *edge * source.scale, value});
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

void TableReader::add_histograms(Latency latency, std::span<const HistogramRow> buckets,
                                 std::span<const HistogramRow> sums) {
  while (!buckets.empty()) {
    const HistogramRow& first = buckets.front();
    const auto end = std::find_if(buckets.begin(), buckets.end(), [&](const HistogramRow& next) {
      return next.key() != first.key();
    });
    const auto length = static_cast<std::size_t>(end - buckets.begin());
    const auto sum = std::lower_bound(
        sums.begin(), sums.end(), first,
        [](const HistogramRow& a, const HistogramRow& b) { return a.key() < b.key(); });
    if (sum != sums.end() && sum->key() == first.key()) {
      auto histogram = histogram_from(buckets.first(length), sum->value);
      if (histogram) {
        reading_.series[first.model].histograms[index_of(latency)].push_back(std::move(*histogram));
      }
    }
    buckets = buckets.subspan(length);
  }
}

// Tokens of one rank by the labels of its info series; nullopt where they are no numbers yet.
std::optional<double> TableReader::capacity_of(const Sample& sample) const {
  for (const auto& factors : table_.capacity.factors) {
    if (factors.front().empty()) continue;
    double product = 1;
    bool known = true;
    for (const std::string_view name : factors) {
      if (name.empty()) continue;
      const auto number = number_from(exposition_.label(sample, name));
      known = known && number && *number > 0 && std::isfinite(*number);
      product *= number.value_or(0);
    }
    if (known) return product;
  }
  return std::nullopt;
}

std::optional<double> TableReader::capacity_gauge(std::size_t model) const {
  std::vector<RankValue> ranks;
  for (const std::uint32_t place : index_.of(table_.capacity.gauge)) {
    const Sample& sample = exposition_.samples[place];
    if (exposition_.label(sample, table_.model_label) != models_[model] || !matches(place, {}))
      continue;
    ranks.push_back({part_of(place, "pid"), valid(sample.value, Range::kCount)});
  }
  keep_highest(ranks);
  return combined(ranks, Combine::kSumOfRanks);
}

void TableReader::read_capacity() {
  if (table_.capacity.gauge.empty()) return read_capacity_labels();
  for (std::size_t model = 0; model < models_.size(); ++model) {
    reading_.series[model].kv_capacity_tokens = capacity_gauge(model);
  }
}

// The info series names no model: where there are several, nobody knows whose it is.
void TableReader::read_capacity_labels() {
  if (models_.size() != 1) return;
  std::vector<RankValue> ranks;
  for (const std::string_view family : table_.capacity.families) {
    for (const std::uint32_t place : index_.of(family)) {
      const Sample& sample = exposition_.samples[place];
      const auto rank = exposition_.label(sample, table_.rank_label);
      ranks.push_back({std::hash<std::string_view>()(rank), capacity_of(sample)});
    }
    if (!ranks.empty()) break;
  }
  keep_highest(ranks);
  reading_.series.front().kv_capacity_tokens = combined(ranks, Combine::kSumOfRanks);
}

void TableReader::read_engine() {
  const auto starts = index_.of(table_.process_start);
  if (!starts.empty()) {
    const double start = exposition_.samples[starts.front()].value;
    if (std::isfinite(start)) reading_.process_start = start;
  }
  const std::array<LabelMatch, 1> where = {table_.sleep.where};
  bool awake = false;
  bool told = false;
  for (const std::uint32_t place : index_.of(table_.sleep.family)) {
    if (!matches(place, where)) continue;
    told = true;
    awake = awake || exposition_.samples[place].value != 0;
  }
  reading_.asleep = told && !awake;
}

void TableReader::find_missing() {
  if (reading_.series.empty()) return;  // still starting
  bool in_use = false;
  for (const SeriesReading& series : reading_.series) {
    for (const CounterPart& part : series.counters[index_of(Counter::kFinishedRequests)]) {
      in_use = in_use || part.value > 0;
    }
  }
  for (const Signal signal : promised_by(table_, in_use)) {
    if (!tells(reading_, signal)) reading_.missing.push_back(signal);
  }
}

}  // namespace leadline
