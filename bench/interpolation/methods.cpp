#include "bench/interpolation/methods.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "bench/interpolation/normal_score.h"

namespace leadline {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A bucket, and the rank that lies in it.
struct Place {
  std::size_t bucket = 0;
  double lower = 0, upper = 0;  // edges, seconds
  double below = 0, count = 0;  // observations before the bucket, and in it
  double total = 0;
  double share = 0;  // of the bucket's observations, 0 to 1
  [[nodiscard]] double width() const { return upper - lower; }
  [[nodiscard]] double log_width() const { return std::log(upper / lower); }
};

double lower_edge(const HistogramDelta& histogram, std::size_t bucket) {
  return bucket > 0 ? histogram.edges[bucket - 1] : 0;
}

double count_of(const HistogramDelta& histogram, std::size_t bucket) {
  return static_cast<double>(histogram.counts[bucket]);
}

// The first bucket with observations that reaches the quantile.
Place place_of(const HistogramDelta& histogram, double quantile) {
  Place place;
  place.total = static_cast<double>(histogram.total());
  const double rank = quantile * place.total * (1 - 1e-12);  // 0.55 x 100 is more than 55 in binary
  for (std::size_t i = 0; i < histogram.edges.size(); ++i) {
    place.bucket = i;
    place.count = count_of(histogram, i);
    if (place.count > 0 && place.below + place.count >= rank) break;
    place.below += place.count;
  }
  place.lower = lower_edge(histogram, place.bucket);
  place.upper = histogram.edges[place.bucket];
  place.share = std::clamp((rank - place.below) / place.count, 0.0, 1.0);
  return place;
}

// --- The bucket alone.

double linear(const Place& place) {
  return place.lower + place.width() * place.share;
}

double linear(const HistogramDelta& histogram, double quantile) {
  return linear(place_of(histogram, quantile));
}

double on_log_scale(const Place& place, double share) {
  return place.lower * std::exp(place.log_width() * std::clamp(share, 0.0, 1.0));
}

// As PromQL does in native histograms; linear from 0, where it has no logarithm.
double geometric(const HistogramDelta& histogram, double quantile) {
  const Place place = place_of(histogram, quantile);
  return place.lower > 0 ? on_log_scale(place, place.share) : linear(place);
}

// As HdrHistogram and DDSketch answer: one value for all of a bucket.
double middle(const HistogramDelta& histogram, double quantile) {
  const Place place = place_of(histogram, quantile);
  return place.lower > 0 ? std::sqrt(place.lower * place.upper) : place.upper / 2;
}

// A distribution of two parameters that goes through both edges: log(latency) is linear in the
// score of the share of observations below. Half an observation keeps 0 and 1 away.
template <double (*kScore)(double)>
double through_edges(const HistogramDelta& histogram, double quantile) {
  const Place place = place_of(histogram, quantile);
  if (place.lower <= 0) return linear(place);
  const auto score = [&place](double rank) { return kScore((rank + 0.5) / (place.total + 1)); };
  const double from = score(place.below);
  const double to = score(place.below + place.count);
  return on_log_scale(place, (score(place.below + place.count * place.share) - from) / (to - from));
}

double frechet_score(double share) {
  return -std::log(-std::log(share));
}

// --- Monotone cubics. Source of the slopes: Fritsch and Butland, see histogram_estimates.cpp.

struct Step {
  double run = 0, rise = 0;
};

double slope_between(const Step& step, const Step& neighbour) {
  if (step.rise <= 0 || neighbour.rise <= 0) return 0;
  const double run = step.run + neighbour.run;
  return 3 * run /
         ((2 * neighbour.run + step.run) * (step.run / step.rise) +
          (neighbour.run + 2 * step.run) * (neighbour.run / neighbour.rise));
}

// The cubic over [0, 1] that rises from 0 to `rise` with these slopes.
double cubic(double t, double rise, double first_slope, double last_slope) {
  const double rest = 1 - t;
  return t * (rest * rest * first_slope + t * (3 - 2 * t) * rise - t * rest * last_slope);
}

// Where between 0 and 1 the monotone cubic has that value.
double inverse_cubic(double value, double rise, double first_slope, double last_slope) {
  double from = 0;
  double to = 1;
  for (int i = 0; i < 48; ++i) {
    const double t = (from + to) / 2;
    (cubic(t, rise, first_slope, last_slope) > value ? to : from) = t;
  }
  return (from + to) / 2;
}

Step step_over(const HistogramDelta& histogram, std::size_t bucket, bool log_scale) {
  const double lower = lower_edge(histogram, bucket);
  const double upper = histogram.edges[bucket];
  return {log_scale ? std::log(upper / lower) : upper - lower, count_of(histogram, bucket)};
}

// Of the cubic at the edge between `step` and a neighbour; the chord's where there is no neighbour,
// or one that begins at 0 on a log scale.
double slope_towards(const HistogramDelta& histogram, const Step& step, std::size_t neighbour,
                     bool log_scale) {
  const bool none = neighbour >= histogram.edges.size();
  if (none || (log_scale && neighbour == 0)) return step.rise / step.run;
  return slope_between(step, step_over(histogram, neighbour, log_scale));
}

// The distribution function, a monotone cubic between edges, is searched for the rank.
template <bool kLogScale>
double cubic_distribution(const HistogramDelta& histogram, double quantile) {
  const Place place = place_of(histogram, quantile);
  if (kLogScale && place.lower <= 0) return linear(place);
  const Step step = step_over(histogram, place.bucket, kLogScale);
  const double first = slope_towards(histogram, step, place.bucket - 1, kLogScale);
  const double last = slope_towards(histogram, step, place.bucket + 1, kLogScale);
  const double t =
      inverse_cubic(place.count * place.share, place.count, first * step.run, last * step.run);
  return kLogScale ? on_log_scale(place, t) : place.lower + place.width() * t;
}

double survival_score(double share) {
  return -std::log1p(-share);
}

// log(latency) as a monotone cubic of a score of the share below. A log-normal is a straight line
// of the normal score, a Pareto one of the survival score.
template <double (*kScore)(double)>
double cubic_of_score(const HistogramDelta& histogram, double quantile) {
  const Place place = place_of(histogram, quantile);
  if (place.lower <= 0) return linear(place);
  const auto score = [&place](double rank) { return kScore((rank + 0.5) / (place.total + 1)); };
  const auto rise_of = [&histogram](std::size_t bucket) {
    const double lower = lower_edge(histogram, bucket);
    const bool endless = lower <= 0 || bucket == histogram.edges.size();
    return endless ? kInfinity : std::log(histogram.edges[bucket] / lower);
  };
  const double before = place.below - count_of(histogram, place.bucket - 1);
  const double end = place.below + place.count;
  const double from = score(place.below);
  const double to = score(end);
  const Step step{to - from, place.log_width()};
  const Step left{from - score(before), rise_of(place.bucket - 1)};
  const Step right{score(end + count_of(histogram, place.bucket + 1)) - to,
                   rise_of(place.bucket + 1)};
  const double t = (score(place.below + place.count * place.share) - from) / step.run;
  const double risen = cubic(t, step.rise, slope_between(step, left) * step.run,
                             slope_between(step, right) * step.run);
  return on_log_scale(place, risen / step.rise);
}

double ours(const HistogramDelta& histogram, double quantile) {
  const auto estimate = estimate_quantile(histogram, quantile);
  assert(estimate.has_value());
  return estimate->value;
}

// --- With the histogram's sum.

// The mean of a bucket in which `share` of the observations lie below lower + (...)^(1/exponent):
// densities proportional to latency^(exponent - 1).
double power_law_mean(double lower, double upper, double exponent) {
  if (lower <= 0) return upper * std::max(exponent, 0.2) / (std::max(exponent, 0.2) + 1);
  const double ratio = std::log(upper / lower);
  return lower * (exponent / (exponent + 1)) * std::expm1((exponent + 1) * ratio) /
         std::expm1(exponent * ratio);
}

// The one exponent with which all buckets together have the histogram's sum.
double exponent_of(const HistogramDelta& histogram) {
  double least = -6.01;
  double most = 8.02;
  for (int i = 0; i < 30; ++i) {
    const double exponent = (least + most) / 2;
    double sum = 0;
    for (std::size_t b = 0; b < histogram.edges.size(); ++b) {
      if (histogram.counts[b] == 0) continue;
      sum += count_of(histogram, b) *
             power_law_mean(lower_edge(histogram, b), histogram.edges[b], exponent);
    }
    (sum > histogram.sum ? most : least) = exponent;
  }
  return (least + most) / 2;
}

double power_law(const HistogramDelta& histogram, double quantile) {
  const double exponent = exponent_of(histogram);
  const Place place = place_of(histogram, quantile);
  if (place.lower <= 0) return place.upper * std::pow(place.share, 1 / std::max(exponent, 0.2));
  const double grown = std::log1p(place.share * std::expm1(exponent * place.log_width()));
  return place.lower * std::exp(grown / exponent);
}

constexpr Method kMethods[] = {
    {"linear (PromQL)", linear},
    {"geometric", geometric},
    {"middle of the bucket", middle},
    {"log-normal through both edges", through_edges<normal_score>},
    {"Fréchet through both edges", through_edges<frechet_score>},
    {"monotone cubic: share below, of latency", cubic_distribution<false>},
    {"monotone cubic: share below, of log latency", cubic_distribution<true>},
    {"monotone cubic: log latency, of normal score", cubic_of_score<normal_score>},
    {"monotone cubic: log latency, of log share above", cubic_of_score<survival_score>},
    {"one power law that has the sum", power_law},
    {"**ours: log share above, with the sum**", ours},
};

}  // namespace

std::span<const Method> all_methods() {
  return kMethods;
}

const Method& our_method() {
  return all_methods().back();
}

}  // namespace leadline
