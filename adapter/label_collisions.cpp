#include "adapter/label_collisions.h"

#include "adapter/label_value.h"

namespace leadline {

std::string LabelCollisions::note(const std::string& text) {
  if (text.empty() || seen_.contains(text) || seen_.size() >= kMaxTexts) return {};
  seen_.insert(text);
  const auto [first, fresh] = first_.emplace(label_value_of(text), text);
  return fresh ? std::string() : first->second;
}

}  // namespace leadline
