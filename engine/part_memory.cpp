#include "engine/part_memory.h"

namespace leadline {
namespace {

constexpr std::size_t kMaxParts = 4096;

}  // namespace

void PartMemory::begin_page() {
  ++page_;
  swept_ = false;
}

PartState* PartMemory::find(const PartKey& key) {
  auto found = parts_.find(key);
  if (found == parts_.end()) {
    if (parts_.size() >= kMaxParts) make_room();
    if (parts_.size() >= kMaxParts) return nullptr;
    found = parts_.emplace(key, PartState{}).first;
  }
  PartState& state = found->second;
  if (state.page == page_) return nullptr;
  state.page = page_;
  return &state;
}

// Never drops what the page before had: this page may still come to it. Once a page, since each
// sweep costs all parts.
void PartMemory::make_room() {
  if (swept_) return;
  swept_ = true;
  forgot_ = true;
  std::erase_if(parts_, [this](const auto& entry) { return entry.second.page + 1 < page_; });
}

void PartMemory::forget_absent() {
  std::erase_if(parts_, [this](const auto& entry) { return entry.second.page != page_; });
}

}  // namespace leadline
