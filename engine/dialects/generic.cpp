#include "engine/dialects/generic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <optional>
#include <string_view>
#include <variant>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/dialect_table.h"

namespace leadline {
namespace {

using Meaning = std::variant<Gauge, Counter, Latency>;

struct Mappable {
  std::string_view signal;
  Meaning meaning;
};

// What a row may map: the signals that are told, not those that are sums of two others.
constexpr std::array<Mappable, 16> kMappable = {{
    {"queue_depth", Gauge::kQueueDepth},
    {"running_requests", Gauge::kRunningRequests},
    {"queue_tokens", Gauge::kQueueTokens},
    {"batch_size", Gauge::kBatchSize},
    {"kv_cache_utilization", Gauge::kKvCacheUtilization},
    {"prefix_cache_hit", Gauge::kPrefixCacheHit},
    {"inference_requests", Counter::kFinishedRequests},
    {"request_errors", Counter::kRequestErrors},
    {"prompt_tokens", Counter::kPromptTokens},
    {"generation_tokens", Counter::kGenerationTokens},
    {"prefix_cache_hits", Counter::kPrefixCacheHits},
    {"prefix_cache_queries", Counter::kPrefixCacheQueries},
    {"ttft_seconds", Latency::kTtft},
    {"inter_token_latency_seconds", Latency::kInterTokenLatency},
    {"e2e_latency_seconds", Latency::kE2eLatency},
    {"queue_time_seconds", Latency::kQueueTime},
}};

constexpr std::array<std::string_view, 3> kKinds = {"gauge", "counter", "histogram"};
constexpr std::size_t kMaxAlternatives = 3;  // rows for one signal

std::optional<Meaning> meaning_of(std::string_view signal) {
  for (const Mappable& mappable : kMappable) {
    if (mappable.signal == signal) return mappable.meaning;
  }
  return std::nullopt;
}

std::string mappable_names() {
  std::string names;
  for (const Mappable& mappable : kMappable) {
    names += names.empty() ? "" : ", ";
    names += mappable.signal;
  }
  return names;
}

// Collects what is wrong, so that the operator sees all of it at once.
class Faults {
 public:
  template <typename... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    if (!text_.empty()) text_ += '\n';
    text_ += fmt::format(format, std::forward<Args>(args)...);
  }
  [[nodiscard]] bool any() const { return !text_.empty(); }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void check_row(const GenericMapping& mapping, std::size_t place, Faults& faults) {
  const GenericRow& row = mapping.rows[place];
  const auto meaning = meaning_of(row.signal);
  if (!meaning) {
    faults.add("rows[{}].signal: \"{}\" is none of {}", place, row.signal, mappable_names());
  } else if (!row.kind.empty() && row.kind != kKinds[meaning->index()]) {
    faults.add("rows[{}].kind: \"{}\", but {} is a {}", place, row.kind, row.signal,
               kKinds[meaning->index()]);
  }
  if (row.family.empty()) faults.add("rows[{}].family: must name a family", place);
  if (!std::isfinite(row.scale) || row.scale <= 0)
    faults.add("rows[{}].scale: {} is not above 0", place, row.scale);
  const auto same = [&](const GenericRow& other) { return other.signal == row.signal; };
  const auto before = std::count_if(
      mapping.rows.begin(), mapping.rows.begin() + static_cast<std::ptrdiff_t>(place), same);
  if (static_cast<std::size_t>(before) == kMaxAlternatives)
    faults.add("rows[{}].signal: more than {} rows for {}", place, kMaxAlternatives, row.signal);
}

void check(const GenericMapping& mapping, Faults& faults) {
  if (mapping.rows.empty()) faults.add("rows: must have at least one row");
  if (mapping.rows.size() > kMaxMappingRows)
    faults.add("rows: {} rows, at most {}", mapping.rows.size(), kMaxMappingRows);
  for (std::size_t place = 0; place < std::min(mapping.rows.size(), kMaxMappingRows); ++place) {
    check_row(mapping, place, faults);
  }
}

// --- From JSON. `where` says which value is meant: `rows[2].scale`.

void read_text(const nlohmann::json& value, const std::string& where, std::string& out,
               Faults& faults) {
  if (const auto* text = value.get_ptr<const std::string*>()) {
    out = *text;
  } else {
    faults.add("{}: must be a string, is {}", where, value.type_name());
  }
}

void read_labels(const nlohmann::json& value, const std::string& where, GenericRow& row,
                 Faults& faults) {
  if (!value.is_object()) return faults.add("{}: must be an object of strings", where);
  for (const auto& [name, match] : value.items()) {
    row.labels.emplace_back(name, "");
    read_text(match, fmt::format("{}.{}", where, name), row.labels.back().second, faults);
  }
}

GenericRow row_from(const nlohmann::json& json, const std::string& where, Faults& faults) {
  GenericRow row;
  if (!json.is_object()) {
    faults.add("{}: must be an object", where);
    return row;
  }
  for (const auto& [key, value] : json.items()) {
    const std::string place = fmt::format("{}.{}", where, key);
    if (key == "signal") {
      read_text(value, place, row.signal, faults);
    } else if (key == "family") {
      read_text(value, place, row.family, faults);
    } else if (key == "kind") {
      read_text(value, place, row.kind, faults);
    } else if (key == "labels") {
      read_labels(value, place, row, faults);
    } else if (key == "scale" && value.is_number()) {
      row.scale = value.get<double>();
    } else {
      faults.add("{}: {}", place, key == "scale" ? "must be a number" : "unknown key");
    }
  }
  return row;
}

void read_rows(const nlohmann::json& json, GenericMapping& mapping, Faults& faults) {
  if (!json.is_array()) return faults.add("rows: must be a list");
  for (std::size_t i = 0; i < std::min(json.size(), kMaxMappingRows + 1); ++i) {
    mapping.rows.push_back(row_from(json[i], fmt::format("rows[{}]", i), faults));
  }
}

// --- The dialect: the mapping's strings, the table that views them, and its interpreter.

class GenericDialect final : public Dialect {
 public:
  explicit GenericDialect(GenericMapping mapping) : mapping_(std::move(mapping)) {
    for (const Mappable& mappable : kMappable) add_rows(mappable);
    table_.engine = "generic";
    table_.model_label = mapping_.model_label;
    table_.rank_label = mapping_.rank_label;
    table_.process_start = mapping_.process_start;
    table_.gauges = gauges_;
    table_.counters = counters_;
    table_.latencies = latencies_;
    // Whether it creates series on first use, nobody knows: what is missing counts once requests
    // do.
    table_.lazy =
        std::any_of(mapping_.rows.begin(), mapping_.rows.end(),
                    [](const GenericRow& row) { return row.signal == "inference_requests"; });
    table_.recognised = false;
    reader_ = std::make_unique<TableDialect>(table_);
  }

  [[nodiscard]] std::string_view id() const override { return table_.engine; }
  [[nodiscard]] Result<EngineReading> read(const Page& page) const override {
    return reader_->read(page);
  }
  [[nodiscard]] std::vector<Signal> promised() const override { return reader_->promised(); }
  [[nodiscard]] std::vector<AbsentSignal> absent() const override {
    const std::vector<Signal> told = promised();
    std::vector<AbsentSignal> absent;
    for (const SignalRow& row : signal_table()) {
      if (std::find(told.begin(), told.end(), row.signal) == told.end())
        absent.push_back({row.signal, fmt::format("the mapping has no row for {}", row.name)});
    }
    return absent;
  }

 private:
  void add_rows(const Mappable& mappable) {
    Term term;
    std::size_t next = 0;
    for (const GenericRow& row : mapping_.rows) {
      if (row.signal != mappable.signal || next == kMaxAlternatives) continue;
      auto& where = matches_.emplace_back();
      for (const auto& [name, value] : row.labels) where.push_back({name, value});
      term.alternatives[next++] = {row.family, where, row.scale};
    }
    if (next > 0) std::visit([&](auto meaning) { add_row(meaning, term); }, mappable.meaning);
  }

  void add_row(Gauge gauge, const Term& term) {
    const bool mean = gauge == Gauge::kBatchSize || is_ratio(gauge);
    gauges_.push_back({gauge,
                       mean ? Combine::kMeanOfRanks : Combine::kSumOfRanks,
                       is_ratio(gauge) ? Range::kRatio : Range::kCount,
                       Promise::kAlways,
                       {{term, Term{}}},
                       "configuration"});
  }
  void add_row(Counter counter, const Term& term) {
    counters_.push_back({counter, Promise::kAlways, {{term, Term{}}}, "configuration"});
  }
  void add_row(Latency latency, const Term& term) {
    latencies_.push_back({latency, Promise::kAlways, term, "configuration"});
  }
  static bool is_ratio(Gauge gauge) {
    return gauge == Gauge::kKvCacheUtilization || gauge == Gauge::kPrefixCacheHit;
  }

  GenericMapping mapping_;
  std::deque<std::vector<LabelMatch>> matches_;  // views mapping_; alternatives view it
  std::vector<GaugeRow> gauges_;
  std::vector<CounterRow> counters_;
  std::vector<LatencyRow> latencies_;
  DialectTable table_;
  std::unique_ptr<const TableDialect> reader_;  // views table_
};

}  // namespace

Result<GenericMapping> generic_mapping_from(const nlohmann::json& json) {
  if (!json.is_object()) return fail(Errc::kBadConfig, "mapping: must be an object with `rows`");
  GenericMapping mapping;
  Faults faults;
  for (const auto& [key, value] : json.items()) {
    if (key == "rows") {
      read_rows(value, mapping, faults);
    } else if (key == "model_label") {
      read_text(value, key, mapping.model_label, faults);
    } else if (key == "rank_label") {
      read_text(value, key, mapping.rank_label, faults);
    } else if (key == "process_start") {
      read_text(value, key, mapping.process_start, faults);
    } else {
      faults.add("{}: unknown key", key);
    }
  }
  check(mapping, faults);
  if (faults.any()) return fail(Errc::kBadConfig, "{}", faults.text());
  return mapping;
}

Result<std::unique_ptr<Dialect>> make_generic_dialect(GenericMapping mapping) {
  Faults faults;
  check(mapping, faults);
  if (faults.any()) return fail(Errc::kBadConfig, "{}", faults.text());
  return std::make_unique<GenericDialect>(std::move(mapping));
}

}  // namespace leadline
