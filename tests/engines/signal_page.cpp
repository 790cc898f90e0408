#include "tests/engines/signal_page.h"

#include <algorithm>
#include <cmath>

namespace leadline {

SignalPage::SignalPage(std::string text)
    : text_(std::make_unique<const std::string>(std::move(text))) {
  const PageText page{.shape = PageShape::kText, .body = *text_, .decoded = {}};
  auto parsed = parse_exposition(page, SampleFilter::everything());
  if (parsed) exposition_ = std::move(*parsed);
}

bool SignalPage::matches(const Sample& sample, const Labels& labels) const {
  return std::all_of(labels.begin(), labels.end(), [&](const auto& label) {
    return exposition_.label(sample, label.first) == label.second;
  });
}

std::optional<double> SignalPage::value(std::string_view name, const Labels& labels) const {
  std::optional<double> sum;
  for (const Sample& sample : exposition_.samples) {
    if (sample.family == name && matches(sample, labels)) sum = sum.value_or(0) + sample.value;
  }
  return sum;
}

std::vector<double> SignalPage::edges(std::string_view histogram) const {
  std::vector<double> edges;
  for (const Sample& sample : exposition_.samples) {
    if (sample.family != std::string(histogram) + "_bucket") continue;
    const auto edge = number_from(exposition_.label(sample, "le"));
    if (edge && std::isfinite(*edge)) edges.push_back(*edge);
  }
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  return edges;
}

}  // namespace leadline
