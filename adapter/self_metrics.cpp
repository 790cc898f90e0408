#include "adapter/self_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

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

}  // namespace

struct SelfMetrics::Families {
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
  prometheus::Family<prometheus::Gauge>& pods =
      BuildGauge()
          .Name("leadline_adapter_pods")
          .Help("Pods by state: fresh, stale, silent, mismatch, no_sidecar.")
          .Register(registry);

  void set_pods(const char* state, std::size_t count) {
    pods.Add({{"state", state}}).Set(static_cast<double>(count));
  }
};

SelfMetrics::SelfMetrics() : families_(std::make_unique<Families>()) {}
SelfMetrics::~SelfMetrics() = default;

void SelfMetrics::count_poll(std::string_view outcome) {
  families_->polls.Add({{"outcome", std::string(outcome)}}).Increment();
}

void SelfMetrics::count_poll_failure(std::string_view reason) {
  families_->poll_failures.Add({{"reason", std::string(reason)}}).Increment();
}

void SelfMetrics::count_view() {
  families_->views.Increment();
}

void SelfMetrics::count_pods_list(bool accepted) {
  families_->pods_lists.Add({{"result", accepted ? "accepted" : "refused"}}).Increment();
}

void SelfMetrics::observe_sample_age(double seconds) {
  families_->sample_age.Observe(seconds);
}

void SelfMetrics::count_absent(std::string_view why) {
  families_->absent.Add({{"why", std::string(why)}}).Increment();
}

void SelfMetrics::count_partial_coverage() {
  families_->partial.Increment();
}

void SelfMetrics::count_request(std::string_view api, int code) {
  families_->requests.Add({{"api", std::string(api)}, {"code", std::to_string(code)}}).Increment();
}

void SelfMetrics::count_clamped(std::uint64_t values) {
  families_->clamped.Increment(static_cast<double>(values));
}

void SelfMetrics::count_label_collision() {
  families_->collisions.Increment();
}

void SelfMetrics::set_watch(const std::string& resource, bool following) {
  families_->watches.Add({{"resource", resource}}).Set(following ? 1 : 0);
}

void SelfMetrics::count_watch(const std::string& resource, std::string_view outcome) {
  families_->watch_events.Add({{"resource", resource}, {"outcome", std::string(outcome)}})
      .Increment();
}

void SelfMetrics::count_review(std::string_view kind) {
  families_->reviews.Add({{"kind", std::string(kind)}}).Increment();
}

std::string SelfMetrics::text(const PodStateCounts& pods) {
  families_->set_pods("fresh", pods.fresh);
  families_->set_pods("stale", pods.stale);
  families_->set_pods("silent", pods.silent);
  families_->set_pods("mismatch", pods.mismatch);
  families_->set_pods("no_sidecar", pods.no_sidecar);
  return prometheus::TextSerializer().Serialize(families_->registry.Collect());
}

}  // namespace leadline
