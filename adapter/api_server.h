// ApiServer answers every request on 6443: who asks, may they, what do they ask for, and in which
// form do they want it. It routes and words answers; who may is the Gatekeeper's word, values come
// from MetricService, arithmetic from engine/. An HttpHandler without a socket of its own, on the
// serving loop. Source: kubernetes-metrics-api.md §1–3, §5, §6.

#pragma once

#include <memory>
#include <optional>

#include "adapter/api_documents.h"
#include "adapter/gatekeeper.h"
#include "adapter/json_door.h"
#include "adapter/metric_service.h"
#include "adapter/probes.h"
#include "adapter/redis/queue_service.h"
#include "adapter/self_metrics.h"
#include "daemon/http_server.h"

namespace leadline {

// What it answers from; all outlive it.
struct ApiParts {
  Gatekeeper& gatekeeper;
  const MetricService& service;
  const ApiDocuments& documents;
  const Probes& probes;
  SelfMetrics& metrics;
  Clock clock = system_now;
  const QueueService* queues = nullptr;  // nullptr: no queue is configured
  const JsonDoor* json_door = nullptr;   // nullptr: KEDA is not answered here
};

class ApiServer {
 public:
  explicit ApiServer(ApiParts parts) : parts_(std::move(parts)) {}

  // Answers at once, unless the gatekeeper has to ask somebody first. The server must outlive that.
  void handle(const HttpRequest& request, const Respond& respond) const;

 private:
  struct Context;  // one request with what was found out about it
  using Answer = ApiResult<HttpResponse>;

  void finish(const Context& context, Answer answer) const;
  [[nodiscard]] Answer answer(const Context& context) const;
  [[nodiscard]] Answer groups(const Context& context) const;
  [[nodiscard]] Answer document(const Context& context) const;
  [[nodiscard]] Answer custom(const MetricQuery& query, const Context& context) const;
  [[nodiscard]] Answer external(const MetricQuery& query, const Context& context) const;
  [[nodiscard]] Answer keda(const Context& context) const;

  ApiParts parts_;
};

}  // namespace leadline
