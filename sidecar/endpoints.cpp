#include "sidecar/endpoints.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "sidecar/prometheus_page.h"
#include "sidecar/query.h"
#include "sidecar/self_families.h"
#include "sidecar/signal_families.h"

namespace leadline {
namespace {

constexpr const char* kPlainText = "text/plain; charset=utf-8";

constexpr const char* kIndex =
    "leadline-sidecar\n"
    "/metrics   Prometheus text\n"
    "/snapshot  for the adapter: ?after=TOKEN&wait_ms=\n"
    "/healthz /livez /readyz   ?verbose says more\n";

HttpResponse not_allowed() {
  HttpResponse response = make_response(405, kPlainText, "only GET and HEAD\n");
  response.headers.push_back({"Allow", "GET, HEAD"});
  return response;
}

HttpResponse probe(bool good, bool verbose, const std::string& lines) {
  std::string text = verbose ? lines : "";
  text += good ? "ok\n" : "not ok\n";
  return make_response(good ? 200 : 503, kPlainText, std::move(text));
}

std::string check_line(bool good, std::string_view name, std::string_view text) {
  return fmt::format("[{}]{} {}\n", good ? '+' : '-', name, text);
}

}  // namespace

void Endpoints::handle(const HttpRequest& request, Respond respond) {
  parts_.loop.expire_values();
  if (request.method != "GET" && request.method != "HEAD") return respond(not_allowed());
  const std::string_view path = path_of(request.target);
  const bool verbose = query_value(request.target, "verbose").has_value();
  if (path == "/snapshot") return parts_.snapshots.handle(request, std::move(respond));
  if (path == "/metrics") return respond(metrics_page());
  if (path == "/healthz" || path == "/livez") return respond(health(verbose));
  if (path == "/readyz") return respond(readiness(verbose));
  if (path == "/") return respond(make_response(200, kPlainText, kIndex));
  respond(make_response(404, kPlainText, kIndex));
}

HttpResponse Endpoints::metrics_page() const {
  const SteadyTime now = parts_.clock().steady;
  Families families = signal_families(*parts_.loop.tracker().view(), now);
  const SelfState self{.loop = parts_.loop,
                       .metrics = parts_.metrics,
                       .polls = parts_.snapshots.stats(),
                       .http = server_ ? server_->stats() : HttpServerStats{},
                       .snapshot_bytes = parts_.publisher.body()->size()};
  for (auto& family : self_families(self, now)) families.push_back(std::move(family));
  return make_response(200, kPrometheusText, prometheus_page(families));
}

HttpResponse Endpoints::health(bool verbose) const {
  const bool alive = parts_.loop.alive();
  return probe(alive, verbose,
               check_line(alive, "loop", alive ? "turns" : "began no scrape for too long"));
}

HttpResponse Endpoints::readiness(bool verbose) const {
  const bool tried = parts_.loop.tried_once();
  return probe(
      tried, verbose,
      check_line(tried, "tried", tried ? "the engine was looked for" : "not yet") + engine_line());
}

std::string Endpoints::engine_line() const {
  const EngineView& view = *parts_.loop.tracker().view();
  const bool up = view.sampled_at.has_value();
  std::string text = fmt::format("{}", state_name(view.state));
  if (!view.engine.empty()) text += fmt::format(": {} at {}", view.engine, view.endpoint);
  if (up) {
    const auto age = parts_.clock().steady - *view.sampled_at;
    text += fmt::format(", sampled {:.1f} s ago", std::chrono::duration<double>(age).count());
  }
  return check_line(up, "engine", text + " (readiness does not follow it)");
}

}  // namespace leadline
