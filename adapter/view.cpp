#include "adapter/view.h"

namespace leadline {
namespace {

std::shared_ptr<const View> empty_view() {
  auto view = std::make_shared<View>();
  view->index = std::make_shared<const PodIndex>(std::make_shared<const PodList>());
  view->complete = false;
  return view;
}

}  // namespace

std::shared_ptr<const WorkloadValue> ValueMemo::find(const std::string& key, SteadyTime now) const {
  const std::lock_guard lock(mutex_);
  const auto found = values_.find(key);
  return found == values_.end() || now >= found->second->valid_until ? nullptr : found->second;
}

void ValueMemo::keep(const std::string& key, std::shared_ptr<const WorkloadValue> value) {
  const std::lock_guard lock(mutex_);
  if (values_.size() < kMaxEntries || values_.contains(key)) values_[key] = std::move(value);
}

PodObservation View::observe(PodNumber number) const {
  const Pod& pod = index->pods()[number];
  const PodState& state = states[number];
  return {.name = pod.name,
          .ready = pod.ready,
          .terminating = pod.deleting,
          // Borrowed: a reference counted for each of 1,000 pods costs more than its value.
          .snapshot = {std::shared_ptr<const void>(), state.snapshot.get()},
          .sampled_at = state.sampled_at,
          .max_age = state.max_age,
          .seen_becoming_ready = state.seen_becoming_ready,
          .signals_seen = state.signals_seen};
}

PodStateCounts View::count(SteadyTime now) const {
  PodStateCounts counts;
  for (PodNumber number = 0; number < states.size(); ++number) {
    const PodState& state = states[number];
    if (!index->pods()[number].has_sidecar()) {
      ++counts.no_sidecar;
    } else if (state.mismatch) {
      ++counts.mismatch;
    } else if (state.snapshot == nullptr) {
      ++counts.silent;
    } else {
      ++(is_fresh(state, now) ? counts.fresh : counts.stale);
    }
  }
  return counts;
}

ViewCell::ViewCell() : view_(empty_view()) {}

}  // namespace leadline
