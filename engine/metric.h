// A metric is a name served by a Kubernetes metrics API: a signal and the statistic taken of it.
// The catalogue of all metrics is generated from the signal table, never written by hand.
// Pure, constant, thread-safe.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/signal.h"

namespace leadline {

enum class Statistic : std::uint8_t {
  kValue,           // gauges, rates and ratios: the number itself
  kQuantile,        // of a latency histogram
  kMean,            // of a latency histogram: sum / count
  kSloMissPercent,  // share of observations above the bound, 0-100
};

// `ttft_seconds_p95` is {kTtft, kQuantile, 0.95}.
struct Metric {
  std::string name;
  Signal signal;
  Statistic statistic;
  double quantile = 0;  // in [0, 1]; only for kQuantile
  std::string unit;
  std::string help;
};

// Windows that rates and histograms are computed over. 60 s unless asked otherwise.
enum class Window : std::uint8_t { k15s, k60s, k300s };
inline constexpr std::size_t kWindowCount = 3;
inline constexpr std::array<std::chrono::seconds, kWindowCount> kWindowSpans = {
    std::chrono::seconds{15}, std::chrono::seconds{60}, std::chrono::seconds{300}};
inline constexpr Window kDefaultWindow = Window::k60s;

// `15s`, `60s`, `300s`; nullopt for anything else.
[[nodiscard]] std::optional<Window> window_from(std::string_view text);
[[nodiscard]] std::string_view window_name(Window window);

// Every metric of the table, in its order: one per gauge, rate and ratio; p50, p90, p95, p99, avg
// and SLO miss share per latency (`ttft_seconds_p95`, `ttft_slo_miss_percent`).
[[nodiscard]] std::span<const Metric> metric_catalogue();

// nullptr where no metric has that name (exact spelling).
[[nodiscard]] const Metric* find_metric(std::string_view name);

// Whether the value depends on a window (everything but gauges).
[[nodiscard]] bool is_windowed(const Metric& metric);

}  // namespace leadline
