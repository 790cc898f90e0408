#include "adapter/content_negotiation.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii_case.h"

namespace leadline {
namespace {

constexpr std::size_t kMaxClauses = 64;
constexpr std::string_view kSpace = " \t";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Cuts the part before `separator` off the front of `rest`.
std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return trim(part);
}

MediaClause parse_clause(std::string_view text) {
  MediaClause clause;
  clause.type = ascii_lower(take_until(text, ';'));
  while (!text.empty()) {
    std::string_view value = take_until(text, ';');
    const std::string_view name = take_until(value, '=');
    value = trim(value);
    if (value.size() >= 2 && value.starts_with('"') && value.ends_with('"')) {
      value = value.substr(1, value.size() - 2);
    }
    clause.parameters.emplace(ascii_lower(name), value);
  }
  return clause;
}

std::string_view parameter(const MediaClause& clause, std::string_view name) {
  const auto found = clause.parameters.find(name);
  return found == clause.parameters.end() ? std::string_view() : std::string_view(found->second);
}

bool is_json(const MediaClause& clause) {
  return clause.type == "application/json" || clause.type == "application/*" ||
         clause.type == "*/*";
}

// `as` asks for another shape than the resource's own.
bool asks_for(const MediaClause& clause, std::string_view as, std::string_view group,
              std::string_view version) {
  return parameter(clause, "as") == as && parameter(clause, "g") == group &&
         parameter(clause, "v") == version;
}

std::optional<DiscoveryFormat> discovery_format(const MediaClause& clause) {
  constexpr std::string_view kAs = "APIGroupDiscoveryList";
  constexpr std::string_view kGroup = "apidiscovery.k8s.io";
  if (!is_json(clause)) return std::nullopt;
  if (parameter(clause, "as").empty()) return DiscoveryFormat::kLegacy;
  if (asks_for(clause, kAs, kGroup, "v2")) return DiscoveryFormat::kAggregatedV2;
  if (asks_for(clause, kAs, kGroup, "v2beta1")) return DiscoveryFormat::kAggregatedV2beta1;
  return std::nullopt;
}

std::optional<DataFormat> data_format(const MediaClause& clause, bool table_served) {
  if (!is_json(clause)) return std::nullopt;
  if (parameter(clause, "as").empty()) return DataFormat::kJson;
  if (!table_served) return std::nullopt;
  if (asks_for(clause, "Table", "meta.k8s.io", "v1")) return DataFormat::kTableV1;
  if (asks_for(clause, "Table", "meta.k8s.io", "v1beta1")) return DataFormat::kTableV1beta1;
  return std::nullopt;
}

}  // namespace

std::vector<MediaClause> parse_accept(std::string_view accept) {
  std::vector<MediaClause> clauses;
  while (!accept.empty() && clauses.size() < kMaxClauses) {
    const std::string_view text = take_until(accept, ',');
    if (!text.empty()) clauses.push_back(parse_clause(text));
  }
  return clauses;
}

std::optional<DiscoveryFormat> negotiate_discovery(std::string_view accept) {
  const auto clauses = parse_accept(accept);
  if (clauses.empty()) return DiscoveryFormat::kLegacy;
  for (const auto& clause : clauses) {
    if (const auto format = discovery_format(clause)) return format;
  }
  return std::nullopt;
}

std::optional<DataFormat> negotiate_data(std::string_view accept, bool table_served) {
  const auto clauses = parse_accept(accept);
  if (clauses.empty()) return DataFormat::kJson;
  for (const auto& clause : clauses) {
    if (const auto format = data_format(clause, table_served)) return format;
  }
  return std::nullopt;
}

std::string_view content_type_of(DiscoveryFormat format) {
  switch (format) {
    case DiscoveryFormat::kAggregatedV2:
      return "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    case DiscoveryFormat::kAggregatedV2beta1:
      return "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
    case DiscoveryFormat::kLegacy:
      break;
  }
  return kJsonContentType;
}

JsonStyle negotiate_style(std::optional<std::string_view> pretty, std::string_view user_agent) {
  // Go's strconv.ParseBool; what it cannot read is false.
  constexpr std::array<std::string_view, 6> kTrue = {"1", "t", "T", "true", "TRUE", "True"};
  bool indented = user_agent.starts_with("curl") || user_agent.starts_with("Wget") ||
                  user_agent.starts_with("Mozilla/5.0");
  if (pretty && !pretty->empty()) indented = std::ranges::find(kTrue, *pretty) != kTrue.end();
  return indented ? JsonStyle::kPretty : JsonStyle::kCompact;
}

bool etag_matches(std::string_view if_none_match, std::string_view etag) {
  while (!if_none_match.empty()) {
    std::string_view tag = take_until(if_none_match, ',');
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == "*" || tag == etag) return true;
  }
  return false;
}

}  // namespace leadline
