#include "engine/dialect_table.h"

#include <algorithm>
#include <utility>

#include "engine/detection.h"
#include "engine/table_reader.h"

namespace leadline {
namespace {

void add_signal(std::vector<Signal>& signals, Signal signal) {
  if (std::find(signals.begin(), signals.end(), signal) == signals.end()) signals.push_back(signal);
}

Signal signal_of(Gauge gauge) {
  switch (gauge) {
    case Gauge::kQueueDepth:
      return Signal::kQueueDepth;
    case Gauge::kRunningRequests:
      return Signal::kRunningRequests;
    case Gauge::kQueueTokens:
      return Signal::kQueueTokens;
    case Gauge::kBatchSize:
      return Signal::kBatchSize;
    case Gauge::kKvCacheUtilization:
      return Signal::kKvCacheUtilization;
    case Gauge::kPrefixCacheHit:
      return Signal::kPrefixCacheHit;
  }
  return Signal::kQueueDepth;
}

Signal signal_of(Counter counter) {
  switch (counter) {
    case Counter::kFinishedRequests:
      return Signal::kInferenceRequests;
    case Counter::kRequestErrors:
      return Signal::kRequestErrors;
    case Counter::kPromptTokens:
      return Signal::kPromptTokens;
    case Counter::kGenerationTokens:
      return Signal::kGenerationTokens;
    case Counter::kPrefixCacheHits:
    case Counter::kPrefixCacheQueries:
      return Signal::kPrefixCacheHit;
  }
  return Signal::kInferenceRequests;
}

Signal signal_of(Latency latency) {
  switch (latency) {
    case Latency::kTtft:
      return Signal::kTtft;
    case Latency::kInterTokenLatency:
      return Signal::kInterTokenLatency;
    case Latency::kE2eLatency:
      return Signal::kE2eLatency;
    case Latency::kQueueTime:
      return Signal::kQueueTime;
  }
  return Signal::kTtft;
}

// Whether a page must keep the promise.
bool holds(Promise promise, bool lazy, bool in_use) {
  if (promise == Promise::kAlways) return !lazy || in_use;
  return promise == Promise::kUnlessLazy && !lazy;
}

void add_sums(std::vector<Signal>& signals) {
  const auto has = [&](Signal signal) {
    return std::find(signals.begin(), signals.end(), signal) != signals.end();
  };
  if (has(Signal::kQueueDepth) && has(Signal::kRunningRequests))
    signals.push_back(Signal::kInFlightRequests);
  if (has(Signal::kPromptTokens) && has(Signal::kGenerationTokens))
    signals.push_back(Signal::kTokens);
}

void add_names(std::vector<std::string>& names, const Term& term) {
  for (const Alternative& alternative : term.alternatives) {
    if (!alternative.family.empty()) names.emplace_back(alternative.family);
  }
}

// Every sample name that a table reads.
std::vector<std::string> names_in(const DialectTable& table) {
  std::vector<std::string> names;
  for (const GaugeRow& row : table.gauges) {
    for (const Term& term : row.terms) add_names(names, term);
  }
  for (const CounterRow& row : table.counters) {
    for (const Term& term : row.terms) add_names(names, term);
  }
  for (const LatencyRow& row : table.latencies) {
    for (const Alternative& alternative : row.term.alternatives) {
      if (alternative.family.empty()) continue;
      names.push_back(std::string(alternative.family) + "_bucket");
      names.push_back(std::string(alternative.family) + "_sum");
    }
    names.emplace_back(row.mean.sum);
    names.emplace_back(row.mean.count);
  }
  for (const std::string_view family : table.capacity.families) names.emplace_back(family);
  names.emplace_back(table.capacity.gauge);
  names.emplace_back(table.sleep.family);
  names.emplace_back(table.process_start);
  std::erase(names, "");
  return names;
}

std::vector<std::string> names_in(const std::vector<const DialectTable*>& tables) {
  std::vector<std::string> names;
  for (const DialectTable* table : tables) {
    for (std::string& name : names_in(*table)) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

std::vector<Signal> promised_by(const DialectTable& table, bool in_use) {
  std::vector<Signal> signals;
  for (const GaugeRow& row : table.gauges) {
    if (holds(row.promise, table.lazy, in_use)) add_signal(signals, signal_of(row.gauge));
  }
  for (const CounterRow& row : table.counters) {
    if (holds(row.promise, table.lazy, in_use)) add_signal(signals, signal_of(row.counter));
  }
  for (const LatencyRow& row : table.latencies) {
    if (holds(row.promise, table.lazy, in_use)) add_signal(signals, signal_of(row.latency));
  }
  add_sums(signals);
  return signals;
}

TableDialect::TableDialect(std::vector<const DialectTable*> tables, Choose choose)
    : tables_(std::move(tables)),
      choose_(choose),
      names_(names_in(tables_)),
      filter_({names_.begin(), names_.end()}) {}

TableDialect::TableDialect(const DialectTable& only)
    : TableDialect({&only}, [](const Exposition&) { return std::size_t{0}; }) {}

TableDialect::~TableDialect() = default;

Result<EngineReading> TableDialect::read(const Page& page) const {
  const Result<PageText> text = text_of(page);
  if (!text) return fail(text.error());
  const Result<Exposition> exposition = parse_exposition(*text, filter_);
  if (!exposition) return fail(exposition.error());
  const DialectTable& table = *tables_.at(choose_(*exposition));
  Result<EngineReading> reading = TableReader(table, *exposition, filter_).read();
  if (reading && table.process_start.empty()) reading->process_start = page.process_start;
  if (!reading || !reading->series.empty() || !table.recognised) return reading;
  // Nothing of ours: an engine that is starting, or something else that answers on its port now.
  const Detection found = detect_engine(page);
  const bool other = found.state == PageState::kFound && found.engine != id();
  if (other || found.state == PageState::kNothing)
    return fail(Errc::kBadInput, "page is not of {}: {}", id(), found.why);
  return reading;
}

std::vector<Signal> TableDialect::promised() const {
  return promised_by(*tables_.front(), /*in_use=*/true);
}

std::vector<AbsentSignal> TableDialect::absent() const {
  std::vector<AbsentSignal> absent;
  for (const AbsentRow& row : tables_.front()->absent) {
    absent.push_back({row.signal, std::string(row.reason)});
  }
  return absent;
}

}  // namespace leadline
