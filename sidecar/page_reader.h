// read_page says what an answer to a scrape is: which engine printed it and what it says, or why it
// is no engine's page. Detection and dialects live in engine/; this adds what only HTTP tells (status,
// content type, shape of the body) and the words for a person. Pure.

#pragma once

#include <string_view>

#include "daemon/http_connection.h"
#include "sidecar/scrape_outcome.h"

namespace leadline {

// `forced`: the engine id that the operator names; empty: recognise it.
// Fills result, why, engine, reading and bytes.
[[nodiscard]] ScrapeOutcome read_page(const HttpAnswer& answer, std::string_view forced);

}  // namespace leadline
