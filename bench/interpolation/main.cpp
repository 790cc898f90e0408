// How far a quantile read from vLLM's buckets is from the sample's own, by interpolation, kind of
// latency, size of the sample and quantile. Prints the Markdown tables of bench/README.md.
//
// An error is relative to the true quantile: the smallest observation that at least the share q of
// the sample does not exceed. Samples with an observation above the last edge are drawn again: the
// +Inf bucket is the last edge in every method.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <functional>
#include <vector>

#include <fmt/format.h>

#include "bench/interpolation/methods.h"
#include "bench/interpolation/samples.h"

namespace {

using namespace leadline;

constexpr double kQuantiles[] = {0.5, 0.9, 0.95, 0.99};
constexpr std::size_t kSizes[] = {50, 1'000, 100'000};
constexpr int kDraws = 12;  // samples of each case and size

struct Sample {
  std::vector<double> sorted;
  HistogramDelta histogram;
};

Sample draw(const Case& from, std::size_t size, Random& random) {
  Sample sample{std::vector<double>(size), {from.edges, {}, 0}};
  HistogramDelta& histogram = sample.histogram;
  histogram.counts.assign(from.edges.size() + 1, 0);
  for (double& latency : sample.sorted) {
    do latency = from.sample(random);
    while (latency > from.edges.back());
    ++histogram.counts[bucket_reaching(from.edges, latency, 0)];
    histogram.sum += latency;
  }
  std::sort(sample.sorted.begin(), sample.sorted.end());
  return sample;
}

double true_quantile(const std::vector<double>& sorted, double quantile) {
  const double rank = std::ceil(quantile * static_cast<double>(sorted.size()) - 1e-9);
  return sorted[static_cast<std::size_t>(rank) - 1];
}

struct Error {
  const Case* of = nullptr;
  std::size_t size = 0;
  double quantile = 0;
  const Method* method = nullptr;
  double relative = 0;  // 0.1: a tenth too high
};

void measure(const Case& of, const Sample& sample, std::vector<Error>& errors) {
  for (const double quantile : kQuantiles) {
    const double truth = true_quantile(sample.sorted, quantile);
    for (const Method& method : all_methods()) {
      const double relative = method.estimate(sample.histogram, quantile) / truth - 1;
      errors.push_back({&of, sample.sorted.size(), quantile, &method, relative});
    }
  }
}

std::vector<Error> measure_all(const std::vector<Case>& cases) {
  std::vector<Error> errors;
  Random random(20240517);  // NOLINT(bugprone-random-generator-seed): the same tables each time
  for (const Case& of : cases) {
    for (const std::size_t size : kSizes) {
      for (int i = 0; i < kDraws; ++i) measure(of, draw(of, size, random), errors);
    }
  }
  return errors;
}

using Wanted = std::function<bool(const Error&)>;

struct Summary {
  double mean = 0, p95 = 0, worst = 0;  // of the absolute errors, percent
  double bias = 0;                      // mean of the signed ones, percent
};

Summary summarise(const std::vector<Error>& errors, const Wanted& wanted) {
  std::vector<double> sizes;
  Summary summary;
  for (const Error& error : errors) {
    if (!wanted(error)) continue;
    sizes.push_back(100 * std::abs(error.relative));
    summary.mean += sizes.back();
    summary.bias += 100 * error.relative;
  }
  std::sort(sizes.begin(), sizes.end());
  summary.mean /= static_cast<double>(sizes.size());
  summary.bias /= static_cast<double>(sizes.size());
  summary.p95 = true_quantile(sizes, 0.95);
  summary.worst = sizes.back();
  return summary;
}

// Processor time of one quantile, the fastest of nine rounds: others use this machine too.
double nanoseconds(const Method& method, const std::vector<HistogramDelta>& histograms) {
  double fastest = 1e9;
  volatile double sink = 0;
  for (int round = 0; round < 9; ++round) {
    const std::clock_t start = std::clock();
    int done = 0;
    for (; std::clock() - start < CLOCKS_PER_SEC / 100;
         done += 4 * static_cast<int>(histograms.size())) {
      for (const HistogramDelta& histogram : histograms) {
        for (const double quantile : kQuantiles) sink = method.estimate(histogram, quantile);
      }
    }
    const double took = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC * 1e9;
    fastest = std::min(fastest, took / done);
  }
  static_cast<void>(sink);
  return fastest;
}

std::vector<HistogramDelta> timed_histograms(const std::vector<Case>& cases) {
  std::vector<HistogramDelta> histograms;
  Random random(7);  // NOLINT(bugprone-random-generator-seed): the same histograms each time
  for (const Case& of : cases) {
    if (of.edges.size() == 22) histograms.push_back(draw(of, 1'000, random).histogram);
  }
  return histograms;
}

void print_methods(const std::vector<Error>& errors, const std::vector<Case>& cases) {
  const std::vector<HistogramDelta> timed = timed_histograms(cases);
  fmt::print(
      "| interpolation | mean | p95 | worst | bias | n = 50 | 1,000 | 100,000 | ns |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (const Method& method : all_methods()) {
    const Summary all = summarise(errors, [&](const Error& e) { return e.method == &method; });
    fmt::print("| {} | {:.1f} | {:.1f} | {:.0f} | {:+.1f} |", method.name, all.mean, all.p95,
               all.worst, all.bias);
    for (const std::size_t size : kSizes) {
      const auto wanted = [&](const Error& e) { return e.method == &method && e.size == size; };
      fmt::print(" {:.1f} |", summarise(errors, wanted).mean);
    }
    fmt::print(" {:.0f} |\n", nanoseconds(method, timed));
  }
}

std::vector<std::string> families_of(const std::vector<Case>& cases) {
  std::vector<std::string> families;
  for (const Case& of : cases) {
    if (families.empty() || families.back() != of.family) families.push_back(of.family);
  }
  return families;
}

void print_families(const std::vector<Error>& errors, const std::vector<Case>& cases) {
  const std::vector<std::string> families = families_of(cases);
  fmt::print("\n| interpolation | {} | p50 | p90 | p95 | p99 |\n| --- |",
             fmt::join(families, " | "));
  for (std::size_t i = 0; i < families.size() + std::size(kQuantiles); ++i) fmt::print(" --- |");
  for (const Method& method : all_methods()) {
    fmt::print("\n| {} |", method.name);
    const auto print = [&](const Wanted& wanted) {
      const Summary summary =
          summarise(errors, [&](const Error& e) { return e.method == &method && wanted(e); });
      fmt::print(" {:.1f} / {:.0f} |", summary.mean, summary.p95);
    };
    for (const std::string& family : families)
      print([&](const Error& e) { return e.of->family == family; });
    for (const double quantile : kQuantiles)
      print([&](const Error& e) { return e.quantile == quantile; });
  }
  fmt::print("\n");
}

// Signed, and of large samples: what is left when luck is not part of it.
void print_log_normals(const std::vector<Error>& errors, const std::vector<Case>& cases) {
  fmt::print(
      "\n| log-normal TTFT, n = 100,000 | p50 | p90 | p95 | p99 |\n"
      "| --- | --- | --- | --- | --- |\n");
  for (const Case& of : cases) {
    if (of.family != cases.front().family) continue;
    fmt::print("| {} |", of.name);
    for (const double quantile : kQuantiles) {
      const auto bias = [&](const Method& method) {
        return summarise(errors,
                         [&](const Error& e) {
                           return e.of == &of && e.size == 100'000 && e.quantile == quantile &&
                                  e.method == &method;
                         })
            .bias;
      };
      fmt::print(" {:+.1f} → {:+.1f} |", bias(all_methods().front()), bias(our_method()));
    }
    fmt::print("\n");
  }
}

}  // namespace

int main() {
  const std::vector<Case> cases = all_cases();
  const std::vector<Error> errors = measure_all(cases);
  print_methods(errors, cases);
  print_families(errors, cases);
  print_log_normals(errors, cases);
}
