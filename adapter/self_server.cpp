#include "adapter/self_server.h"

#include <utility>

namespace leadline {

SelfServer::SelfServer(SelfMetrics& metrics, const Probes& probes, Moment moment)
    : metrics_(metrics), probes_(probes), moment_(std::move(moment)) {}

HttpResponse SelfServer::answer(const HttpRequest& request) const {
  if (request.method != "GET") return make_response(405, "text/plain", "GET only\n");
  const auto target = parse_request_target(request.target);
  if (!target) return make_response(target.error().http_status, "text/plain", "bad path\n");
  if (auto health = probes_.answer(*target)) return std::move(*health);
  if (target->segments.size() != 1 || target->segments.front() != "metrics") {
    return make_response(404, "text/plain", "here are /metrics /healthz /livez /readyz\n");
  }
  return make_response(200, "text/plain; version=0.0.4; charset=utf-8", metrics_.text(moment_()));
}

}  // namespace leadline
