#include "sidecar/sidecar.h"

#include <cassert>
#include <chrono>
#include <random>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "daemon/exit_codes.h"
#include "daemon/http_server.h"
#include "sidecar/endpoints.h"
#include "sidecar/engine_client.h"
#include "sidecar/engine_finder.h"
#include "sidecar/scrape_loop.h"
#include "sidecar/snapshot_endpoint.h"
#include "sidecar/startup_memory.h"

namespace leadline {
namespace {

// A node's few clients: adapters (one poll each), Prometheus, the kubelet, people.
constexpr HttpLimits kLimits{.connections = 64,
                             .parked = 2 * kMaxParkedPolls,
                             .header_bytes = 16 * 1024,
                             .header_lines = 100,
                             .body_bytes = 4 * 1024};

// Long enough that the engine was found, if it is there.
constexpr std::chrono::milliseconds kStartIsOver{5000};

std::uint64_t random_id() {
  std::random_device entropy;
  return (std::uint64_t{entropy()} << 32) | entropy();
}

std::string start_line(const SidecarConfig& config, std::uint16_t port) {
  const auto& dialect = config.scraper.dialect;
  return fmt::format(
      "leadline-sidecar starts version={} listen={} port={} engine={} dialect={} interval={} "
      "pod={}/{}",
      LEADLINE_VERSION, config.listen_address, port,
      config.address.url ? to_text(*config.address.url) : "search",
      dialect ? dialect->id() : "recognise",
      config.scrape_interval ? fmt::format("{}ms", config.scrape_interval->count()) : "adaptive",
      config.pod.namespace_name, config.pod.name);
}

}  // namespace

// In the order of construction: each part outlives those below it.
struct Sidecar::Parts {
  Parts(EventLoop& the_loop, SidecarConfig the_config)
      : loop(the_loop),
        config(std::move(the_config)),
        timers(loop),
        client(loop),
        scraper(client, config.scraper, system_now, metrics),
        finder(scraper, config.address),
        publisher(config.pod, random_id()),
        snapshots(publisher, timers, system_now),
        scrapes({timers, system_now, scraper, finder, publisher, metrics},
                {config.scrape_interval, phase_identity(config.pod)}),
        endpoints({scrapes, snapshots, publisher, metrics, system_now}) {}

  EventLoop& loop;
  SidecarConfig config;
  LoopTimers timers;
  HttpEngineClient client;
  SelfMetrics metrics;
  Scraper scraper;
  EngineFinder finder;
  SnapshotPublisher publisher;
  SnapshotEndpoint snapshots;
  ScrapeLoop scrapes;
  Endpoints endpoints;
  std::unique_ptr<HttpServer> server;
};

Sidecar::Sidecar(EventLoop& loop, SidecarConfig config)
    : parts_(std::make_unique<Parts>(loop, std::move(config))) {}

Sidecar::~Sidecar() = default;

Result<void> Sidecar::start() {
  const SidecarConfig& config = parts_->config;
  auto server = HttpServer::listen(
      parts_->loop, config.listen_address, config.listen_port,
      [parts = parts_.get()](const HttpRequest& request, Respond respond) {
        parts->endpoints.handle(request, std::move(respond));
      },
      kLimits);
  if (!server) return fail(server.error());
  parts_->server = std::move(*server);
  parts_->endpoints.watch(*parts_->server);
  log_info(start_line(config, port()));
  parts_->scrapes.start();
  return {};
}

std::uint16_t Sidecar::port() const {
  assert(parts_->server);
  return parts_->server->port();
}

void Sidecar::drain(std::function<void()> done) {
  assert(parts_->server);
  log_info("stopping");
  parts_->scrapes.stop();
  parts_->snapshots.drain();
  parts_->server->drain(parts_->config.drain_grace, std::move(done));
}

int run_sidecar(const SidecarConfig& config) {
  EventLoop loop;
  Sidecar sidecar(loop, config);
  int status = kExitOk;
  bool stopping = false;
  loop.on_stop_signal([&] {
    if (std::exchange(stopping, true)) return loop.stop();
    sidecar.drain([&] { loop.stop(); });
  });
  loop.post([&] {
    const auto started = sidecar.start();
    if (started) {
      loop.call_after(kStartIsOver, release_startup_memory);
      return;
    }
    log_critical(fmt::format("cannot listen {}", error_fields(started.error())));
    status = exit_code(started.error().code);
    loop.stop();
  });
  loop.run();
  if (status == kExitOk) log_info("stopped");
  return status;
}

}  // namespace leadline
