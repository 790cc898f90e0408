// read_page says what an answer to a scrape is: which engine printed it and what it says, or why it
// is no engine's page. Detection and dialects live in engine/; this adds what only HTTP tells
// (status, content type, shape of the body) and the words for a person. Pure.

#pragma once

#include "daemon/http_connection.h"
#include "engine/dialect.h"
#include "sidecar/scrape_outcome.h"

namespace leadline {

// `forced`: the dialect that the operator names; nullptr: recognise the engine.
// Fills result, why, engine, reading and bytes.
[[nodiscard]] ScrapeOutcome read_page(const HttpAnswer& answer, const Dialect* forced);

}  // namespace leadline
