// What the adapter does for one request once its bytes are parsed: route, select pods, aggregate,
// write the body. In memory, without connection and TLS (bench/api has the whole).

#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include "adapter/api_server.h"
#include "adapter/token_gatekeeper.h"
#include "bench/micro/loaded_pod.h"

namespace leadline {
namespace {

const Instant kNow = {SteadyTime{std::chrono::hours{1000}},
                      WallTime{std::chrono::seconds{1'787'227'200}}};

std::shared_ptr<const View> view_of(int pods) {
  const auto snapshot = std::make_shared<const PodSnapshot>(loaded_snapshot());
  PodList list;
  auto view = std::make_shared<View>();
  for (int i = 0; i < pods; ++i) {
    Pod pod;
    pod.namespace_name = "ns";
    pod.name = "llm-" + std::to_string(i);
    pod.uid = "uid-" + std::to_string(i);
    pod.ip = "10.0.0.1";
    pod.port = 9733;
    pod.labels = {{"app", "llm"}, {"pod-template-hash", "7f"}};
    pod.owner = PodOwner{"apps/v1", "ReplicaSet", "llm-7f"};
    list.pods.push_back(std::move(pod));
    PodState known;
    known.snapshot = snapshot;
    known.sampled_at = kNow.steady;
    view->states.push_back(std::move(known));
  }
  view->index = std::make_shared<const PodIndex>(std::make_shared<const PodList>(std::move(list)));
  return view;
}

struct AnswerRig {
  ViewCell views;
  Catalogue catalogue = std::move(*Catalogue::make({}));
  ApiDocuments documents{catalogue};
  SelfMetrics metrics;
  MetricService service{views, catalogue, {}, metrics};
  TokenGatekeeper gatekeeper{"sesame"};
  Probes probes;
  ApiServer server{{gatekeeper, service, documents, probes, metrics, [] { return kNow; }}};
  HttpRequest request{
      .method = "GET", .target = {}, .headers = {{"Authorization", "Bearer sesame"}}, .body = {}};
};

// A view just published, as after each snapshot: nothing computed from it is remembered.
std::shared_ptr<const View> unread(const View& view) {
  auto copy = std::make_shared<View>();
  copy->index = view.index;
  copy->states = view.states;
  return copy;
}

void answer(benchmark::State& state, const std::string& target) {
  AnswerRig rig;
  const auto view = view_of(static_cast<int>(state.range(0)));
  rig.request.target = target;
  std::size_t bytes = 0;
  for (auto _ : state) {
    state.PauseTiming();
    rig.views.publish(unread(*view));
    state.ResumeTiming();
    HttpResponse response;
    rig.server.handle(rig.request, [&](HttpResponse given) { response = std::move(given); });
    if (response.status != 200 || response.body->find("value\":\"") == std::string::npos)
      throw std::runtime_error("the answer is no value");
    bytes = response.body->size();
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}

void AnswerPods(benchmark::State& state) {
  answer(state,
         "/apis/custom.metrics.k8s.io/v1beta2/namespaces/ns/pods/*/queue_depth"
         "?labelSelector=app%3Dllm");
}
BENCHMARK(AnswerPods)->Arg(10)->Arg(1000);

void AnswerExternal(benchmark::State& state) {
  answer(state,
         "/apis/external.metrics.k8s.io/v1beta1/namespaces/ns/ttft_seconds_p95"
         "?labelSelector=workload%3Dllm");
}
BENCHMARK(AnswerExternal)->Arg(10)->Arg(1000);

}  // namespace
}  // namespace leadline
