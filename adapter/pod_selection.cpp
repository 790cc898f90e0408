#include "adapter/pod_selection.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "adapter/label_value.h"

namespace leadline {
namespace {

bool is_workload_key(std::string_view key) {
  return key == "workload" || key == "kind" || key == "queue";
}

bool is_series_key(std::string_view key) {
  return key == "model" || key == "engine" || key == "role";
}

Result<Window> window_of(const Requirement& requirement) {
  const bool equals = requirement.op == SelectorOperator::kEquals ||
                      requirement.op == SelectorOperator::kDoubleEquals;
  if (equals && requirement.values.size() == 1) {
    if (const auto window = window_from(requirement.values.front())) return *window;
  }
  return fail(Errc::kBadInput, "\"{}\": window must be = one of 15s, 60s, 300s",
              requirement.to_string());
}

bool all_match(const std::vector<Requirement>& requirements, const Labels& labels) {
  return std::all_of(requirements.begin(), requirements.end(),
                     [&](const Requirement& each) { return each.matches(labels); });
}

// Remembers whether all values of a key were the same; the pods' texts outlive it.
class SharedValue {
 public:
  void see(std::string_view value) {
    if (!value_) value_ = value;
    same_ = same_ && *value_ == value;
  }
  void write(Labels& labels, const char* key) const {
    if (value_ && same_ && !value_->empty()) labels[key] = label_value_of(*value_);
  }

 private:
  std::optional<std::string_view> value_;
  bool same_ = true;
};

struct SharedValues {
  SharedValue workload, kind, model, engine, role;

  void see(const Workload& of, const PodSnapshot* snapshot) {
    workload.see(of.name);
    kind.see(of.kind);
    if (snapshot == nullptr) return;
    if (!snapshot->engine.empty()) engine.see(snapshot->engine);
    for (const SeriesSnapshot& series : snapshot->series) {
      model.see(series.model);
      role.see(series.role);
    }
  }

  [[nodiscard]] Labels labels() const {
    Labels labels;
    workload.write(labels, "workload");
    kind.write(labels, "kind");
    model.write(labels, "model");
    engine.write(labels, "engine");
    role.write(labels, "role");
    return labels;
  }
};

struct Candidate {
  PodNumber number;
  PodSelection::Match match;
  std::shared_ptr<const PodSnapshot> snapshot;
};

std::vector<Candidate> candidates_that_may_match(const View& view,
                                                 const std::vector<PodNumber>& numbers,
                                                 const PodSelection& selection) {
  std::vector<Candidate> found;
  for (const PodNumber number : numbers) {
    if (!view.index->workload_of(number).has_sidecar) continue;
    if (!selection.matches_pod(*view.index, number)) continue;
    auto match = selection.match_snapshot(view.states[number].snapshot);
    if (match.match == PodSelection::Match::kNo) continue;
    found.push_back({number, match.match, std::move(match.snapshot)});
  }
  return found;
}

}  // namespace

Result<PodSelection> PodSelection::from(const LabelSelector& selector) {
  PodSelection selection;
  for (const Requirement& requirement : selector.requirements) {
    if (requirement.key == "window") {
      const auto window = window_of(requirement);
      if (!window) return fail(window.error());
      if (selection.window_ && *selection.window_ != *window) {
        return fail(Errc::kBadInput, "window must be given once");
      }
      selection.window_ = *window;
    } else if (is_workload_key(requirement.key)) {
      selection.workload_.push_back(requirement);
    } else if (is_series_key(requirement.key)) {
      selection.series_.push_back(requirement);
    } else {
      selection.pod_.push_back(requirement);
    }
  }
  return selection;
}

bool PodSelection::matches_pod(const PodIndex& index, PodNumber pod) const {
  return all_match(pod_, index.pods()[pod].labels) &&
         (workload_.empty() || all_match(workload_, index.workload_of(pod).labels));
}

bool PodSelection::matches_series(const PodSnapshot& snapshot, const SeriesSnapshot& series) const {
  Labels labels;
  if (!snapshot.engine.empty()) labels["engine"] = label_value_of(snapshot.engine);
  if (!series.model.empty()) labels["model"] = label_value_of(series.model);
  if (!series.role.empty()) labels["role"] = label_value_of(series.role);
  return all_match(series_, labels);
}

PodSelection::SnapshotMatch PodSelection::match_snapshot(
    std::shared_ptr<const PodSnapshot> snapshot) const {
  if (series_.empty()) return {Match::kYes, std::move(snapshot)};
  if (snapshot == nullptr || snapshot->series.empty()) {
    return {Match::kUnknown, std::move(snapshot)};
  }
  std::vector<SeriesSnapshot> matching;
  for (const SeriesSnapshot& series : snapshot->series) {
    if (matches_series(*snapshot, series)) matching.push_back(series);
  }
  if (matching.empty()) return {Match::kNo, nullptr};
  if (matching.size() == snapshot->series.size()) return {Match::kYes, std::move(snapshot)};
  auto narrowed = std::make_shared<PodSnapshot>(*snapshot);
  narrowed->series = std::move(matching);
  return {Match::kYes, std::move(narrowed)};
}

SelectedPods select_pods(const View& view, const std::vector<PodNumber>& candidates,
                         const PodSelection& selection) {
  const auto found = candidates_that_may_match(view, candidates, selection);
  std::unordered_set<const Workload*> matched;
  SharedValues shared;
  for (const Candidate& candidate : found) {
    if (candidate.match != PodSelection::Match::kYes) continue;
    const Workload& workload = view.index->workload_of(candidate.number);
    matched.insert(&workload);
    shared.see(workload, candidate.snapshot.get());
  }
  SelectedPods selected;
  for (const Candidate& candidate : found) {
    if (!matched.contains(&view.index->workload_of(candidate.number))) continue;
    PodObservation observation = view.observe(candidate.number);
    observation.snapshot = candidate.snapshot;
    selected.pods.push_back(std::move(observation));
  }
  if (selected.pods.empty()) return selected;
  selected.shared = shared.labels();
  // A label that the selector names with = or in, told back where all pods have the same.
  for (const Requirement& requirement : selection.pod_labels()) {
    SharedValue value;
    for (const Candidate& candidate : found) {
      const Labels& labels = view.index->pods()[candidate.number].labels;
      const auto label = labels.find(requirement.key);
      value.see(label == labels.end() ? std::string_view() : label->second);
    }
    value.write(selected.shared, requirement.key.c_str());
  }
  return selected;
}

}  // namespace leadline
