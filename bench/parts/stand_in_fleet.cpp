#include "bench/parts/stand_in_fleet.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "daemon/http_server.h"
#include "sidecar/engine_tracker.h"
#include "sidecar/page_reader.h"
#include "sidecar/snapshot_endpoint.h"
#include "sidecar/snapshot_publisher.h"
#include "sidecar/timers.h"
#include "tests/text_of.h"

namespace leadline::bench {
namespace {

using std::chrono::milliseconds;

// Two sockets a sidecar; what we start inherits the limit.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
}

ScrapeOutcome scrape_of(const char* page, SteadyTime at) {
  HttpAnswer answer;
  answer.status = 200;
  answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
  answer.body = text_of(std::string(LEADLINE_SOURCE_DIR "/tests/data/expositions/") + page);
  ScrapeOutcome outcome = read_page(answer, nullptr);
  if (outcome.result != ScrapeResult::kOk) throw std::runtime_error(page + (": " + outcome.why));
  outcome.started.steady = at;
  return outcome;
}

// What a sidecar says a minute after its engine was idle.
PodSnapshot loaded_vllm(milliseconds interval) {
  EngineTracker tracker;
  const SteadyTime now = system_now().steady;
  const auto feed = [&](const char* page, SteadyTime at) {
    static_cast<void>(tracker.take(scrape_of(page, at), "http://127.0.0.1:8000/metrics", interval));
  };
  feed("live-vllm-0.32.0-idle.prom", now - std::chrono::seconds{60});
  feed("live-vllm-0.32.0-after.prom", now);
  return tracker.snapshot();
}

std::vector<StandInPod> own_pods(int count) {
  std::vector<StandInPod> pods;
  pods.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    pods.push_back({fmt::format("pod-{}", i), fmt::format("uid-{}", i), own_address(i)});
  }
  return pods;
}

}  // namespace

std::string own_address(int number) {
  return fmt::format("127.{}.{}.{}", 200 + ::getpid() % 50, 1 + number / 250, 1 + number % 250);
}

struct StandInFleet::Sidecar {
  Sidecar(EventLoop& loop, StandInPod of, std::uint64_t boot_id)
      : pod(std::move(of)),
        timers(loop),
        publisher({kNamespace, pod.name, pod.uid}, boot_id),
        endpoint(publisher, timers, system_now) {
    auto listening = HttpServer::listen(loop, pod.address, kSidecarPort,
                                        [this](const HttpRequest& request, Respond respond) {
                                          endpoint.handle(request, std::move(respond));
                                        });
    if (!listening) throw std::runtime_error(listening.error().message);
    server = std::move(*listening);
  }
  ~Sidecar() { timers.cancel(next); }
  Sidecar(const Sidecar&) = delete;
  Sidecar& operator=(const Sidecar&) = delete;

  StandInPod pod;
  LoopTimers timers;
  SnapshotPublisher publisher;
  SnapshotEndpoint endpoint;
  std::unique_ptr<HttpServer> server;
  TimerId next = 0;
  int published = 0;
  std::optional<int> marked;  // the queue depth since the first mark()
  bool awaited = false;       // mark() waits for the next publication
  std::promise<SteadyTime> publication;
};

StandInFleet::StandInFleet(int pods, milliseconds interval)
    : StandInFleet(own_pods(pods), interval) {}

StandInFleet::StandInFleet(const std::vector<StandInPod>& pods, milliseconds interval)
    : interval_(interval), pattern_(loaded_vllm(interval)) {
  raise_descriptor_limit();
  thread_.call([&] {
    const SteadyTime begin = system_now().steady;
    for (std::size_t i = 0; i < pods.size(); ++i) {
      sidecars_.push_back(std::make_unique<Sidecar>(thread_.loop(), pods[i], 1 + i));
      publish_at(begin + interval * i / pods.size(), *sidecars_.back());
    }
  });
}

StandInFleet::~StandInFleet() {
  thread_.call([&] { sidecars_.clear(); });
}

// On a grid, so that a late turn does not make the next one later.
void StandInFleet::publish_at(SteadyTime moment, Sidecar& sidecar) {
  const auto delay = std::chrono::ceil<milliseconds>(moment - system_now().steady);
  sidecar.next = thread_.loop().call_after(std::max(delay, milliseconds{0}), [=, this, &sidecar] {
    publish_at(moment + interval_, sidecar);
    publish(sidecar);
  });
}

void StandInFleet::publish(Sidecar& sidecar) {
  const SteadyTime now = system_now().steady;
  PodSnapshot snapshot = pattern_;
  for (SeriesSnapshot& series : snapshot.series) {
    series.gauges[index_of(Gauge::kQueueDepth)] = sidecar.marked.value_or(++sidecar.published % 50);
  }
  sidecar.publisher.publish(std::move(snapshot), now);
  if (std::exchange(sidecar.awaited, false)) sidecar.publication.set_value(now);
}

std::string StandInFleet::pods_document() const {
  std::vector<ListedPod> pods;
  pods.reserve(sidecars_.size());
  for (const auto& sidecar : sidecars_) {
    pods.push_back({.name = sidecar->pod.name,
                    .uid = sidecar->pod.uid,
                    .address = sidecar->pod.address,
                    .ready = true,
                    .deleting = false});
  }
  return leadline::pods_document(kNamespace, kWorkload, pods);
}

SteadyTime StandInFleet::mark(int waiting) {
  Sidecar& first = *sidecars_.front();
  auto published = thread_.call([&] {
    first.marked = waiting;
    first.awaited = true;
    first.publication = {};
    return first.publication.get_future();
  });
  return test::await(published);
}

std::size_t StandInFleet::snapshot_bytes() const {
  return sidecars_.front()->publisher.body()->size();
}

}  // namespace leadline::bench
