#include "adapter/self_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "daemon/families.h"
#include "daemon/http_families.h"

namespace leadline {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using CounterFamily = prometheus::Family<prometheus::Counter>;

CounterFamily& counters(prometheus::Registry& registry, const char* name, const char* help) {
  return BuildCounter().Name(name).Help(help).Register(registry);
}

// max_age is 5 s by default, so the edges are densest below it.
const prometheus::Histogram::BucketBoundaries kAgeEdges = {0.1, 0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 10};

void add_pods(const PodStateCounts& pods, Families& all) {
  auto family = gauge_family("leadline_adapter_pods",
                             "Pods by state: fresh, stale, silent, mismatch, no_sidecar.");
  const auto add_state = [&](const char* state, std::size_t count) {
    add(family, {{"state", state}}, static_cast<double>(count));
  };
  add_state("fresh", pods.fresh);
  add_state("stale", pods.stale);
  add_state("silent", pods.silent);
  add_state("mismatch", pods.mismatch);
  add_state("no_sidecar", pods.no_sidecar);
  all.push_back(std::move(family));
}

}  // namespace

struct SelfMetrics::Counted {
  prometheus::Registry registry;

  CounterFamily& polls =
      counters(registry, "leadline_adapter_polls_total",
               "Long polls of sidecars that ended well, by outcome: news or unchanged.");
  CounterFamily& poll_failures = counters(registry, "leadline_adapter_poll_failures_total",
                                          "Long polls of sidecars that failed, by reason.");
  CounterFamily& pods_lists =
      counters(registry, "leadline_adapter_pod_lists_total",
               "Lists of pods that were read, by result; a refused one changes nothing.");
  CounterFamily& absent = counters(registry, "leadline_adapter_absent_total",
                                   "Values that were asked for and could not be answered, by why.");
  CounterFamily& requests = counters(registry, "leadline_adapter_requests_total",
                                     "Requests answered, by API and HTTP status code.");
  CounterFamily& watch_events =
      counters(registry, "leadline_adapter_kube_watch_total",
               "What came of following the Kubernetes API, by resource and outcome.");
  CounterFamily& reviews =
      counters(registry, "leadline_adapter_kube_reviews_total",
               "TokenReviews and SubjectAccessReviews that were asked, by kind.");
  CounterFamily& review_failures =
      counters(registry, "leadline_adapter_kube_review_failures_total",
               "Reviews without a usable answer after every attempt, by kind: callers got errors.");
  prometheus::Counter& certificate_failures =
      counters(registry, "leadline_adapter_certificate_failures_total",
               "Attempts to keep the serving certificate and its registration that failed.")
          .Add({});
  CounterFamily& redis_polls =
      counters(registry, "leadline_adapter_redis_polls_total",
               "Polls of Redis servers for their queues, by server and outcome.");
  prometheus::Family<prometheus::Gauge>& redis_unknown =
      BuildGauge()
          .Name("leadline_adapter_redis_unknown_queues")
          .Help("Queues whose jobs the newest poll of their Redis server could not count.")
          .Register(registry);
  prometheus::Family<prometheus::Gauge>& watches =
      BuildGauge()
          .Name("leadline_adapter_kube_watch_following")
          .Help("Whether this resource of the Kubernetes API is followed now: 1 or 0.")
          .Register(registry);
  prometheus::Counter& views =
      counters(registry, "leadline_adapter_views_total", "Views of all pods that were published.")
          .Add({});
  prometheus::Counter& partial =
      counters(registry, "leadline_adapter_partial_coverage_total",
               "Values served although some expected pods gave none; sums were scaled up.")
          .Add({});
  prometheus::Counter& clamped =
      counters(registry, "leadline_adapter_clamped_values_total",
               "Values beyond what a Kubernetes quantity can carry, served as the largest.")
          .Add({});
  prometheus::Counter& collisions =
      counters(registry, "leadline_adapter_label_collisions_total",
               "Different label values that became equal when written for a selector.")
          .Add({});
  prometheus::Histogram& sample_age = BuildHistogram()
                                          .Name("leadline_adapter_sample_age_seconds")
                                          .Help("Age of the oldest sample in each answer served.")
                                          .Register(registry)
                                          .Add({}, kAgeEdges);
  CounterFamily& keda_calls =
      counters(registry, "leadline_adapter_keda_requests_total",
               "Calls of KEDA's that were answered, by method and gRPC status.");
  prometheus::Counter& keda_pushes =
      counters(registry, "leadline_adapter_keda_pushes_total",
               "Times that an open stream was told that its trigger is active.")
          .Add({});
  prometheus::Gauge& keda_streams = BuildGauge()
                                        .Name("leadline_adapter_keda_streams")
                                        .Help("Streams that KEDA has open, of both kinds.")
                                        .Register(registry)
                                        .Add({});
  prometheus::Histogram& keda_sample_age =
      BuildHistogram()
          .Name("leadline_adapter_keda_sample_age_seconds")
          .Help("Age of the oldest sample in each value told to KEDA, which cannot see it.")
          .Register(registry)
          .Add({}, kAgeEdges);
};

SelfMetrics::SelfMetrics() : counted_(std::make_unique<Counted>()) {}
SelfMetrics::~SelfMetrics() = default;

void SelfMetrics::count_poll(std::string_view outcome) {
  counted_->polls.Add({{"outcome", std::string(outcome)}}).Increment();
}

void SelfMetrics::count_poll_failure(std::string_view reason) {
  counted_->poll_failures.Add({{"reason", std::string(reason)}}).Increment();
}

void SelfMetrics::count_view() {
  counted_->views.Increment();
}

void SelfMetrics::count_pods_list(bool accepted) {
  counted_->pods_lists.Add({{"result", accepted ? "accepted" : "refused"}}).Increment();
}

void SelfMetrics::observe_sample_age(double seconds) {
  counted_->sample_age.Observe(seconds);
}

void SelfMetrics::count_absent(std::string_view why) {
  counted_->absent.Add({{"why", std::string(why)}}).Increment();
}

void SelfMetrics::count_partial_coverage() {
  counted_->partial.Increment();
}

void SelfMetrics::count_request(std::string_view api, int code) {
  counted_->requests.Add({{"api", std::string(api)}, {"code", std::to_string(code)}}).Increment();
}

void SelfMetrics::count_clamped(std::uint64_t values) {
  counted_->clamped.Increment(static_cast<double>(values));
}

void SelfMetrics::count_label_collision() {
  counted_->collisions.Increment();
}

void SelfMetrics::set_watch(const std::string& resource, bool following) {
  counted_->watches.Add({{"resource", resource}}).Set(following ? 1 : 0);
}

void SelfMetrics::count_watch(const std::string& resource, std::string_view outcome) {
  counted_->watch_events.Add({{"resource", resource}, {"outcome", std::string(outcome)}})
      .Increment();
}

void SelfMetrics::count_review(std::string_view kind) {
  counted_->reviews.Add({{"kind", std::string(kind)}}).Increment();
}

void SelfMetrics::count_keda_call(std::string_view method, std::string_view code) {
  counted_->keda_calls.Add({{"method", std::string(method)}, {"code", std::string(code)}})
      .Increment();
}

void SelfMetrics::observe_keda_sample_age(double seconds) {
  counted_->keda_sample_age.Observe(seconds);
}

void SelfMetrics::set_keda_streams(std::size_t open) {
  counted_->keda_streams.Set(static_cast<double>(open));
}

void SelfMetrics::count_keda_push() {
  counted_->keda_pushes.Increment();
}

void SelfMetrics::count_review_failure(std::string_view kind) {
  counted_->review_failures.Add({{"kind", std::string(kind)}}).Increment();
}

void SelfMetrics::count_certificate_failure() {
  counted_->certificate_failures.Increment();
}

void SelfMetrics::count_redis_poll(const std::string& server, std::string_view outcome) {
  counted_->redis_polls.Add({{"server", server}, {"outcome", std::string(outcome)}}).Increment();
}

void SelfMetrics::set_redis_unknown(const std::string& server, std::ptrdiff_t queues) {
  counted_->redis_unknown.Add({{"server", server}}).Set(static_cast<double>(queues));
}

void SelfMetrics::forget_redis(const std::string& server) {
  counted_->redis_unknown.Remove(&counted_->redis_unknown.Add({{"server", server}}));
  for (const char* outcome : {"answered", "failed"}) {
    auto& polls = counted_->redis_polls.Add({{"server", server}, {"outcome", outcome}});
    counted_->redis_polls.Remove(&polls);
  }
}

std::string SelfMetrics::text(const SelfState& state) {
  Families all = counted_->registry.Collect();
  add_pods(state.pods, all);
  add_http_families("leadline_adapter_http_", state.servers, all);
  if (state.certificate_expiry) {
    const std::chrono::duration<double> expiry = state.certificate_expiry->time_since_epoch();
    all.push_back(gauge_of("leadline_adapter_certificate_expiry_timestamp_seconds",
                           "When the serving certificate ends, in seconds since 1970.",
                           expiry.count()));
  }
  return prometheus::TextSerializer().Serialize(all);
}

}  // namespace leadline
