// A labelSelector of a request: printing and parsing undo each other, blanks between words mean
// nothing, and operators agree with their opposites.

#include <algorithm>

#include "adapter/label_selector.h"
#include "tests/fuzz/fuzz.h"

namespace leadline::fuzz {
namespace {

bool same(const Requirement& a, const Requirement& b) {
  return a.key == b.key && a.op == b.op && a.values == b.values;
}

bool same(const LabelSelector& a, const LabelSelector& b) {
  return std::ranges::equal(a.requirements, b.requirements,
                            [](const auto& one, const auto& other) { return same(one, other); });
}

void check_printing(std::string_view text, const LabelSelector& selector) {
  const std::string printed = selector.to_string();
  const auto again = parse_label_selector(printed);
  require(again && same(*again, selector), "what is printed is read back");
  require(again->to_string() == printed, "printing is stable");
  const auto spaced = parse_label_selector("\t " + std::string(text) + "\r\n");
  require(spaced && same(*spaced, selector), "blanks around a selector mean nothing");
  (void)selector.to_json().dump();  // would throw on text that is no UTF-8
}

SelectorOperator opposite(SelectorOperator op) {
  using enum SelectorOperator;
  switch (op) {
    case kEquals:
    case kDoubleEquals:
      return kNotEquals;
    case kNotEquals:
      return kEquals;
    case kIn:
      return kNotIn;
    case kNotIn:
      return kIn;
    case kExists:
      return kDoesNotExist;
    case kDoesNotExist:
      return kExists;
    case kGreaterThan:
    case kLessThan:
      break;
  }
  return op;
}

void check_requirement(const Requirement& one, const Labels& labels) {
  const bool ordering =
      one.op == SelectorOperator::kGreaterThan || one.op == SelectorOperator::kLessThan;
  Requirement other = one;
  other.op = opposite(one.op);
  require(ordering || one.matches(labels) != other.matches(labels), "an operator has an opposite");
  require(!ordering || !one.matches(labels) || labels.contains(one.key),
          "only a label that is there is above or below");
}

void check_matching(const LabelSelector& selector, const Labels& labels) {
  bool all = true;
  for (const Requirement& one : selector.requirements) {
    check_requirement(one, labels);
    all = all && one.matches(labels);
  }
  require(selector.matches(labels) == all, "a selector is all of its requirements");
}

}  // namespace

void check_input(std::string_view input) {
  const auto selector = parse_label_selector(input);
  if (!selector) {
    require(selector.error().code == Errc::kBadInput, "a selector is bad input");
    return require(!selector.error().message.empty(), "a refusal says why");
  }
  check_printing(input, *selector);
  Labels first;
  Labels last;
  for (const Requirement& one : selector->requirements) {
    require(std::ranges::is_sorted(one.values), "values are sorted");
    first[one.key] = one.values.empty() ? "7" : one.values.front();
    last[one.key] = one.values.empty() ? "" : one.values.back() + "0";
  }
  for (const Labels& labels : {Labels{}, first, last}) check_matching(*selector, labels);
}

}  // namespace leadline::fuzz
