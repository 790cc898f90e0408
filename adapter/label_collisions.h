// LabelCollisions notices when two different texts (model names) become one label value, so that a
// selector cannot tell them apart. They are never renamed: it is counted and said once.
// Not thread-safe; the collector owns one. Bounded: at most kMaxTexts texts are remembered.

#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>

namespace leadline {

class LabelCollisions {
 public:
  static constexpr std::size_t kMaxTexts = 4096;

  // The other text with the same label value, where this pair is new; empty otherwise.
  [[nodiscard]] std::string note(const std::string& text);

 private:
  std::unordered_map<std::string, std::string> first_;  // label value -> the text that had it first
  std::unordered_set<std::string> seen_;                // texts
};

}  // namespace leadline
