#include "adapter/metric_service.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/scaling/quantity.h"

namespace leadline {
namespace {

using std::chrono::seconds;

const char* name_of(Absent::Why why) {
  switch (why) {
    case Absent::Why::kNoPods:
      return "no_pods";
    case Absent::Why::kLowCoverage:
      return "low_coverage";
    case Absent::Why::kNotGiven:
      return "not_given";
    case Absent::Why::kNothingObserved:
      return "nothing_observed";
    case Absent::Why::kNoCommonEdges:
      return "no_common_edges";
  }
  return "other";
}

// The moment on the wall clock at which the sample was taken, by the steady clock's word on its
// age.
WallTime wall_time_of(SteadyTime sample, Instant now) {
  return now.wall - std::chrono::duration_cast<WallTime::duration>(now.steady - sample);
}

// How long nothing about these pods changes by the mere passing of time.
SteadyTime valid_until(const std::vector<PodObservation>& pods, const AggregateOptions& options,
                       SteadyTime now) {
  SteadyTime until = now + std::chrono::hours(1);
  for (const PodObservation& pod : pods) {
    if (pod.snapshot != nullptr && pod.sampled_at + pod.max_age >= now) {
      until = std::min(until, pod.sampled_at + pod.max_age);
    }
    if (pod.seen_becoming_ready && *pod.seen_becoming_ready + options.ready_grace > now) {
      until = std::min(until, *pod.seen_becoming_ready + options.ready_grace);
    }
  }
  return until;
}

std::string label_number(double number) {
  return fmt::format("{:.3g}", number);
}

// What a served value has to say about itself besides the number.
Labels value_labels(const WorkloadValue& value, const Metric& metric, Window window) {
  Labels labels = value.labels;
  labels["coverage"] = label_number(value.result->coverage);
  if (is_windowed(metric)) labels["window"] = window_name(window);
  if (value.result->sparse) labels["sparse"] = std::to_string(*value.result->sparse);
  if (value.result->clipped) labels["clipped"] = "true";
  if (value.result->inexact) labels["inexact"] = "true";
  return labels;
}

std::optional<seconds> window_of(const AggregateValue& value) {
  if (!value.span) return std::nullopt;
  return std::chrono::ceil<seconds>(*value.span);
}

// The collecting thread wrote the snapshots last, so that reading one waits for memory twice: for
// the snapshot, then for its series. For a list of 1,000 pods both are asked for in time.
class SnapshotsAhead {
 public:
  SnapshotsAhead(const View& view, const std::vector<PodNumber>& pods, Window window)
      : view_(view), pods_(pods), window_(window) {}

  // `place` is the pod that is read now. Inlined by force: g++ 12 takes a function that only
  // prefetches for one that does nothing, and drops its calls.
  [[gnu::always_inline]] void look(std::size_t place) const {
    if (const PodSnapshot* far = snapshot_at(place + 2 * kAhead)) __builtin_prefetch(&far->series);
    const PodSnapshot* near = snapshot_at(place + kAhead);
    if (near == nullptr || near->series.empty()) return;
    const SeriesSnapshot& series = near->series.front();
    __builtin_prefetch(&series.gauges.front());
    __builtin_prefetch(&series.gauges.back());
    __builtin_prefetch(&series.windows[index_of(window_)].increases);
  }

 private:
  static constexpr std::size_t kAhead = 8;

  [[nodiscard]] const PodSnapshot* snapshot_at(std::size_t place) const {
    return place < pods_.size() ? view_.states[pods_[place]].snapshot.get() : nullptr;
  }

  const View& view_;
  const std::vector<PodNumber>& pods_;
  Window window_;
};

// A list without the pods that were not heard yet would scale a workload down.
tl::unexpected<ApiError> just_started() {
  return tl::unexpected(internal_error(std::string(kJustStarted)));
}

std::string reason_of(const WorkloadValue& value) {
  if (!value.matched) return "no pod with a sidecar matches";
  return value.result ? "its value is not a number" : value.result.error().reason;
}

}  // namespace

struct MetricService::Asked {
  const MetricQuery& query;
  const CatalogueEntry& entry;
  PodSelection selection;
  std::string selector;  // as text: part of the memo's key
  std::shared_ptr<const View> view;
  Instant now;
  // Made once for all pods of an answer.
  MetricSelection metric = {.metric = *entry.metric,
                            .window = selection.window().value_or(entry.window),
                            .slo_bound = entry.slo_bound,
                            .model = {},  // the selection has narrowed the series already
                            .role = {}};
};

MetricService::MetricService(const ViewCell& views, const Catalogue& catalogue,
                             AggregateOptions options, SelfMetrics& metrics)
    : views_(views), catalogue_(catalogue), options_(options), metrics_(metrics) {}

ApiResult<CustomList> MetricService::custom(const MetricQuery& query, Instant now) const {
  const CatalogueEntry* entry = catalogue_.find_custom(query.metric);
  const bool known = entry != nullptr && query.resource != nullptr &&
                     (query.resource->kind != "Pod" || entry->describes_pods());
  if (!known) {
    return tl::unexpected(
        metric_not_found({.metric = query.metric, .resource = query.path_resource}));
  }
  auto selection = PodSelection::from(query.metric_label_selector);
  if (!selection) return tl::unexpected(bad_request(selection.error().message));
  const Asked asked{.query = query,
                    .entry = *entry,
                    .selection = std::move(*selection),
                    .selector = query.metric_label_selector.to_string(),
                    .view = views_.current(),
                    .now = now};
  if (!asked.view->complete) return just_started();
  CustomList list{.kind = std::string(query.resource->kind),
                  .namespace_name = query.namespace_name,
                  .metric = query.metric,
                  .items = {},
                  .names = asked.view};
  if (query.form != QueryForm::kAllObjects) {
    auto item = one_object(asked);
    if (!item) return tl::unexpected(std::move(item.error()));
    list.items.push_back(std::move(*item));
  } else {
    list.items = query.resource->kind == "Pod" ? all_pods(asked) : all_objects(asked);
  }
  const auto oldest = std::ranges::min_element(list.items, {}, &CustomItem::timestamp);
  if (oldest != list.items.end()) observe_age(oldest->timestamp, now);
  return list;
}

ApiResult<std::vector<ExternalItem>> MetricService::external(const MetricQuery& query,
                                                             Instant now) const {
  const CatalogueEntry* entry = catalogue_.find_external(query.metric);
  const auto missing = [&](std::string_view why) {
    return tl::unexpected(metric_not_found({.metric = query.metric,
                                            .resource = "namespace",
                                            .object = query.path_namespace,
                                            .selector = query.label_selector.to_string(),
                                            .why = why}));
  };
  if (entry == nullptr) return missing("");
  auto selection = PodSelection::from(query.label_selector);
  if (!selection) return tl::unexpected(bad_request(selection.error().message));
  const Asked asked{.query = query,
                    .entry = *entry,
                    .selection = std::move(*selection),
                    .selector = query.label_selector.to_string(),
                    .view = views_.current(),
                    .now = now};
  if (!asked.view->complete) return just_started();
  const Value value = value_over(asked, fmt::format("external/{}", query.namespace_name),
                                 asked.view->index->in_namespace(query.namespace_name));
  if (!value->matched) return std::vector<ExternalItem>{};
  count(*value);
  if (!value->result) return missing(reason_of(*value));
  const auto text = quantity(asked, *value->result);
  if (!text) return missing(reason_of(*value));
  const WallTime timestamp = wall_time_of(value->result->oldest_sample, now);
  observe_age(timestamp, now);
  return std::vector<ExternalItem>{
      {.metric = entry->name,
       .labels = value_labels(*value, *entry->metric, asked.metric.window),
       .timestamp = timestamp,
       .window = window_of(*value->result),
       .value = *text}};
}

ApiResult<CustomItem> MetricService::one_object(const Asked& asked) const {
  const MetricQuery& query = asked.query;
  const auto missing = [&](std::string_view why) {
    return tl::unexpected(metric_not_found({.metric = query.metric,
                                            .resource = query.path_resource,
                                            .object = query.object,
                                            .selector = asked.selector,
                                            .why = why}));
  };
  const ObjectPods* object =
      asked.view->index->object(query.resource->kind, query.namespace_name, query.object);
  if (object == nullptr) return missing("no such object is known");
  const Value value = value_of(asked, *object);
  count(*value);
  auto item = item_of(asked, object->api_version, object->name, *value);
  if (!item) return missing(reason_of(*value));
  return std::move(*item);
}

std::vector<CustomItem> MetricService::all_objects(const Asked& asked) const {
  const MetricQuery& query = asked.query;
  const auto& objects = asked.view->index->objects(query.resource->kind, query.namespace_name);
  std::vector<CustomItem> items;
  items.reserve(objects.size());
  for (const auto& [name, object] : objects) {
    if (!query.label_selector.matches(object.labels)) continue;
    const Value value = value_of(asked, object);
    count(*value);
    auto item = item_of(asked, object.api_version, name, *value);
    if (item) items.push_back(std::move(*item));
  }
  return items;
}

std::vector<CustomItem> MetricService::all_pods(const Asked& asked) const {
  const MetricQuery& query = asked.query;
  const PodIndex& index = *asked.view->index;
  const auto pods = index.matching_pods(query.namespace_name, query.label_selector);
  const SnapshotsAhead ahead(*asked.view, *pods, asked.metric.window);
  std::vector<CustomItem> items;
  items.reserve(pods->size());
  for (std::size_t i = 0; i < pods->size(); ++i) {
    ahead.look(i);
    const PodNumber pod = (*pods)[i];
    const WorkloadValue value = pod_alone(asked, pod);
    count(value);
    auto item = item_of(asked, "v1", index.pods()[pod].name, value);
    if (item) items.push_back(std::move(*item));
  }
  return items;
}

// A pod's own value is cheaper to compute than to remember.
MetricService::Value MetricService::value_of(const Asked& asked, const ObjectPods& object) const {
  if (object.kind == "Pod") {
    return std::make_shared<const WorkloadValue>(pod_alone(asked, object.pods.front()));
  }
  return value_over(asked, fmt::format("{}/{}/{}", object.kind, object.namespace_name, object.name),
                    object.pods);
}

MetricService::Value MetricService::value_over(const Asked& asked, const std::string& of,
                                               const std::vector<PodNumber>& pods) const {
  const std::string key = fmt::format("{}|{}|{}", of, asked.entry.name, asked.selector);
  if (auto known = asked.view->memo.find(key, asked.now.steady)) return known;
  auto value = std::make_shared<const WorkloadValue>(compute(asked, pods));
  asked.view->memo.keep(key, value);
  return value;
}

WorkloadValue MetricService::compute(const Asked& asked, const std::vector<PodNumber>& pods) const {
  SelectedPods selected = select_pods(*asked.view, pods, asked.selection);
  const SteadyTime now = asked.now.steady;
  return {.result = aggregate(selected.pods, asked.metric, options_, now),
          .labels = std::move(selected.shared),
          .matched = !selected.pods.empty(),
          .valid_until = valid_until(selected.pods, options_, now)};
}

WorkloadValue MetricService::pod_alone(const Asked& asked, PodNumber pod) const {
  const SteadyTime now = asked.now.steady;
  const bool here = asked.view->index->pods()[pod].has_sidecar() &&
                    asked.selection.matches_pod(*asked.view->index, pod);
  PodObservation observation = asked.view->observe(pod);
  auto match = asked.selection.match_snapshot(std::move(observation.snapshot));
  if (!here || match.match == PodSelection::Match::kNo) {
    return {.result = tl::unexpected(Absent{}), .labels = {}, .matched = false, .valid_until = now};
  }
  observation.snapshot = std::move(match.snapshot);
  return {.result = pod_value(std::move(observation), asked.metric, options_, now),
          .labels = {},
          .matched = true,
          .valid_until = now};
}

std::optional<CustomItem> MetricService::item_of(const Asked& asked, std::string_view api_version,
                                                 std::string_view name,
                                                 const WorkloadValue& value) const {
  if (!value.matched || !value.result) return std::nullopt;
  auto text = quantity(asked, *value.result);
  if (!text) return std::nullopt;
  return CustomItem{.api_version = api_version,
                    .name = name,
                    .timestamp = wall_time_of(value.result->oldest_sample, asked.now),
                    .window = window_of(*value.result),
                    .value = std::move(*text)};
}

// nullopt: not a number, so the sample is missing.
std::optional<std::string> MetricService::quantity(const Asked& asked,
                                                   const AggregateValue& value) const {
  const auto written = quantity_of(value.value * asked.entry.scale);
  if (!written) return std::nullopt;
  if (written->clamped) metrics_.count_clamped(1);
  return written->text;
}

void MetricService::count(const WorkloadValue& value) const {
  if (!value.matched) return;
  if (!value.result) return metrics_.count_absent(name_of(value.result.error().why));
  if (value.result->coverage < 1) metrics_.count_partial_coverage();
}

// Once an answer, not once for each of its 1,000 items.
void MetricService::observe_age(WallTime oldest, Instant now) const {
  metrics_.observe_sample_age(std::chrono::duration<double>(now.wall - oldest).count());
}

}  // namespace leadline
