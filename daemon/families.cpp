#include "daemon/families.h"

#include <cassert>
#include <limits>

namespace leadline {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily family_of(std::string name, std::string help, MetricType type) {
  MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = type;
  return family;
}

}  // namespace

MetricFamily counter_family(std::string name, std::string help) {
  return family_of(std::move(name), std::move(help), MetricType::Counter);
}

MetricFamily gauge_family(std::string name, std::string help) {
  return family_of(std::move(name), std::move(help), MetricType::Gauge);
}

MetricFamily histogram_family(std::string name, std::string help) {
  return family_of(std::move(name), std::move(help), MetricType::Histogram);
}

void add(MetricFamily& family, SeriesLabels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  if (family.type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    assert(family.type == MetricType::Gauge);
    metric.gauge.value = value;
  }
  family.metric.push_back(std::move(metric));
}

void add_histogram(MetricFamily& family, SeriesLabels labels, const std::vector<double>& edges,
                   const std::vector<std::uint64_t>& counts, double sum) {
  assert(family.type == MetricType::Histogram && counts.size() == edges.size() + 1);
  ClientMetric metric;
  metric.label = std::move(labels);
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    cumulative += counts[i];
    const double edge = i < edges.size() ? edges[i] : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({cumulative, edge});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = sum;
  family.metric.push_back(std::move(metric));
}

MetricFamily counter_of(std::string name, std::string help, double value) {
  MetricFamily family = counter_family(std::move(name), std::move(help));
  add(family, {}, value);
  return family;
}

MetricFamily gauge_of(std::string name, std::string help, double value) {
  MetricFamily family = gauge_family(std::move(name), std::move(help));
  add(family, {}, value);
  return family;
}

}  // namespace leadline
