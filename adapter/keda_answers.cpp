#include "adapter/keda_answers.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace leadline {
namespace {

constexpr std::size_t kNamesShown = 5;

double seconds_of(SteadyTime::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// Requests waiting and running in the pod; nullopt where that is not known now.
std::optional<double> work_of(const PodState& state, SteadyTime now) {
  if (!is_fresh(state, now) || state.snapshot->series.empty()) return std::nullopt;
  double sum = 0;
  bool known = true;
  for (const SeriesSnapshot& series : state.snapshot->series) {
    const auto work = in_flight(series.gauges);
    known = known && work.has_value();
    const auto running = series.gauges[index_of(Gauge::kRunningRequests)];
    const auto waiting = series.gauges[index_of(Gauge::kQueueDepth)];
    sum += work.value_or(running.value_or(0) + waiting.value_or(0));
  }
  return known || sum > 0 ? std::optional(sum) : std::nullopt;
}

std::string what(const KedaTrigger& trigger) {
  return fmt::format("{} {}/{}", trigger.kind, trigger.namespace_name, trigger.workload);
}

}  // namespace

struct KedaAnswers::Listed {
  std::shared_ptr<const View> view;
  const std::vector<PodNumber>* pods = nullptr;  // of the view; nullptr: none, and for long

  [[nodiscard]] const Pod& pod(PodNumber number) const { return view->index->pods()[number]; }
};

KedaAnswers::KedaAnswers(const ViewCell& views, const Catalogue& catalogue, KedaOptions options)
    : views_(views), catalogue_(catalogue), options_(options) {}

Result<KedaAnswers::Listed> KedaAnswers::listed(const KedaTrigger& trigger, SteadyTime now) {
  Listed listed{.view = views_.current()};
  if (!listed.view->complete) {
    return fail(Errc::kUnavailable, "{}", kJustStarted);
  }
  memory_.look(*listed.view, now);
  const ObjectPods* object =
      listed.view->index->object(trigger.kind, trigger.namespace_name, trigger.workload);
  if (object != nullptr && !object->pods.empty()) {
    listed.pods = &object->pods;
    return listed;
  }
  const auto empty = memory_.empty_for(trigger.kind, trigger.namespace_name, trigger.workload, now)
                         .value_or(SteadyTime::duration::zero());
  if (empty >= options_.absent_grace) return listed;
  return fail(Errc::kUnavailable, "no pod of {} is listed, for {:.0f} s; believed after {:g} s",
              what(trigger), seconds_of(empty), seconds_of(options_.absent_grace));
}

Result<KedaValue> KedaAnswers::value(const KedaTrigger& trigger, SteadyTime now) {
  const auto pods = listed(trigger, now);
  if (!pods) return fail(pods.error());
  return value_of(trigger, *pods, now);
}

Result<KedaValue> KedaAnswers::value_of(const KedaTrigger& trigger, const Listed& listed,
                                        SteadyTime now) const {
  if (listed.pods == nullptr) return KedaValue{};
  if (trigger.scale_to_zero && all_given_up(listed, now)) return KedaValue{};
  const SelectedPods selected = select_pods(*listed.view, *listed.pods, trigger.selection);
  if (selected.pods.empty()) {
    return fail(Errc::kUnavailable, "no pod of {} with a sidecar matches", what(trigger));
  }
  const MetricSelection selection{.metric = *trigger.entry->metric,
                                  .window = trigger.window,
                                  .slo_bound = trigger.entry->slo_bound};
  const AggregateResult result = aggregate(selected.pods, selection, options_.aggregate, now);
  if (!result) {
    return fail(Errc::kUnavailable, "{} of {}: {}", trigger.entry->name, what(trigger),
                result.error().reason);
  }
  const double value = result->value * trigger.entry->scale;
  if (!std::isfinite(value) || value < 0) {
    return fail(Errc::kUnavailable, "{} of {} is {}, which KEDA would take for 0",
                trigger.entry->name, what(trigger), value);
  }
  return KedaValue{.value = value,
                   .sample_age = now - result->oldest_sample,
                   .pods = result->expected,
                   .pods_fresh = result->counted};
}

Result<bool> KedaAnswers::active(const KedaTrigger& trigger, SteadyTime now) {
  if (!trigger.scale_to_zero) return true;
  const auto pods = listed(trigger, now);
  if (!pods) return fail(pods.error());
  if (pods->pods == nullptr) return false;
  auto working = at_work(trigger, *pods, now);
  if (!trigger.activation || (working && *working)) return working;
  const auto value = value_of(trigger, *pods, now);
  if (!value) return fail(value.error());
  if (value->value > *trigger.activation) return true;
  return working;
}

Result<bool> KedaAnswers::at_work(const KedaTrigger& trigger, const Listed& listed,
                                  SteadyTime now) const {
  std::vector<std::string_view> unknown;
  for (const PodNumber number : *listed.pods) {
    const Pod& pod = listed.pod(number);
    const auto work = work_of(listed.view->states[number], now);
    if (work.value_or(0) > 0 || is_loading(pod, now)) return true;
    if (!work && pod.ready) unknown.push_back(pod.name);
  }
  if (unknown.empty()) return false;
  const std::size_t more = unknown.size() - std::min(unknown.size(), kNamesShown);
  unknown.resize(unknown.size() - more);
  return fail(Errc::kUnavailable, "requests in flight of {} are not known: {}{}", what(trigger),
              fmt::join(unknown, ", "), more > 0 ? fmt::format(" and {} more", more) : "");
}

bool KedaAnswers::is_loading(const Pod& pod, SteadyTime now) const {
  const auto loading = memory_.loading_for(pod, now);
  return loading && *loading < options_.loading_grace;
}

// Nobody is Ready, at work, or still worth waiting for.
bool KedaAnswers::all_given_up(const Listed& listed, SteadyTime now) const {
  return std::ranges::all_of(*listed.pods, [&](PodNumber number) {
    const Pod& pod = listed.pod(number);
    return !pod.ready && !is_loading(pod, now) &&
           work_of(listed.view->states[number], now).value_or(0) <= 0;
  });
}

bool KedaAnswers::believed_at_zero(const KedaTrigger& trigger, SteadyTime now) {
  return memory_.empty_for(trigger.kind, trigger.namespace_name, trigger.workload, now).has_value();
}

KedaNumber keda_number(double value) {
  constexpr double kLeast = 0.001;  // what is left of three decimals
  constexpr double kMost = 9e15;    // whole numbers above are no longer exact as doubles
  const double number = value > 0 ? std::clamp(value, kLeast, kMost) : 0;
  return {.number = number, .whole = static_cast<std::int64_t>(std::ceil(number))};
}

}  // namespace leadline
