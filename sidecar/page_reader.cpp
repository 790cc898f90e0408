#include "sidecar/page_reader.h"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "engine/detection.h"
#include "engine/dialect.h"
#include "engine/exposition.h"
#include "engine/page.h"

namespace leadline {
namespace {

ScrapeOutcome outcome_of(ScrapeResult result, std::string why) {
  ScrapeOutcome outcome;
  outcome.result = result;
  outcome.why = std::move(why);
  return outcome;
}

// An engine that says in its own words that it is there and has no page, or none yet, is starting.
ScrapeOutcome refusal(int status, const Page& page) {
  if (status == 401 || status == 403) {
    return outcome_of(ScrapeResult::kUnauthorized,
                      fmt::format("HTTP {}: the page needs a key (engine_token_file)", status));
  }
  if (shape_of(page) != PageShape::kJsonObject)
    return outcome_of(ScrapeResult::kBadStatus, fmt::format("HTTP {}", status));
  const Detection found = detect_engine(page);
  ScrapeOutcome outcome =
      outcome_of(found.engine.empty() ? ScrapeResult::kBadStatus : ScrapeResult::kNoSeries,
                 fmt::format("HTTP {}: {}", status, found.why));
  outcome.engine = found.engine;
  return outcome;
}

ScrapeOutcome translate(const Dialect& dialect, const Page& page, std::string why) {
  auto reading = dialect.read(page);
  if (!reading) return outcome_of(ScrapeResult::kBadPage, reading.error().message);
  if (reading->series.empty()) {
    return outcome_of(ScrapeResult::kNoSeries,
                      fmt::format("a page without any series of {}", dialect.id()));
  }
  ScrapeOutcome outcome = outcome_of(ScrapeResult::kOk, std::move(why));
  outcome.reading = std::move(*reading);
  return outcome;
}

ScrapeOutcome recognise(const Page& page) {
  Detection found = detect_engine(page);
  ScrapeOutcome outcome;
  if (found.draining) {
    outcome = outcome_of(ScrapeResult::kDraining, std::move(found.why));
  } else if (found.state == PageState::kFound && found.dialect != nullptr) {
    outcome = translate(*found.dialect, page, std::move(found.why));
  } else if (found.state == PageState::kFound) {
    outcome = outcome_of(ScrapeResult::kNoDialect, std::move(found.why));
  } else if (found.state == PageState::kNoSeries) {
    outcome = outcome_of(ScrapeResult::kNoSeries, std::move(found.why));
  } else {
    outcome = outcome_of(ScrapeResult::kBadPage, std::move(found.why));
  }
  outcome.engine = found.engine;
  return outcome;
}

ScrapeOutcome read_as(const Dialect& forced, const Page& page) {
  ScrapeOutcome outcome = translate(forced, page, "the configuration says so");
  outcome.engine = forced.id();
  return outcome;
}

// Exporters say text/plain (prometheus_client: version=1.0.0 too) or application/openmetrics-text.
// A page that says anything else is judged by its content, and said to be odd.
bool names_an_exposition(std::string_view content_type) {
  return content_type.empty() || content_type.starts_with("text/plain") ||
         content_type.starts_with("application/openmetrics-text");
}

}  // namespace

ScrapeOutcome read_page(const HttpAnswer& answer, const Dialect* forced) {
  const Page page{
      .body = answer.body,
      .content_type = answer.content_type,
      .process_start = number_from(first_header(answer.headers, "Process-Start-Time-Unix"))};
  ScrapeOutcome outcome = answer.status != 200 ? refusal(answer.status, page)
                          : forced == nullptr  ? recognise(page)
                                               : read_as(*forced, page);
  outcome.bytes = answer.body.size();
  if (outcome.reading && !names_an_exposition(answer.content_type)) {
    outcome.odd_content_type = answer.content_type;
  }
  return outcome;
}

}  // namespace leadline
