#include "sidecar/sidecar.h"

#include <memory>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "daemon/event_loop.h"
#include "daemon/exit_codes.h"
#include "daemon/http_server.h"
#include "sidecar/endpoints.h"
#include "sidecar/engine_client.h"
#include "sidecar/engine_finder.h"
#include "sidecar/scrape_loop.h"
#include "sidecar/snapshot_endpoint.h"

namespace leadline {
namespace {

// A node's few clients: adapters (one poll each), Prometheus, the kubelet, people.
constexpr HttpLimits kLimits{.connections = 64,
                             .parked = 2 * kMaxParkedPolls,
                             .header_bytes = 16 * 1024,
                             .header_lines = 100,
                             .body_bytes = 4 * 1024};

std::uint64_t random_id() {
  std::random_device entropy;
  return (std::uint64_t{entropy()} << 32) | entropy();
}

class Sidecar {
 public:
  explicit Sidecar(const SidecarConfig& config)
      : config_(config),
        client_(loop_),
        scraper_(client_, config.scraper, system_now, metrics_),
        finder_(scraper_, config.address),
        publisher_(config.pod, random_id()),
        snapshots_(publisher_, timers_, system_now),
        scrapes_({timers_, system_now, scraper_, finder_, publisher_, metrics_},
                 {config.scrape_interval, phase_identity(config.pod)}),
        endpoints_({scrapes_, snapshots_, publisher_, metrics_, system_now}) {}

  int run() {
    const auto listening = listen();
    if (!listening) {
      log_critical(fmt::format("cannot listen {}", error_fields(listening.error())));
      return exit_code(listening.error().code);
    }
    log_start();
    loop_.on_stop_signal([this] { stop(); });
    loop_.post([this] { scrapes_.start(); });
    loop_.run();
    log_info("stopped");
    return kExitOk;
  }

 private:
  Result<void> listen() {
    auto server = HttpServer::listen(
        loop_, config_.listen_address, config_.listen_port,
        [this](const HttpRequest& request, Respond respond) {
          endpoints_.handle(request, std::move(respond));
        },
        kLimits);
    if (!server) return fail(server.error());
    server_ = std::move(*server);
    endpoints_.watch(*server_);
    return {};
  }

  void log_start() const {
    const auto& url = config_.address.url;
    log_info(fmt::format(
        "leadline-sidecar starts version={} listen={} port={} engine={} dialect={} interval={} "
        "pod={}/{}",
        LEADLINE_VERSION, config_.listen_address, server_->port(),
        url ? to_text(*url) : "search", config_.scraper.forced_engine.empty() ? "recognise" : config_.scraper.forced_engine,
        config_.scrape_interval ? fmt::format("{}ms", config_.scrape_interval->count()) : "adaptive",
        config_.pod.namespace_name, config_.pod.name));
  }

  // A second signal while draining means: now.
  void stop() {
    if (stopping_) return loop_.stop();
    stopping_ = true;
    log_info("stopping");
    scrapes_.stop();
    snapshots_.drain();
    server_->drain(config_.drain_grace, [this] { loop_.stop(); });
  }

  // In the order of construction: each part outlives those below it.
  SidecarConfig config_;
  EventLoop loop_;
  LoopTimers timers_{loop_};
  HttpEngineClient client_;
  SelfMetrics metrics_;
  Scraper scraper_;
  EngineFinder finder_;
  SnapshotPublisher publisher_;
  SnapshotEndpoint snapshots_;
  ScrapeLoop scrapes_;
  Endpoints endpoints_;
  std::unique_ptr<HttpServer> server_;
  bool stopping_ = false;
};

}  // namespace

int run_sidecar(const SidecarConfig& config) { return Sidecar(config).run(); }

}  // namespace leadline
