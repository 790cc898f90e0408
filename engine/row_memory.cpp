#include "engine/row_memory.h"

#include <algorithm>
#include <utility>

namespace leadline {
namespace {

// Length of a label value that needs no second look: up to its quote, ASCII, without a backslash;
// npos for any other.
std::size_t plain_value(std::string_view text) {
  const std::size_t most = std::min(text.size(), kMaxLabelValueBytes + 1);
  for (std::size_t i = 0; i < most; ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '"') return i;
    if (c == '\\' || c == '\n' || c == '\r' || c >= 0x80U) break;
  }
  return std::string_view::npos;
}

}  // namespace

bool RowMemory::recall(std::string_view& rest, Sample& sample) {
  for (Head& head : heads_) {
    if (!recall(head, rest, sample)) continue;
    if (&head != &heads_.front()) std::swap(head, heads_.front());
    return true;
  }
  return false;
}

bool RowMemory::recall(Head& head, std::string_view& rest, Sample& sample) {
  if (head.text.empty()) return false;
  if (head.varying == kNone) {
    if (rest.starts_with(head.text)) {
      add_labels(head, {}, sample);
      rest.remove_prefix(head.text.size());
      return true;
    }
    if (!find_varying(head, rest)) return false;
  } else if (!rest.starts_with(head.text.substr(0, head.value_begin))) {
    return false;
  }
  const std::string_view after = rest.substr(head.value_begin);
  const std::size_t length = plain_value(after);
  const std::string_view tail = head.text.substr(head.value_end);
  if (length == std::string_view::npos || !after.substr(length).starts_with(tail)) return false;
  add_labels(head, after.substr(0, length), sample);
  rest.remove_prefix(head.value_begin + length + tail.size());
  return true;
}

bool RowMemory::find_varying(Head& head, std::string_view rest) const {
  const auto differs = std::mismatch(head.text.begin(), head.text.end(), rest.begin(), rest.end());
  const auto at = static_cast<std::size_t>(differs.first - head.text.begin());
  for (std::uint32_t i = 0; i < head.label_count; ++i) {
    const std::string_view value = exposition_.labels[head.first_label + i].value;
    const auto begin = static_cast<std::size_t>(value.data() - head.text.data());
    if (at < begin || at > begin + value.size()) continue;
    head.varying = i;
    head.value_begin = begin;
    head.value_end = begin + value.size();
    return true;
  }
  return false;
}

void RowMemory::add_labels(const Head& head, std::string_view value, Sample& sample) {
  auto& labels = exposition_.labels;
  sample.first_label = static_cast<std::uint32_t>(labels.size());
  sample.label_count = head.label_count;
  for (std::uint32_t i = 0; i < head.label_count; ++i) {
    const Label& label = labels[head.first_label + i];
    labels.push_back({label.name, i == head.varying ? value : label.value});
  }
}

void RowMemory::remember(std::string_view head, const Sample& sample) {
  if (sample.label_count == 0) return;
  heads_.back() = {
      .text = head, .first_label = sample.first_label, .label_count = sample.label_count};
}

}  // namespace leadline
