#include "tests/contract/fake_fleet.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "engine/snapshot_codec.h"

namespace leadline::test {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// Protobuf's double: eight bytes, the lowest first. Source: protobuf encoding guide, "64-bit".
std::string wire_form(double value) {
  static_assert(std::endian::native == std::endian::little);
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

}  // namespace

struct FakeFleet::Sidecar {
  FakePod pod;
  std::unique_ptr<HttpServer> server;
  std::uint16_t port = 0;
  bool accepted = false;  // what it says is a snapshot that a reader takes
  // Touched on the loop only.
  std::shared_ptr<const std::string> body;
  std::optional<SteadyTime> sampled_at;

  void answer(const Respond& respond) const {
    if (body == nullptr) return respond(make_response(500, "text/plain", "no engine"));
    const SteadyTime now = system_now().steady;
    const auto age = std::chrono::duration_cast<milliseconds>(now - sampled_at.value_or(now));
    HttpResponse response;
    response.headers = {{"Leadline-Token", "boot-1"},
                        {"Leadline-Sample-Age-Ms", std::to_string(age.count())},
                        {"Leadline-Parked-Ms", "0"}};
    response.body = body;
    respond(std::move(response));
  }
};

SeriesSnapshot series_with(double queue, std::string model) {
  SeriesSnapshot series;
  series.model = std::move(model);
  series.gauges[index_of(Gauge::kQueueDepth)] = queue;
  series.gauges[index_of(Gauge::kRunningRequests)] = 1;
  for (std::size_t i = 0; i < kWindowCount; ++i) {
    WindowValues& window = series.windows[i];
    window.span = kWindowSpans[i] - milliseconds{300};
    window.increases[index_of(Counter::kFinishedRequests)] =
        std::chrono::duration<double>(window.span).count();
    window.in_flight_max = queue + 1;
    window.latencies[index_of(Latency::kTtft)] =
        HistogramDelta{.edges = {0.5, 1, 2}, .counts = {500, 300, 200, 0}, .sum = 700};
  }
  return series;
}

FakeFleet::FakeFleet() = default;

FakeFleet::~FakeFleet() {
  hang_up();
}

void FakeFleet::add(const FakePod& pod, std::optional<double> queue) {
  auto made = std::make_unique<Sidecar>();
  made->pod = pod;
  thread_.call([&, raw = made.get()] {
    auto server = HttpServer::listen(
        thread_.loop(), "127.0.0.1", 0,
        [raw](const HttpRequest&, const Respond& respond) { raw->answer(respond); });
    if (!server) throw std::runtime_error(server.error().message);
    raw->server = std::move(*server);
    raw->port = raw->server->port();
  });
  sidecars_[pod.name] = std::move(made);
  if (queue) say(pod.name, {series_with(*queue)});
}

PodSnapshot FakeFleet::snapshot_of(const FakePod& pod, std::vector<SeriesSnapshot> series) {
  PodSnapshot snapshot;
  snapshot.boot_id = 1;
  snapshot.sequence = ++sequence_;
  snapshot.pod = {pod.namespace_name, pod.name, "uid-" + pod.name};
  snapshot.scrape_interval = milliseconds{250};
  snapshot.engine = "vllm";
  snapshot.state = EngineState::kUp;
  snapshot.series = std::move(series);
  return snapshot;
}

void FakeFleet::set_body(Sidecar& sidecar, std::string body) {
  sidecar.accepted = decode_snapshot(body).has_value();
  thread_.call([&] { sidecar.body = std::make_shared<const std::string>(std::move(body)); });
}

void FakeFleet::say(const std::string& name, std::vector<SeriesSnapshot> series) {
  Sidecar& speaker = sidecar(name);
  set_body(speaker, encode(snapshot_of(speaker.pod, std::move(series))));
}

void FakeFleet::say_raw_queue(const std::string& name, double value) {
  constexpr double kMark = 12345.678901;  // stands nowhere else in the bytes
  Sidecar& speaker = sidecar(name);
  SeriesSnapshot series = series_with(0);
  series.gauges[index_of(Gauge::kQueueDepth)] = kMark;
  std::string bytes = encode(snapshot_of(speaker.pod, {std::move(series)}));
  const std::size_t at = bytes.find(wire_form(kMark));
  if (at == std::string::npos) throw std::runtime_error("the mark is not in the snapshot");
  set_body(speaker, bytes.replace(at, sizeof value, wire_form(value)));
}

void FakeFleet::remove(const std::string& name) {
  thread_.call([&] { sidecar(name).server.reset(); });
  sidecars_.erase(name);
}

FakePod& FakeFleet::pod(const std::string& name) {
  return sidecar(name).pod;
}

void FakeFleet::sampled_at(std::optional<SteadyTime> moment) {
  thread_.call([&] {
    for (auto& [name, each] : sidecars_) each->sampled_at = moment;
  });
}

void FakeFleet::sampled_at(const std::string& name, SteadyTime moment) {
  thread_.call([&] { sidecar(name).sampled_at = moment; });
}

void FakeFleet::hang_up() {
  thread_.call([&] {
    for (auto& [name, each] : sidecars_) each->server.reset();
  });
}

json FakeFleet::document() const {
  json pods = json::array();
  for (const auto& [name, each] : sidecars_) {
    const FakePod& pod = each->pod;
    pods.push_back({{"namespace", pod.namespace_name},
                    {"name", pod.name},
                    {"uid", "uid-" + pod.name},
                    {"ip", "127.0.0.1"},
                    {"port", each->port},
                    {"node", pod.node},
                    {"ready", true},
                    {"deleting", pod.deleting},
                    {"labels", pod.labels},
                    {"owner", pod.owner}});
  }
  return pods;
}

std::size_t FakeFleet::speaking() const {
  return static_cast<std::size_t>(std::count_if(
      sidecars_.begin(), sidecars_.end(), [](const auto& each) { return each.second->accepted; }));
}

}  // namespace leadline::test
