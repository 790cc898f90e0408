// Scraper makes one scrape of one endpoint: GET, read the page, say what it came to. It holds the
// engine's key, reads it again after a 401, and remembers endpoints that must not be read again.
// The finder and the scrape loop share one. The loop's thread only.

#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "base/clock.h"
#include "daemon/token_file.h"
#include "engine/dialect.h"
#include "sidecar/engine_client.h"
#include "sidecar/scrape_outcome.h"
#include "sidecar/self_metrics.h"

namespace leadline {

struct ScraperSettings {
  std::shared_ptr<const Dialect> dialect;  // nullptr: recognise the engine
  std::string token;                       // the engine's key; empty: none
  std::string token_file;                  // where to read it again; empty: nowhere
};

class Scraper {
 public:
  Scraper(EngineClient& client, ScraperSettings settings, Clock clock, SelfMetrics& metrics);

  using Done = std::function<void(ScrapeOutcome)>;

  // Calls `done` once, at latest after kScrapeTimeout. REQUIRES: no scrape in flight.
  void scrape(const HttpUrl& endpoint, Done done);

  // Whether this endpoint answered a JSON array: reading such a page destroys what it tells.
  [[nodiscard]] bool is_draining(const HttpUrl& endpoint) const;

  // When the last scrape began: whether the loop still turns.
  [[nodiscard]] SteadyTime last_began() const { return last_began_; }

 private:
  [[nodiscard]] ScrapeOutcome outcome_of(const HttpResult& answer) const;
  void finish(const std::string& endpoint, Instant started, const HttpResult& answer,
              const Done& done);

  EngineClient& client_;
  std::shared_ptr<const Dialect> dialect_;
  TokenFile token_;
  Clock clock_;
  SelfMetrics& metrics_;
  SteadyTime last_began_;
  std::set<std::string> draining_;  // at most as many as there are candidates
};

// "http://127.0.0.1:8000/metrics": how logs and `--once` name an endpoint.
[[nodiscard]] std::string to_text(const HttpUrl& endpoint);

}  // namespace leadline
