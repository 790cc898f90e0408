#include "adapter/collector.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "daemon/log.h"

namespace leadline {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPublishEvery{50};
constexpr milliseconds kFirstAnswersWithin{5000};
constexpr milliseconds kReadyGrace{10000};  // as AggregateOptions::ready_grace
constexpr std::size_t kManyPods = 2000;

// Two pods with the same identity are the same pod. A sidecar at another address is dialled anew.
std::string identity_of(const Pod& pod) {
  return fmt::format("{}/{}/{}/{}:{}", pod.namespace_name, pod.name, pod.uid, pod.ip, pod.port);
}

// 10,000 pods are dialled over one second, three at once; the same pod always at the same place.
milliseconds phase_of(const std::string& identity, std::size_t pods) {
  const std::size_t spread = std::min<std::size_t>(pods / 10, 1000);
  return milliseconds(spread == 0 ? 0 : std::hash<std::string>{}(identity) % spread);
}

LinkTiming timing_for(std::size_t pods) {
  LinkTiming timing;
  if (pods > kManyPods) timing.gap = milliseconds{1000};
  return timing;
}

}  // namespace

std::uint32_t signals_given(const PodObservation& pod, SteadyTime now) {
  std::uint32_t given = 0;
  for (const Metric& metric : metric_catalogue()) {
    if (metric.statistic == Statistic::kSloMissPercent) continue;
    const std::uint32_t bit = 1U << index_of(metric.signal);
    if ((given & bit) != 0) continue;
    const MetricSelection selection{.metric = metric, .slo_bound = {}, .model = {}, .role = {}};
    const auto value = pod_value(pod, selection, {}, now);
    const bool observed_nothing = !value && value.error().why == Absent::Why::kNothingObserved;
    if (value || observed_nothing) given |= bit;
  }
  return given;
}

Collector::Collector(EventLoop& loop, ViewCell& views, SelfMetrics& metrics,
                     CollectorOptions options)
    : loop_(loop), views_(views), metrics_(metrics), options_(std::move(options)) {}

Collector::~Collector() {
  loop_.cancel(publish_timer_);
  loop_.cancel(first_answers_timer_);
}

void Collector::take(const std::shared_ptr<const PodList>& list) {
  const bool first = index_ == nullptr;
  Slots before = std::exchange(slots_, {});
  order_.clear();
  for (const Pod& pod : list->pods) {
    auto kept = before.extract(identity_of(pod));
    auto slot = kept ? std::move(kept.mapped()) : slot_for(pod);
    update(*slot, pod);
    order_.push_back(slot.get());
    const bool fresh = slots_.emplace(identity_of(pod), std::move(slot)).second;
    assert(fresh && "a directory lists no pod twice");
    static_cast<void>(fresh);
  }
  for (auto& [identity, gone] : before) {
    settle(*gone);
    edges_.forget(identity);
  }
  index_ = std::make_shared<const PodIndex>(list);
  if (first) expect_first_answers();
  dial_all();
  publish();
}

// A pod that appears Ready in a later list became so before our eyes.
std::unique_ptr<Collector::Slot> Collector::slot_for(const Pod& pod) {
  auto slot = std::make_unique<Slot>();
  slot->pod = pod;
  slot->state.max_age = options_.least_max_age;
  const bool first = index_ == nullptr;
  slot->awaited = first && pod.ready && !pod.deleting && pod.has_sidecar();
  if (slot->awaited) ++awaited_;
  if (!first && pod.ready) slot->state.seen_becoming_ready = options_.clock().steady;
  return slot;
}

void Collector::update(Slot& slot, const Pod& pod) {
  const bool becomes_ready = !slot.pod.ready && pod.ready;
  slot.pod = pod;
  if (!becomes_ready) return;
  slot.state.seen_becoming_ready = options_.clock().steady;
  slot.state.signals_seen = 0;
  note_signals(slot);
}

// What a pod gave since it became Ready matters only while it may still be excused.
void Collector::note_signals(Slot& slot) {
  PodState& state = slot.state;
  const SteadyTime now = options_.clock().steady;
  if (state.snapshot == nullptr || !state.seen_becoming_ready) return;
  if (now - *state.seen_becoming_ready > kReadyGrace) return;
  state.signals_seen |= signals_given({.name = slot.pod.name,
                                       .ready = true,
                                       .snapshot = state.snapshot,
                                       .sampled_at = state.sampled_at,
                                       .max_age = state.max_age,
                                       .seen_becoming_ready = {}},
                                      now);
}

void Collector::dial_all() {
  const auto dialled = std::count_if(order_.begin(), order_.end(), [](const Slot* slot) {
    return slot->pod.has_sidecar() && !slot->pod.deleting;
  });
  const LinkTiming timing = timing_for(static_cast<std::size_t>(dialled));
  for (auto& [identity, slot] : slots_) {
    if (slot->link == nullptr && slot->pod.has_sidecar() && !slot->pod.deleting) {
      slot->link = std::make_unique<SidecarLink>(
          loop_, slot->pod, options_.clock,
          [this, raw = slot.get()](PollResult result) { received(*raw, std::move(result)); });
      slot->link->start(phase_of(identity, slots_.size()));
    }
    if (slot->pod.deleting) {
      slot->link.reset();
      settle(*slot);  // it will not be tried any more
    }
    if (slot->link != nullptr) slot->link->set_timing(timing);
  }
}

void Collector::expect_first_answers() {
  first_answers_timer_ = loop_.call_after(kFirstAnswersWithin, [this] {
    for (const auto& [identity, slot] : slots_) settle(*slot);
    publish_soon();
  });
}

void Collector::received(Slot& slot, PollResult result) {
  const bool first_answer = slot.awaited;
  const bool other_pod = !result && result.error().other_pod;
  const bool news = result && result->snapshot;
  const bool changed = news || slot.state.mismatch != other_pod;
  settle(slot);
  log_edge(slot, result);
  slot.state.mismatch = other_pod;
  if (!result) {
    metrics_.count_poll_failure(result.error().reason);
  } else {
    metrics_.count_poll(news ? "news" : "unchanged");
  }
  if (news) accept(slot, std::move(*result));
  if (changed || first_answer) publish_soon();
}

void Collector::log_edge(const Slot& slot, const PollResult& result) {
  if (result && edges_.open() == 0) return;
  const Pod& pod = slot.pod;
  const std::string fields =
      fmt::format("pod={}/{} address={}:{}", pod.namespace_name, pod.name, pod.ip, pod.port);
  const Instant now = options_.clock();
  if (result) return edges_.recovered(identity_of(pod), "sidecar poll recovered", fields, now);
  edges_.failed(identity_of(pod), "sidecar poll failed reason=" + result.error().reason,
                fmt::format("{} {}", fields, error_fields(result.error().error)), now);
}

void Collector::accept(Slot& slot, SnapshotAnswer answer) {
  assert(answer.snapshot);
  PodState& state = slot.state;
  if (state.snapshot != nullptr && state.snapshot->boot_id != answer.snapshot->boot_id) {
    log_info(fmt::format("sidecar restarted pod={}/{}", slot.pod.namespace_name, slot.pod.name));
  }
  state.max_age = std::max(options_.least_max_age, 4 * answer.snapshot->scrape_interval);
  state.sampled_at = answer.sampled_at;
  state.snapshot = std::make_shared<const PodSnapshot>(std::move(*answer.snapshot));
  note_signals(slot);
  note_collisions(*state.snapshot);
}

void Collector::note_collisions(const PodSnapshot& snapshot) {
  for (const SeriesSnapshot& series : snapshot.series) {
    const std::string other = collisions_.note(series.model);
    if (other.empty()) continue;
    metrics_.count_label_collision();
    log_warn(
        fmt::format("two models have one label value: a selector cannot tell them apart "
                    "model=\"{}\" other=\"{}\"",
                    printable(series.model), printable(other)));
  }
}

// The slot was tried, or is gone: nobody waits for it any more.
void Collector::settle(Slot& slot) {
  if (std::exchange(slot.awaited, false)) --awaited_;
}

void Collector::publish_soon() {
  if (publish_timer_ != 0) return;
  const auto since = options_.clock().steady - published_at_;
  const auto rest = std::chrono::ceil<milliseconds>(kPublishEvery - since);
  if (rest <= milliseconds{0}) return publish();
  publish_timer_ = loop_.call_after(rest, [this] { publish(); });
}

void Collector::publish() {
  loop_.cancel(std::exchange(publish_timer_, 0));
  published_at_ = options_.clock().steady;
  auto view = std::make_shared<View>();
  view->index = index_;
  view->states.reserve(order_.size());
  for (const Slot* slot : order_) view->states.push_back(slot->state);
  view->complete = awaited_ == 0;  // once 0, it stays
  views_.publish(std::move(view));
  if (awaited_ == 0) tried_all_ = true;
  metrics_.count_view();
}

}  // namespace leadline
