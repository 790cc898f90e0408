// SelfServer answers 9735 over plain HTTP: the adapter's own metrics and its health, and nothing
// that tells of a workload. An HttpHandler without a socket of its own. Thread-safe.

#pragma once

#include "adapter/probes.h"
#include "adapter/self_metrics.h"
#include "adapter/view.h"
#include "daemon/http_server.h"

namespace leadline {

class SelfServer {
 public:
  // All references outlive it.
  SelfServer(SelfMetrics& metrics, const ViewCell& views, const Probes& probes, Clock clock);

  [[nodiscard]] HttpResponse answer(const HttpRequest& request) const;

 private:
  SelfMetrics& metrics_;
  const ViewCell& views_;
  const Probes& probes_;
  Clock clock_;
};

}  // namespace leadline
