#include "bench/interpolation/samples.h"

#include <cmath>
#include <initializer_list>
#include <memory>

#include <fmt/format.h>

#include "bench/interpolation/trace.h"
#include "sim/vllm_edges.h"

namespace leadline {
namespace {

using Cases = std::vector<Case>;

struct Peak {
  double median = 1;  // seconds
  double sigma = 1;   // of the logarithm
};

double draw(const Peak& peak, Random& random) {
  return std::lognormal_distribution(std::log(peak.median), peak.sigma)(random);
}

void add_log_normals(Cases& cases, const std::string& kind, const std::vector<double>& edges,
                     std::initializer_list<double> medians, std::initializer_list<double> sigmas) {
  for (const double median : medians) {
    for (const double sigma : sigmas) {
      const Peak peak{median, sigma};
      cases.push_back({"log-normal " + kind,
                       fmt::format("median {:.3g} s, sigma {}", median, sigma), edges,
                       [peak](Random& random) { return draw(peak, random); }});
    }
  }
}

// `share` of the requests at the first peak, such as those whose prefix was cached.
void add_two_peaks(Cases& cases, const std::vector<double>& edges, const Peak& first,
                   const Peak& second) {
  for (const double share : {0.3, 0.6, 0.85}) {
    cases.push_back({"bimodal",
                     fmt::format("{} around {} s, else {} s", share, first.median, second.median),
                     edges, [=](Random& random) {
                       const bool at_first = std::bernoulli_distribution(share)(random);
                       return draw(at_first ? first : second, random);
                     }});
  }
}

// P(X > x) = (least / x)^alpha.
void add_pareto(Cases& cases, const std::vector<double>& edges, double least, double alpha) {
  cases.push_back({"Pareto, Weibull", fmt::format("Pareto from {} s, alpha {}", least, alpha),
                   edges, [=](Random& random) {
                     const double above = 1 - std::uniform_real_distribution()(random);
                     return least * std::pow(above, -1 / alpha);
                   }});
}

void add_weibull(Cases& cases, const std::vector<double>& edges, double scale, double shape) {
  cases.push_back(
      {"Pareto, Weibull", fmt::format("Weibull of scale {} s, shape {}", scale, shape), edges,
       [=](Random& random) { return std::weibull_distribution(shape, scale)(random); }});
}

void add_heavy_tails(Cases& cases) {
  for (const double alpha : {1.2, 2.5}) {
    add_pareto(cases, ttft_edges(), 0.07, alpha);
    add_pareto(cases, ttft_edges(), 0.3, alpha);
    add_pareto(cases, token_gap_edges(), 0.015, alpha);
    add_pareto(cases, request_time_edges(), 1.7, alpha);
  }
  for (const double shape : {0.6, 1.0, 2.0}) {
    add_weibull(cases, ttft_edges(), 0.4, shape);
    add_weibull(cases, token_gap_edges(), 0.04, shape);
    add_weibull(cases, request_time_edges(), 12, shape);
  }
}

// Drawn with replacement from what the trace showed.
void add_pool(Cases& cases, std::string name, std::vector<double> edges,
              std::vector<double> latencies) {
  const auto pool = std::make_shared<const std::vector<double>>(std::move(latencies));
  cases.push_back({"trace", std::move(name), std::move(edges),
                   [pool](Random& random) { return (*pool)[random() % pool->size()]; }});
}

void add_traces(Cases& cases) {
  for (const int engines : {2, 3, 4, 6}) {
    TraceLatencies latencies = serve_trace(engines);
    const std::string name = fmt::format("{} engines, ", engines);
    add_pool(cases, name + "TTFT", ttft_edges(), std::move(latencies.ttft));
    add_pool(cases, name + "ITL", token_gap_edges(), std::move(latencies.token_gaps));
    add_pool(cases, name + "E2E", request_time_edges(), std::move(latencies.end_to_end));
  }
}

}  // namespace

std::vector<Case> all_cases() {
  Cases cases;
  add_log_normals(cases, "TTFT", ttft_edges(), {std::exp(-1.0)}, {1});  // log-normal(-1, 1)
  add_log_normals(cases, "TTFT", ttft_edges(), {.05, .1, .2, .5, 1, 2, 5}, {.3, .6, 1});
  add_log_normals(cases, "ITL", token_gap_edges(), {.005, .01, .02, .05, .1}, {.2, .5, 1});
  add_log_normals(cases, "E2E", request_time_edges(), {1, 3, 8, 20, 60}, {.3, .6, 1});
  add_two_peaks(cases, ttft_edges(), {.05, .3}, {.8, .4});
  add_two_peaks(cases, ttft_edges(), {.15, .3}, {3, .5});
  add_two_peaks(cases, token_gap_edges(), {.012, .2}, {.09, .4});
  add_two_peaks(cases, request_time_edges(), {2, .5}, {25, .4});
  add_heavy_tails(cases);
  add_traces(cases);
  return cases;
}

}  // namespace leadline
