// ApiServer answers every request on 6443: who asks, may they, what do they ask for, and in which
// form do they want it. It routes and words answers; values come from MetricService, arithmetic
// from engine/. An HttpHandler without a socket of its own. Thread-safe. Source:
// kubernetes-metrics-api.md §1–3, §5, §6.

#pragma once

#include <string>

#include "adapter/api_documents.h"
#include "adapter/caller_identity.h"
#include "adapter/metric_service.h"
#include "adapter/probes.h"
#include "adapter/self_metrics.h"
#include "daemon/http_server.h"

namespace leadline {

// What it answers from; all outlive it.
struct ApiParts {
  const CallerIdentity& identity;
  const MetricService& service;
  const ApiDocuments& documents;
  const Probes& probes;
  SelfMetrics& metrics;
  Clock clock = system_now;
};

class ApiServer {
 public:
  explicit ApiServer(ApiParts parts) : parts_(std::move(parts)) {}

  void handle(const HttpRequest& request, const Respond& respond) const;

  // The answer itself, at once: everything is in memory.
  [[nodiscard]] HttpResponse answer(const HttpRequest& request) const;

 private:
  struct Context;  // one request with what was found out about it
  using Answer = ApiResult<HttpResponse>;

  [[nodiscard]] Answer route(const HttpRequest& request, Context& context) const;
  [[nodiscard]] Answer groups(const Context& context) const;
  [[nodiscard]] Answer document(const Context& context) const;
  [[nodiscard]] Answer metric(Context& context) const;
  [[nodiscard]] Answer custom(const MetricQuery& query, const Context& context) const;
  [[nodiscard]] Answer external(const MetricQuery& query, const Context& context) const;

  ApiParts parts_;
};

}  // namespace leadline
