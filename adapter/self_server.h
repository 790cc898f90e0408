// SelfServer answers 9735 over plain HTTP: the adapter's own metrics and its health, and nothing
// that tells of a workload. An HttpHandler without a socket of its own. Thread-safe.

#pragma once

#include <functional>

#include "adapter/probes.h"
#include "adapter/self_metrics.h"
#include "daemon/http_server.h"

namespace leadline {

class SelfServer {
 public:
  using Moment = std::function<SelfState()>;

  // All references outlive it.
  SelfServer(SelfMetrics& metrics, const Probes& probes, Moment moment);

  [[nodiscard]] HttpResponse answer(const HttpRequest& request) const;

 private:
  SelfMetrics& metrics_;
  const Probes& probes_;
  Moment moment_;
};

}  // namespace leadline
