// What a daemon's HTTP servers count of themselves, as Prometheus families. Pure.

#pragma once

#include <string>
#include <vector>

#include "daemon/families.h"
#include "daemon/http_server.h"

namespace leadline {

// `prefix` begins each name: "leadline_adapter_http_" gives leadline_adapter_http_connections.
void add_http_families(const std::string& prefix, const std::vector<HttpServerReport>& reports,
                       Families& all);

}  // namespace leadline
