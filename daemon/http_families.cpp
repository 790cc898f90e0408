#include "daemon/http_families.h"

#include <utility>

namespace leadline {
namespace {

struct Row {
  const char* name;
  const char* help;
  std::uint64_t HttpServerStats::* count;
};

constexpr Row kGauges[] = {
    {"connections", "Open connections.", &HttpServerStats::open_connections},
    {"parked_requests", "Requests that wait for their answer.", &HttpServerStats::parked_requests},
};

constexpr Row kCounters[] = {
    {"accepted_connections_total", "Connections accepted.", &HttpServerStats::accepted},
    {"refused_connections_total", "Connections over the limit.", &HttpServerStats::refused},
    {"accept_errors_total", "Failed accepts: mostly no file descriptors left.",
     &HttpServerStats::accept_errors},
    {"handshake_errors_total", "TLS handshakes that failed or took too long.",
     &HttpServerStats::handshake_errors},
    {"requests_total", "Well-formed requests.", &HttpServerStats::requests},
    {"bad_requests_total", "Requests refused as malformed, too large or too slow.",
     &HttpServerStats::bad_requests},
    {"parked_refused_total", "Requests answered 429: too many waited.",
     &HttpServerStats::parked_refused},
    {"handler_errors_total", "Requests answered 500 because of an exception.",
     &HttpServerStats::handler_errors},
    {"handler_timeouts_total", "Requests answered 504: no answer in time.",
     &HttpServerStats::handler_timeouts},
    {"abandoned_total", "Requests whose client left before the answer.",
     &HttpServerStats::abandoned},
};

void add_rows(prometheus::MetricFamily family, const Row& row,
              const std::vector<HttpServerReport>& reports, Families& all) {
  for (const auto& [server, stats] : reports) {
    SeriesLabels labels;
    if (!server.empty()) labels.push_back({"server", server});
    add(family, std::move(labels), static_cast<double>(stats.*row.count));
  }
  all.push_back(std::move(family));
}

}  // namespace

void add_http_families(const std::string& prefix, const std::vector<HttpServerReport>& reports,
                       Families& all) {
  for (const Row& row : kGauges) {
    add_rows(gauge_family(prefix + row.name, row.help), row, reports, all);
  }
  for (const Row& row : kCounters) {
    add_rows(counter_family(prefix + row.name, row.help), row, reports, all);
  }
}

}  // namespace leadline
