// Kubernetes label selectors: parse, match, and the two forms in which they are echoed. Used for
// labelSelector and metricLabelSelector of both metrics APIs. Immutable once parsed, thread-safe.
// Grammar: kubernetes-metrics-api.md §2.3; apimachinery pkg/labels/selector.go. Selectors come from
// an URL of at most 16 KiB, which bounds their size.

#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace leadline {

// A pod's or a series' labels; about ten.
using Labels = std::map<std::string, std::string, std::less<>>;

enum class SelectorOperator {
  kEquals,
  kDoubleEquals,
  kNotEquals,
  kIn,
  kNotIn,
  kExists,
  kDoesNotExist,
  kGreaterThan,
  kLessThan,
};

struct Requirement {
  std::string key;
  SelectorOperator op = SelectorOperator::kExists;
  std::vector<std::string> values;  // sorted, each once; empty for exists and does not exist

  bool matches(const Labels& labels) const;
  std::string to_string() const;
};

// All requirements must hold; none matches everything.
struct LabelSelector {
  std::vector<Requirement> requirements;  // sorted by key

  bool empty() const { return requirements.empty(); }
  bool matches(const Labels& labels) const;

  // As clients write it back: `a=b,n>5,q in (x,y),!z`.
  std::string to_string() const;

  // As metav1.LabelSelector, for the answer's `selector`; null where empty, and where it has `>` or
  // `<`, which that type cannot say.
  nlohmann::ordered_json to_json() const;
};

// kBadInput: the message is Go's own, with the position (0 = first character) where it went wrong.
[[nodiscard]] Result<LabelSelector> parse_label_selector(std::string_view text);

}  // namespace leadline
