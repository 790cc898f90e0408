// The whole way of a page in the sidecar: its shape by content type, parsing, detection, and what
// every dialect reads of it.

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <utility>

#include <nlohmann/json.hpp>

#include "engine/detection.h"
#include "engine/dialects/generic.h"
#include "engine/exposition.h"
#include "engine/totals.h"
#include "engine/utf8.h"
#include "tests/fuzz/exposition_checks.h"
#include "tests/fuzz/fuzz.h"

namespace leadline::fuzz {
namespace {

bool is_amount(double value) {
  return std::isfinite(value) && value >= 0;
}

void require_sound(const HistogramPart& part) {
  require(part.cumulative.size() == part.edges.size() + 1, "a histogram ends with +Inf");
  require(std::ranges::adjacent_find(part.edges, std::greater_equal<>()) == part.edges.end(),
          "edges ascend");
  require(std::ranges::adjacent_find(part.cumulative, std::greater<>()) == part.cumulative.end(),
          "cumulative counts never decrease");
  require(std::isfinite(part.sum), "a histogram's sum is finite");
}

void require_sound(const SeriesReading& series) {
  require(is_utf8(series.model), "a model's name is UTF-8");
  for (const auto& gauge : series.gauges)
    require(!gauge || is_amount(*gauge), "a gauge is an amount");
  for (const auto& parts : series.counters) {
    for (const CounterPart& part : parts) require(is_amount(part.value), "a counter is an amount");
  }
  for (const auto& parts : series.histograms) {
    for (const HistogramPart& part : parts) require_sound(part);
  }
}

void check_dialect(const Dialect& dialect, const Page& page) {
  const auto reading = dialect.read(page);
  if (!reading) return require(reading.error().code == Errc::kBadInput, "a page is bad input");
  require(reading->engine == dialect.id(), "a reading names its engine");
  for (const SeriesReading& series : reading->series) require_sound(series);
  for (const auto& [name, total] : engine_totals(*reading))
    require(!std::isnan(total), "a total is a number");
}

const Dialect& generic_dialect() {
  static const std::unique_ptr<Dialect> kDialect = [] {
    auto mapping = generic_mapping_from(nlohmann::json::parse(R"({
      "model_label": "model_name", "rank_label": "engine",
      "process_start": "process_start_time_seconds",
      "rows": [{"signal": "queue_depth", "family": "vllm:num_requests_waiting"},
               {"signal": "kv_cache_utilization", "family": "kv_percent", "scale": 0.01},
               {"signal": "request_errors", "family": "vllm:request_success_total",
                "labels": {"finished_reason": "abort"}},
               {"signal": "ttft_seconds", "family": "vllm:time_to_first_token_seconds",
                "scale": 0.001}]})"));
    return std::move(make_generic_dialect(std::move(mapping.value())).value());
  }();
  return *kDialect;
}

void check_detection(const Page& page) {
  const Detection found = detect_engine(page);
  if (found.dialect == nullptr) return;
  require(found.state == PageState::kFound || found.state == PageState::kNoSeries,
          "a dialect is named where an engine was found");
  require(found.engine == found.dialect->id(), "the dialect is the engine's own");
  require(!found.why.empty(), "a detection says why");
}

// How long the text is that an OpenMetrics reader may look at: up to its first `# EOF` line.
std::size_t end_of_page(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line == "# EOF") return end;
    at = end + 1;
  }
  return text.size();
}

void check_open_metrics(const PageText& page) {
  const auto whole = parse_exposition(page, SampleFilter::everything());
  require(whole.has_value(), "a short page has few samples");
  check_exposition(page, *whole);
  const PageText cut{page.shape, page.text().substr(0, end_of_page(page.text())), {}};
  const auto before = parse_exposition(cut, SampleFilter::everything());
  require(before && std::ranges::equal(before->samples, whole->samples,
                                       [&](const Sample& a, const Sample& b) {
                                         return same_sample(*before, a, *whole, b);
                                       }),
          "nothing after # EOF is read");
}

void check_page(const Page& page) {
  check_detection(page);
  for (const Dialect* dialect : dialects()) check_dialect(*dialect, page);
  check_dialect(generic_dialect(), page);
  const auto text = text_of(page);
  if (!text) return;
  if (text->shape == PageShape::kOpenMetrics) return check_open_metrics(*text);
  const auto exposition = parse_exposition(*text, SampleFilter::everything());
  require(exposition.has_value(), "a short page has few samples");
  check_exposition(*text, *exposition);
}

}  // namespace

// The size decides the content type: one a run is three times the runs.
void check_input(std::string_view input) {
  constexpr std::array<std::string_view, 3> kTypes = {
      "application/openmetrics-text; version=1.0.0; charset=utf-8", "text/plain", ""};
  check_page({input, kTypes[input.size() % kTypes.size()]});
}

}  // namespace leadline::fuzz
