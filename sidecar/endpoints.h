// Endpoints is what the sidecar answers: `/snapshot`, `/metrics`, `/healthz`, `/livez`, `/readyz`.
// The HTTP server's handler. The loop's thread only.
//
// Alive = the loop turns. Ready = it listens and has looked for the engine once; readiness does not
// follow the engine's, since a native sidecar's readiness gates the pod and its engine with it.

#pragma once

#include <string>

#include "base/clock.h"
#include "daemon/http_server.h"
#include "sidecar/scrape_loop.h"
#include "sidecar/self_metrics.h"
#include "sidecar/snapshot_endpoint.h"

namespace leadline {

class Endpoints {
 public:
  // All outlive it.
  struct Parts {
    ScrapeLoop& loop;
    SnapshotEndpoint& snapshots;
    SnapshotPublisher& publisher;
    SelfMetrics& metrics;
    Clock clock;
  };
  explicit Endpoints(Parts parts) : parts_(std::move(parts)) {}

  void handle(const HttpRequest& request, Respond respond);

  // The server whose counters `/metrics` shows; it is made after us, since we are its handler.
  void watch(const HttpServer& server) { server_ = &server; }

 private:
  [[nodiscard]] HttpResponse metrics_page() const;
  [[nodiscard]] HttpResponse health(bool verbose) const;
  [[nodiscard]] HttpResponse readiness(bool verbose) const;
  [[nodiscard]] std::string engine_line() const;

  Parts parts_;
  const HttpServer* server_ = nullptr;
};

}  // namespace leadline
