// A page of Prometheus text: what a SampleFilter lets through is what a reader of everything sees,
// and numbers are those of strtod.

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/exposition.h"
#include "tests/fuzz/exposition_checks.h"
#include "tests/fuzz/fuzz.h"

namespace leadline::fuzz {
namespace {

constexpr std::size_t kMaxNumberText = 400;  // bytes; longer tokens are cut

bool is_plain_name(std::string_view name) {
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ':';
  });
}

// A filter knows a name by what stands at the beginning of a line: `name{…`, or `{"name",…`.
bool begins_its_line(std::string_view text, std::string_view family) {
  const auto at = static_cast<std::size_t>(family.data() - text.data());
  const std::size_t line = text.substr(0, at).rfind('\n') + 1;  // npos + 1 is 0
  return text.substr(line, at - line).find_first_not_of(" \t{\"") == std::string_view::npos;
}

bool is_filterable(std::string_view text, const Sample& sample) {
  return is_plain_name(sample.family) && begins_its_line(text, sample.family);
}

// Every second name of the page, so that wanted and unwanted rows alternate.
std::vector<std::string_view> some_names(std::string_view text, const Exposition& everything) {
  std::vector<std::string_view> names;
  std::vector<std::string_view> seen;
  for (const Sample& sample : everything.samples) {
    if (!is_filterable(text, sample) || std::ranges::count(seen, sample.family) > 0) continue;
    seen.push_back(sample.family);
    if (seen.size() % 2 == text.size() % 2) names.push_back(sample.family);
  }
  return names;
}

void check_filter(const PageText& page, const Exposition& everything) {
  const std::vector<std::string_view> names = some_names(page.text(), everything);
  const SampleFilter filter(names);
  const auto filtered = parse_exposition(page, filter);
  require(filtered.has_value(), "a page that can be read whole can be read in part");
  check_exposition(page, *filtered);
  require(filtered->bad_lines <= everything.bad_lines, "a filter finds no bad lines of its own");
  std::size_t next = 0;
  for (const Sample& sample : everything.samples) {
    if (!is_filterable(page.text(), sample) || !filter.find(sample.family)) continue;
    require(next < filtered->samples.size(), "a filter lets every wanted sample through");
    const Sample& other = filtered->samples[next++];
    require(same_sample(everything, sample, *filtered, other), "filtered samples are the same");
    require(names[other.name] == other.family, "a sample knows its place in the filter");
  }
  require(next == filtered->samples.size(), "a filter lets nothing else through");
}

// Detection sees each family that the parser does.
void check_names(const PageText& page, const Exposition& everything) {
  std::vector<std::string_view> names;
  std::string_view text = page.text();
  for (NamedLine line; next_named_line(text, line);) {
    require(!line.name.empty(), "a named line has a name");
    if (!line.metadata) names.push_back(line.name);
  }
  std::ranges::sort(names);
  for (const Sample& sample : everything.samples) {
    require(!is_filterable(page.text(), sample) || std::ranges::binary_search(names, sample.family),
            "detection sees the sample's name");
  }
}

// Where both read a number it is the same one; digits, points and exponents both must read, unless
// the number is beyond a double.
void check_number(const std::string& token) {
  const auto ours = number_from(token);
  char* end = nullptr;
  errno = 0;
  const double theirs = std::strtod(token.c_str(), &end);
  const bool read = !token.empty() && end == token.c_str() + token.size();
  if (ours) require(read && same_number(*ours, theirs), "a number is what strtod reads");
  const bool plain = token.find_first_not_of("0123456789.eE+-") == std::string::npos;
  require(ours || !plain || !read || errno == ERANGE, "what strtod reads is a number");
}

void check_numbers(std::string_view text) {
  constexpr std::string_view kBetween = " \t\r\n\"{}=,";
  for (int tokens = 0; tokens < 64; ++tokens) {
    text.remove_prefix(std::min(text.find_first_not_of(kBetween), text.size()));
    if (text.empty()) return;
    const std::string_view token = text.substr(0, text.find_first_of(kBetween));
    check_number(std::string(token.substr(0, kMaxNumberText)));
    text.remove_prefix(token.size());
  }
}

}  // namespace

void check_input(std::string_view input) {
  check_numbers(input);
  const auto page = text_of({input, "text/plain; version=0.0.4"});
  if (!page) return require(page.error().code == Errc::kBadInput, "a page is bad input");
  const auto everything = parse_exposition(*page, SampleFilter::everything());
  require(everything.has_value(), "a short page has few samples");
  check_exposition(*page, *everything);
  check_filter(*page, *everything);
  check_names(*page, *everything);
}

}  // namespace leadline::fuzz
