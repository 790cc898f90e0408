// The sidecar's own families: what it did, how old its values are, what it costs. Pure.

#pragma once

#include "base/clock.h"
#include "daemon/families.h"
#include "daemon/http_server.h"
#include "sidecar/scrape_loop.h"
#include "sidecar/snapshot_endpoint.h"

namespace leadline {

struct SelfState {
  const ScrapeLoop& loop;
  const SelfMetrics& metrics;
  PollStats polls;
  HttpServerStats http;
  std::size_t snapshot_bytes = 0;
};

[[nodiscard]] Families self_families(const SelfState& self, SteadyTime now);

}  // namespace leadline
