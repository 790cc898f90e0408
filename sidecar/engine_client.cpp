#include "sidecar/engine_client.h"

#include <utility>

#include "sidecar/scrape_interval.h"

namespace leadline {

void HttpEngineClient::get(const HttpUrl& url, const std::string& bearer,
                           std::function<void(HttpResult)> done) {
  if (!connection_ || connected_to_ != authority(url)) {
    connection_ = std::make_unique<HttpConnection>(loop_, url);
    connected_to_ = authority(url);
  }
  HttpGet request{.target = url.path,
                  .headers = {{"Accept", "text/plain;version=0.0.4"}},
                  .body_limit = kPageLimit,
                  .timeout = kScrapeTimeout};
  if (!bearer.empty()) request.headers.push_back({"Authorization", "Bearer " + bearer});
  connection_->get(std::move(request), std::move(done));
}

}  // namespace leadline
