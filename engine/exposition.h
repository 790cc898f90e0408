// The parser of expositions: Prometheus text 0.0.4 and OpenMetrics 1.0, one pass, zero copy. Only
// samples whose names a SampleFilter lists have labels split and values read; every other line
// costs a memchr and a comparison. Used by the dialects. Pure.
//
// Bad lines never fail a page: they are counted, and the first is remembered. Rows of one family
// need not stand together. Timestamps and exemplars are skipped.
//
// Sources: https://prometheus.io/docs/instrumenting/exposition_formats/ and
// https://prometheus.io/docs/specs/om/open_metrics_spec/ ; what engines really print: engine
// survey, section 0.2.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/page.h"

namespace leadline {

inline constexpr std::size_t kMaxLabelValueBytes = 4096;
inline constexpr std::size_t kMaxSamples = 200'000;  // wanted ones; the largest real page has 6,000

// A set of sample names (`x_total`, `x_bucket`, `x_sum`: what stands at the beginning of a line),
// each known by its place in the list. Built once per dialect, then only read.
class SampleFilter {
 public:
  // The views must outlive the filter. A name listed twice is known by its first place.
  explicit SampleFilter(std::vector<std::string_view> names);
  static SampleFilter everything();

  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view name) const;
  [[nodiscard]] const std::vector<std::string_view>& names() const { return names_; }
  [[nodiscard]] bool wants_everything() const { return everything_; }

 private:
  std::vector<std::string_view> names_;
  std::vector<std::uint32_t> slots_;  // open addressing: place in names_ + 1, 0 = free
  bool everything_ = false;
};

struct Label {
  std::string_view name;
  std::string_view value;  // unescaped
};

struct Sample {
  std::uint32_t name = 0;  // place in the filter's list; 0 for SampleFilter::everything()
  std::uint32_t first_label = 0;
  std::uint32_t label_count = 0;
  double value = 0;         // may be NaN or infinite: whoever reads it calls that absent
  std::string_view family;  // the sample's name as printed
};

// Views point into the PageText that was parsed.
struct Exposition {
  std::vector<Sample> samples;  // wanted ones, in the page's order
  std::vector<Label> labels;
  std::deque<std::string> unescaped;  // values that held a backslash
  bool open_metrics = false;
  std::uint32_t bad_lines = 0;
  std::string first_bad;  // `line 12: no value: "vllm:x"`; the excerpt is at most 80 characters

  [[nodiscard]] std::span<const Label> labels_of(const Sample& sample) const {
    return std::span(labels).subspan(sample.first_label, sample.label_count);
  }
  // Empty where the sample has no such label, as in PromQL.
  [[nodiscard]] std::string_view label(const Sample& sample, std::string_view name) const;
};

// kBadInput where more than kMaxSamples are wanted. `page` must outlive the answer.
[[nodiscard]] Result<Exposition> parse_exposition(const PageText& page, const SampleFilter& filter);

// Names of the page in its order, one call per line that has one: `name` from a sample or from a
// `# TYPE` line, `rest` what follows it. Runs of lines with one name are reported once where `rest`
// is not asked for. Used by detection, which must see families that have no series yet.
struct NamedLine {
  std::string_view name;
  std::string_view rest;
  bool metadata = false;  // from a `# TYPE` line
};
// Answers false at the end of the text; else cuts lines off `text` until one has a name.
[[nodiscard]] bool next_named_line(std::string_view& text, NamedLine& line);

// Every float that engines print: `17`, `4.2E7`, `.5`, `5.`, `+1`, `Nan`, `-nan`, `+Inf`. Not
// locale-bound; nullopt where the whole text is not one number.
[[nodiscard]] std::optional<double> number_from(std::string_view text);

}  // namespace leadline
