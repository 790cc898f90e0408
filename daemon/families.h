// Small builders of prometheus-cpp's plain values, so that a family is one expression where it is
// listed. Pure.

#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>

namespace leadline {

using Families = std::vector<prometheus::MetricFamily>;
using SeriesLabels = std::vector<prometheus::ClientMetric::Label>;

[[nodiscard]] prometheus::MetricFamily counter_family(std::string name, std::string help);
[[nodiscard]] prometheus::MetricFamily gauge_family(std::string name, std::string help);
[[nodiscard]] prometheus::MetricFamily histogram_family(std::string name, std::string help);

// One series each; the family's type says which member counts.
void add(prometheus::MetricFamily& family, SeriesLabels labels, double value);

// `counts` per bucket, one more than `edges`: the last is +Inf.
void add_histogram(prometheus::MetricFamily& family, SeriesLabels labels,
                   const std::vector<double>& edges, const std::vector<std::uint64_t>& counts,
                   double sum);

// With one series and no labels.
[[nodiscard]] prometheus::MetricFamily counter_of(std::string name, std::string help, double value);
[[nodiscard]] prometheus::MetricFamily gauge_of(std::string name, std::string help, double value);

}  // namespace leadline
