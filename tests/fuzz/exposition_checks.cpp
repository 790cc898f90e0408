#include "tests/fuzz/exposition_checks.h"

#include <algorithm>

#include "engine/utf8.h"
#include "tests/fuzz/fuzz.h"

namespace leadline::fuzz {
namespace {

constexpr std::size_t kMaxFirstBad = 256;  // an excerpt of 80, and words around it

// A last line without an end counts, and so does the missing end of an OpenMetrics page.
std::size_t lines_of(const PageText& page) {
  const std::string_view text = page.text();
  const auto ends = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  return ends + (text.ends_with('\n') ? 0 : 1) + (page.shape == PageShape::kOpenMetrics ? 1 : 0);
}

void require_sound_labels(const Exposition& exposition, const Sample& sample) {
  require(std::size_t{sample.first_label} + sample.label_count <= exposition.labels.size(),
          "a sample's labels are there");
  for (const Label& label : exposition.labels_of(sample)) {
    require(!label.name.empty(), "a label has a name");
    require(label.value.size() <= kMaxLabelValueBytes, "a label value is within its cap");
    require(is_utf8(label.name) && is_utf8(label.value), "labels are UTF-8");
  }
}

void require_sound_complaint(const Exposition& exposition) {
  require((exposition.bad_lines == 0) == exposition.first_bad.empty(),
          "the first bad line is remembered where there is one");
  require(exposition.first_bad.size() <= kMaxFirstBad, "a complaint is short");
  require(std::all_of(exposition.first_bad.begin(), exposition.first_bad.end(),
                      [](char c) { return c >= ' ' && c <= '~'; }),
          "a complaint is printable");
}

}  // namespace

void check_exposition(const PageText& page, const Exposition& exposition) {
  require(exposition.bad_lines + exposition.samples.size() <= lines_of(page),
          "a line is one sample or one bad line at most");
  std::size_t unescaped = 0;
  for (const std::string& value : exposition.unescaped) unescaped += value.size();
  require(unescaped <= page.text().size(), "unescaping makes nothing longer");
  for (const Sample& sample : exposition.samples) {
    require(!sample.family.empty() && is_utf8(sample.family), "a sample has a name");
    require_sound_labels(exposition, sample);
  }
  require_sound_complaint(exposition);
}

bool same_sample(const Exposition& a, const Sample& one, const Exposition& b, const Sample& other) {
  const auto same_label = [](const Label& x, const Label& y) {
    return x.name == y.name && x.value == y.value;
  };
  return one.family == other.family && same_number(one.value, other.value) &&
         std::ranges::equal(a.labels_of(one), b.labels_of(other), same_label);
}

}  // namespace leadline::fuzz
