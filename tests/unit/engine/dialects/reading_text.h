// Readings of made pages as short texts, for the tests of single dialects.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/dialect.h"
#include "engine/totals.h"

namespace leadline {

// A total by its name in engine/totals.h; -1 where the reading has none.
inline double total(const EngineReading& reading, std::string_view name) {
  for (const auto& [key, value] : engine_totals(reading)) {
    if (key == name) return value;
  }
  return -1;
}

// Reads pages by one dialect. Values are told as text, `-` where the page does not tell.
class PageReading {
 public:
  PageReading(const Dialect& dialect, std::string_view page,
              std::string_view type = "text/plain; version=0.0.4") {
    const auto read = dialect.read({page, type});
    EXPECT_TRUE(read) << read.error().message;
    reading_ = read.value_or(EngineReading{});
  }

  [[nodiscard]] const EngineReading& whole() const { return reading_; }

  [[nodiscard]] std::string text(Gauge which) const {
    return text_of([&](const SeriesReading& series) { return gauge(series, which); });
  }
  [[nodiscard]] std::string text(Counter which) const {
    return text_of([&](const SeriesReading& series) {
      std::optional<double> sum;
      for (const CounterPart& part : series.counters[index_of(which)])
        sum = sum.value_or(0) + part.value;
      return sum;
    });
  }
  // How often it was observed and for how long together: `4 in 2.5`.
  [[nodiscard]] std::string text(Latency which) const {
    if (reading_.series.size() != 1) return "not one series";
    const auto& parts = reading_.series.front().histograms[index_of(which)];
    double count = 0;
    double sum = 0;
    for (const HistogramPart& part : parts) {
      count += part.cumulative.back();
      sum += part.sum;
    }
    return parts.empty() ? "-" : fmt::format("{} in {}", count, sum);
  }
  [[nodiscard]] std::string capacity() const {
    return text_of([](const SeriesReading& series) { return series.kv_capacity_tokens; });
  }
  [[nodiscard]] std::string missing() const {
    std::string names;
    for (const Signal signal : reading_.missing) names += std::string(row_of(signal).name) + " ";
    return names;
  }

 private:
  template <typename Value>
  [[nodiscard]] std::string text_of(Value value) const {
    if (reading_.series.size() != 1) return "not one series";
    const std::optional<double> known = value(reading_.series.front());
    return known ? fmt::format("{}", *known) : "-";
  }

  EngineReading reading_;
};

}  // namespace leadline
