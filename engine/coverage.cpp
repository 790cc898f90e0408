#include "engine/coverage.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace leadline {
namespace {

using Kind = PodShare::Kind;

constexpr std::size_t kMaxNames = 5;
constexpr std::array<std::pair<Kind, std::string_view>, 6> kReasons = {{
    {Kind::kStale, "stale"},
    {Kind::kNoSidecar, "no sidecar"},
    {Kind::kNoAnswer, "no answer"},
    {Kind::kNoEngine, "no engine"},
    {Kind::kNoWindowYet, "no window yet"},
    {Kind::kNotGiven, "not given"},
}};

std::string list_of(std::string_view why, std::vector<std::string_view> names) {
  std::sort(names.begin(), names.end());
  const std::size_t shown = std::min(names.size(), kMaxNames);
  std::string text = fmt::format(
      "{}: {}", why,
      fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (names.size() > shown) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

// A pod that this adapter saw become Ready is given a moment before it is missed: else each
// scale-up would, for that moment, scale the sum of the others up.
bool is_starting(const PodObservation& pod, const MetricSelection& selection,
                 const AggregateOptions& options, SteadyTime now) {
  if (!pod.seen_becoming_ready) return false;
  if ((pod.signals_seen >> index_of(selection.metric.signal) & 1U) != 0) return false;
  return now - *pod.seen_becoming_ready < options.ready_grace;
}

bool adds_unready_work(const MetricSelection& selection) {
  const Aggregation aggregation = row_of(selection.metric.signal).aggregation;
  return aggregation == Aggregation::kSum || aggregation == Aggregation::kMergedHistogram;
}

}  // namespace

double Survey::coverage() const {
  if (expected == 0) return 1;
  return static_cast<double>(counted.size()) / expected;
}

bool Survey::idle() const {
  return expected > 0 && counted.size() == expected && extra.empty() &&
         std::all_of(counted.begin(), counted.end(),
                     [](const Entry& entry) { return entry.share.idle; });
}

bool Survey::given_by_none() const {
  const auto tells = [](const Entry& entry) { return !entry.share.assumed; };
  if (std::any_of(counted.begin(), counted.end(), tells) ||
      std::any_of(extra.begin(), extra.end(), tells)) {
    return false;
  }
  return !engines.empty();
}

std::string Survey::details() const {
  std::vector<std::string> lists;
  for (const auto& [kind, why] : kReasons) {
    const auto names = missing.find(kind);
    if (names != missing.end()) lists.push_back(list_of(why, names->second));
  }
  if (!starting.empty()) lists.push_back(list_of("starting", starting));
  if (!unready.empty()) lists.push_back(list_of("not Ready", unready));
  return fmt::format("{}", fmt::join(lists, "; "));
}

namespace {

// Files one pod where it belongs.
void file(const PodObservation& pod, PodShare share, bool starting, Survey& survey) {
  if (share.kind == Kind::kNotGiven || share.assumed) survey.engines.insert(pod.snapshot->engine);
  if (share.counts()) {
    ++survey.expected;
    survey.counted.push_back({&pod, std::move(share)});
  } else if (starting) {
    survey.starting.push_back(pod.name);
  } else {
    ++survey.expected;
    survey.missing[share.kind].push_back(pod.name);
  }
}

void file_unready(const PodObservation& pod, PodShare share, bool has_work, Survey& survey) {
  if (!has_work) {
    survey.unready.push_back(pod.name);
  } else if (share.counts()) {
    survey.extra.push_back({&pod, std::move(share)});
  }
}

}  // namespace

Survey survey_pods(std::span<const PodObservation> pods, const MetricSelection& selection,
                   const AggregateOptions& options, SteadyTime now) {
  Survey survey;
  const bool with_unready = adds_unready_work(selection);
  for (const PodObservation& pod : pods) {
    if (pod.terminating) continue;
    PodShare share = share_of(pod, selection, options, now);
    if (share.kind == Kind::kNotMatching) continue;
    if (pod.ready) {
      file(pod, std::move(share), is_starting(pod, selection, options, now), survey);
    } else {
      file_unready(pod, std::move(share), with_unready && has_work(pod, now), survey);
    }
  }
  return survey;
}

}  // namespace leadline
