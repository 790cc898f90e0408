// Picks the form of an answer from what the client accepts: its clauses are tried in the client's
// order, weights are ignored as the API machinery's own clients ignore them. Pure.
// Source: kubernetes-metrics-api.md §3.2, §6.6–6.10.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/json_text.h"

namespace leadline {

// One clause of an Accept header: `application/json;as=Table;v=v1`. At most 64 are read.
struct MediaClause {
  std::string type;                                            // lower case
  std::map<std::string, std::string, std::less<>> parameters;  // names lower case
};
std::vector<MediaClause> parse_accept(std::string_view accept);

enum class DiscoveryFormat { kAggregatedV2, kAggregatedV2beta1, kLegacy };

// For GET /apis. nullopt: 406. An absent Accept header is an empty string, and means JSON.
std::optional<DiscoveryFormat> negotiate_discovery(std::string_view accept);

enum class DataFormat { kJson, kTableV1, kTableV1beta1 };

// For everything else. Where no table is served its clauses are skipped. nullopt: 406.
std::optional<DataFormat> negotiate_data(std::string_view accept, bool table_served);

// The Content-Type that each form is announced with.
std::string_view content_type_of(DiscoveryFormat format);
inline constexpr std::string_view kJsonContentType = "application/json";

// `?pretty` decides; without it people's programs (curl, Wget, browsers) get it.
JsonStyle negotiate_style(std::optional<std::string_view> pretty, std::string_view user_agent);

// Whether an If-None-Match header names `etag` (given with its quotes): a list, weak tags, `*`.
bool etag_matches(std::string_view if_none_match, std::string_view etag);

}  // namespace leadline
