#include "engine/aggregate.h"

#include <algorithm>
#include <cassert>

#include <fmt/format.h>

#include "engine/coverage.h"
#include "engine/histogram.h"
#include "engine/ordered_sum.h"

namespace leadline {
namespace {

using Entry = Survey::Entry;

tl::unexpected<Absent> absent(Absent::Why why, std::string reason) {
  return tl::unexpected<Absent>(Absent{why, std::move(reason)});
}

tl::unexpected<Absent> nothing_observed(const MetricSelection& selection) {
  return absent(Absent::Why::kNothingObserved,
                fmt::format("{}: nothing observed in {}", selection.metric.name,
                            window_name(selection.window)));
}

double mean(const std::vector<double>& terms) {
  return ordered_sum(terms) / static_cast<double>(terms.size());
}

// --- Sums: counted x 1/coverage + unready with work.

double sum_over(const std::vector<Entry>& entries) {
  std::vector<double> terms;
  for (const Entry& entry : entries) {
    for (const PodShare::Number& number : entry.share.numbers) terms.push_back(number.value);
  }
  return ordered_sum(std::move(terms));
}

AggregateResult combine_sum(const Survey& survey, AggregateValue value) {
  value.value = sum_over(survey.counted) / value.coverage + sum_over(survey.extra);
  return value;
}

// --- Means: over the counted pods.

double plain_mean(const std::vector<Entry>& counted) {
  std::vector<double> pods;
  for (const Entry& entry : counted) {
    if (entry.share.numbers.empty()) continue;
    std::vector<double> series;
    series.reserve(entry.share.numbers.size());
    for (const PodShare::Number& number : entry.share.numbers) series.push_back(number.value);
    pods.push_back(mean(series));
  }
  return mean(pods);
}

// nullopt where one does not know its capacity: a pod that is left out would be worse.
std::optional<double> weighted_mean(const std::vector<Entry>& counted) {
  std::vector<double> terms;
  std::vector<double> weights;
  for (const Entry& entry : counted) {
    for (const PodShare::Number& number : entry.share.numbers) {
      const double capacity = number.capacity.value_or(0);
      if (capacity <= 0) return std::nullopt;
      terms.push_back(number.value * capacity);
      weights.push_back(capacity);
    }
  }
  return ordered_sum(std::move(terms)) / ordered_sum(std::move(weights));
}

AggregateResult combine_mean(const Survey& survey, const MetricSelection& selection,
                             AggregateValue value) {
  const auto has_numbers = [](const Entry& entry) { return !entry.share.numbers.empty(); };
  if (std::none_of(survey.counted.begin(), survey.counted.end(), has_numbers)) {
    return nothing_observed(selection);
  }
  std::optional<double> weighted;
  if (row_of(selection.metric.signal).aggregation == Aggregation::kCapacityWeightedMean) {
    weighted = weighted_mean(survey.counted);
  }
  value.value = weighted ? *weighted : plain_mean(survey.counted);
  return value;
}

// --- Latencies: from the merged histograms of counted pods and unready ones with work.

std::vector<const HistogramDelta*> histograms_of(const Survey& survey) {
  std::vector<const HistogramDelta*> all;
  for (const auto* entries : {&survey.counted, &survey.extra}) {
    for (const Entry& entry : *entries) {
      all.insert(all.end(), entry.share.histograms.begin(), entry.share.histograms.end());
    }
  }
  return all;
}

tl::unexpected<Absent> no_common_edges(const MetricSelection& selection) {
  return absent(Absent::Why::kNoCommonEdges,
                fmt::format("{}: the pods' histograms have no common bucket edge around it",
                            selection.metric.name));
}

AggregateResult combine_quantile(const MergedHistogram& merged, const MetricSelection& selection,
                                 AggregateValue value) {
  const auto estimate = estimate_quantile(merged.histogram, selection.metric.quantile);
  if (!estimate || (estimate->clipped && merged.top_lost)) return no_common_edges(selection);
  value.value = estimate->value;
  value.clipped = estimate->clipped;
  if (estimate->sparse) value.sparse = estimate->observations;
  return value;
}

// Each pod's misses are counted at its own edges, which needs none in common.
AggregateResult combine_misses(std::span<const HistogramDelta* const> parts,
                               const MetricSelection& selection, AggregateValue value) {
  assert(selection.slo_bound.has_value());
  const auto share = miss_share(parts, *selection.slo_bound);
  if (!share) return no_common_edges(selection);
  value.value = share->percent;
  value.inexact = !share->exact;
  return value;
}

AggregateResult combine_latency(const Survey& survey, const MetricSelection& selection,
                                AggregateValue value) {
  const std::vector<const HistogramDelta*> parts = histograms_of(survey);
  const std::optional<MergedHistogram> merged = merge(parts);
  const std::optional<double> average = merged ? mean_of(merged->histogram) : std::nullopt;
  if (!average) {  // nothing observed: 0 only where nothing could have been
    if (!survey.idle()) return nothing_observed(selection);
    value.value = 0;
    return value;
  }
  if (selection.metric.statistic == Statistic::kQuantile) {
    return combine_quantile(*merged, selection, value);
  }
  if (selection.metric.statistic == Statistic::kSloMissPercent) {
    return combine_misses(parts, selection, value);
  }
  value.value = *average;
  return value;
}

// --- Whether a value may be served, and what is said with it.

AggregateValue described(const Survey& survey) {
  AggregateValue value;
  value.coverage = survey.coverage();
  value.counted = static_cast<std::uint32_t>(survey.counted.size());
  value.expected = survey.expected;
  value.oldest_sample = SteadyTime::max();
  for (const auto* entries : {&survey.counted, &survey.extra}) {
    for (const Entry& entry : *entries) {
      value.oldest_sample = std::min(value.oldest_sample, entry.pod->sampled_at);
      if (entry.share.span)
        value.span = std::max(value.span.value_or(*entry.share.span), *entry.share.span);
    }
  }
  return value;
}

tl::unexpected<Absent> not_given(const Survey& survey, const MetricSelection& selection) {
  const std::string details = survey.details();
  return absent(Absent::Why::kNotGiven,
                fmt::format("{} is not given by any pod (engine: {}){}{}", selection.metric.name,
                            fmt::join(survey.engines, ", "), details.empty() ? "" : "; ", details));
}

AggregateResult combine(const Survey& survey, const MetricSelection& selection) {
  switch (row_of(selection.metric.signal).aggregation) {
    case Aggregation::kSum:
      return combine_sum(survey, described(survey));
    case Aggregation::kMean:
    case Aggregation::kCapacityWeightedMean:
      return combine_mean(survey, selection, described(survey));
    case Aggregation::kMergedHistogram:
      break;
  }
  return combine_latency(survey, selection, described(survey));
}

std::string nobody(const Survey& survey) {
  const std::string details = survey.details();
  return details.empty() ? "no pods" : "no pod to count; " + details;
}

}  // namespace

AggregateResult aggregate(std::span<const PodObservation> pods, const MetricSelection& selection,
                          const AggregateOptions& options, SteadyTime now) {
  const Survey survey = survey_pods(pods, selection, options, now);
  if (survey.expected == 0 && survey.extra.empty()) {
    return absent(Absent::Why::kNoPods, nobody(survey));
  }
  if (survey.given_by_none()) return not_given(survey, selection);
  if (survey.expected > 0 && (survey.counted.empty() || survey.coverage() < options.min_coverage)) {
    return absent(Absent::Why::kLowCoverage,
                  fmt::format("coverage {}/{} below {}; {}", survey.counted.size(), survey.expected,
                              options.min_coverage, survey.details()));
  }
  return combine(survey, selection);
}

AggregateResult pod_value(PodObservation pod, const MetricSelection& selection,
                          const AggregateOptions& options, SteadyTime now) {
  if (pod.terminating)
    return absent(Absent::Why::kNoPods, fmt::format("{} is terminating", pod.name));
  if (!pod.ready && !has_work(pod, now)) {
    return absent(Absent::Why::kNoPods,
                  fmt::format("{} is not Ready and has no requests in flight", pod.name));
  }
  // One series that gives a number, as nearly every pod has, needs no survey.
  const PodShare share = share_of(pod, selection, options, now);
  if (share.numbers.size() == 1) {
    return AggregateValue{.value = share.numbers.front().value,
                          .oldest_sample = pod.sampled_at,
                          .span = share.span,
                          .counted = 1,
                          .expected = 1};
  }
  pod.ready = true;
  pod.seen_becoming_ready.reset();
  const Survey survey = survey_pods(std::span(&pod, 1), selection, options, now);
  if (survey.given_by_none()) return not_given(survey, selection);
  if (survey.counted.empty()) return absent(Absent::Why::kLowCoverage, survey.details());
  return combine(survey, selection);
}

}  // namespace leadline
