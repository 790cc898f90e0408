// SignalPage is one answer of a sidecar's /metrics, taken apart: what a test asks it for is a
// number of one family, or a histogram's edges. Immutable.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/exposition.h"

namespace leadline {

class SignalPage {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

  // A page that cannot be read has no samples.
  explicit SignalPage(std::string text);

  // The sum over the samples called `name` that have all of `labels`; nullopt where there is none.
  [[nodiscard]] std::optional<double> value(std::string_view name, const Labels& labels = {}) const;

  // The finite upper edges of a histogram's buckets, ascending; empty where there is none.
  [[nodiscard]] std::vector<double> edges(std::string_view histogram) const;

 private:
  [[nodiscard]] bool matches(const Sample& sample, const Labels& labels) const;

  std::unique_ptr<const std::string> text_;  // what the exposition's views point into
  Exposition exposition_;
};

}  // namespace leadline
