#include "sidecar/once_report.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include <fmt/format.h>

#include "daemon/log.h"
#include "engine/dialect.h"
#include "engine/totals.h"
#include "sidecar/pod_values.h"

namespace leadline {
namespace {

// Both looks lie in the newest second, whichever window is asked.
constexpr Window kWindow = kDefaultWindow;

std::string why_absent(const EngineReading& reading, Signal signal, const Absent& absent) {
  if (const Dialect* dialect = find_dialect(reading.engine)) {
    for (const AbsentSignal& known : dialect->absent()) {
      if (known.signal == signal) return known.reason;
    }
  }
  const auto& missing = reading.missing;
  if (std::find(missing.begin(), missing.end(), signal) != missing.end()) {
    return fmt::format("{} should print it, and this page does not", reading.engine);
  }
  if (!tells(reading, signal)) return "not on this page, so far";
  if (row_of(signal).kind == SignalKind::kHistogram || row_of(signal).kind == SignalKind::kRatio) {
    return "nothing was observed between the two looks";
  }
  return absent.reason;
}

std::string note_on(const AggregateValue& value) {
  if (value.clipped) return "at or above this: beyond the engine's last bucket edge";
  if (value.sparse) return fmt::format("from {} observations only", *value.sparse);
  return {};
}

SignalLine line_of(const Metric& metric, const PodObservation& pod, const EngineReading& reading,
                   SteadyTime now) {
  const SignalRow& row = row_of(metric.signal);
  const bool gathered = row.kind == SignalKind::kHistogram;
  SignalLine line{.name = metric.name,
                  .group = gathered ? fmt::format("{}_*", row.name) : metric.name,
                  .unit = metric.unit,
                  .value = std::nullopt,
                  .note = ""};
  MetricSelection selection;
  selection.metric = metric;
  selection.window = kWindow;
  const auto value = value_here(pod, selection, now);
  if (value) {
    line.value = value->value;
    line.note = note_on(*value);
  } else {
    line.note = why_absent(reading, metric.signal, value.error());
  }
  return line;
}

}  // namespace

OnceReport report_of(const EngineView& view, std::string why, SteadyTime now) {
  assert(view.sampled_at && view.reading);
  OnceReport report;
  report.view = view;
  report.why = std::move(why);
  report.totals = engine_totals(*view.reading);
  if (!view.series.empty()) {
    const auto span = view.series.front().windows[index_of(kWindow)].span;
    if (span.count() > 0) report.span = span;
  }
  const PodObservation pod = observe(view);
  for (const Metric& metric : metric_catalogue()) {
    if (metric.statistic == Statistic::kSloMissPercent) continue;  // the bound is the adapter's
    report.signals.push_back(line_of(metric, pod, *view.reading, now));
  }
  return report;
}

OnceReport failure_report(const FindOutcome& found) {
  OnceReport report;
  report.tried = found.tried;
  report.error = "nothing to try: reading the engine's page would destroy what it tells";
  if (!found.telling) return report;
  const std::string endpoint = to_text(*found.telling);
  const std::string& why = found.outcome.why;
  switch (found.outcome.result) {
    case ScrapeResult::kRefused:
      report.error = fmt::format("no engine answers: {}", why);
      break;
    case ScrapeResult::kNoDialect:
      report.error = fmt::format("{}: this is {}, which this version cannot read yet", endpoint,
                                 found.outcome.engine);
      break;
    case ScrapeResult::kNoSeries:
      report.error = fmt::format("{}: the engine is up and tells nothing yet: {}", endpoint, why);
      break;
    default:
      report.error = fmt::format("no engine found: {}: {}", endpoint, why);
      break;
  }
  return report;
}

}  // namespace leadline
