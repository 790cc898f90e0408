#include "sidecar/scraper.h"

#include <utility>

#include <fmt/format.h>

#include "sidecar/page_reader.h"

namespace leadline {
namespace {

ScrapeResult result_of(HttpFailure failure) {
  switch (failure) {
    case HttpFailure::kRefused:
    case HttpFailure::kUnreachable:
      return ScrapeResult::kRefused;
    case HttpFailure::kReset:
      return ScrapeResult::kReset;
    case HttpFailure::kTimeout:
      return ScrapeResult::kTimeout;
    case HttpFailure::kTooLarge:
      return ScrapeResult::kTooLarge;
    case HttpFailure::kBadAnswer:
      return ScrapeResult::kBadAnswer;
  }
  return ScrapeResult::kBadAnswer;
}

}  // namespace

std::string to_text(const HttpUrl& endpoint) {
  return fmt::format("{}://{}{}", endpoint.scheme, authority(endpoint), endpoint.path);
}

Scraper::Scraper(EngineClient& client, ScraperSettings settings, Clock clock, SelfMetrics& metrics)
    : client_(client),
      dialect_(std::move(settings.dialect)),
      token_(std::move(settings.token), std::move(settings.token_file)),
      clock_(std::move(clock)),
      metrics_(metrics),
      last_began_(clock_().steady) {}

void Scraper::scrape(const HttpUrl& endpoint, Done done) {
  const Instant started = clock_();
  last_began_ = started.steady;
  client_.get(endpoint, token_.token(),
              [this, name = to_text(endpoint), started, done = std::move(done)](
                  const HttpResult& answer) { finish(name, started, answer, done); });
}

void Scraper::finish(const std::string& endpoint, Instant started, const HttpResult& answer,
                     const Done& done) {
  const auto duration = clock_().steady - started.steady;  // without our own reading of the page
  ScrapeOutcome outcome = outcome_of(answer);
  outcome.started = started;
  outcome.duration = duration;
  if (outcome.result == ScrapeResult::kDraining) draining_.insert(endpoint);
  if (outcome.result == ScrapeResult::kUnauthorized) {
    if (const auto loaded = token_.reload(); !loaded) outcome.why += "; " + loaded.error().message;
  }
  metrics_.count(outcome);
  done(std::move(outcome));
}

ScrapeOutcome Scraper::outcome_of(const HttpResult& answer) const {
  if (answer) return read_page(*answer, dialect_.get());
  ScrapeOutcome outcome;
  outcome.result = result_of(answer.error().failure);
  outcome.why = answer.error().error.message;
  return outcome;
}

bool Scraper::is_draining(const HttpUrl& endpoint) const {
  return draining_.contains(to_text(endpoint));
}

}  // namespace leadline
