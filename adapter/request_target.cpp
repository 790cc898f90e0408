#include "adapter/request_target.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "adapter/percent.h"
#include "base/ascii_case.h"

namespace leadline {
namespace {

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
}

ApiResult<std::vector<std::string>> split_path(std::string_view path) {
  std::string_view rest = path;
  if (!rest.starts_with('/')) return tl::unexpected(bad_request("invalid request path"));
  rest.remove_prefix(1);
  std::vector<std::string> segments;
  if (rest.empty()) return segments;
  if (rest.size() > 1 && rest.ends_with('/')) rest.remove_suffix(1);
  while (true) {
    const std::size_t slash = rest.find('/');
    auto segment = percent_decoded(rest.substr(0, slash));
    if (!segment || has_control_character(*segment)) {
      return tl::unexpected(bad_request(
          fmt::format("invalid request path: malformed \"{}\"", rest.substr(0, slash))));
    }
    if (segment->empty() || segment->find('/') != std::string::npos) {
      return tl::unexpected(path_not_found(path));
    }
    segments.push_back(std::move(*segment));
    if (slash == std::string_view::npos) return segments;
    rest.remove_prefix(slash + 1);
  }
}

// As Go reads a query: a pair with a semicolon or a malformed escape is as if it had not been sent.
// Whether it is among the parameters now.
bool add_parameter(RequestTarget& target, std::string_view pair) {
  if (pair.find(';') != std::string_view::npos) return false;
  const std::size_t equals = pair.find('=');
  auto name = percent_decoded(pair.substr(0, equals), /*plus_is_space=*/true);
  auto value = percent_decoded(
      equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1),
      /*plus_is_space=*/true);
  return name && value && target.parameters.emplace(std::move(*name), std::move(*value)).second;
}

}  // namespace

std::optional<std::string_view> RequestTarget::parameter(std::string_view name) const {
  const auto found = parameters.find(name);
  if (found == parameters.end()) return std::nullopt;
  return found->second;
}

ApiResult<RequestTarget> parse_request_target(std::string_view raw) {
  RequestTarget target;
  const std::size_t question = raw.find('?');
  target.path = raw.substr(0, question);
  auto segments = split_path(target.path);
  if (!segments) return tl::unexpected(std::move(segments.error()));
  target.segments = std::move(*segments);
  std::string_view query = question == std::string_view::npos ? "" : raw.substr(question + 1);
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    if (!pair.empty() && !add_parameter(target, pair)) target.dropped = pair;
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
  }
  return target;
}

bool flag_is_set(std::optional<std::string_view> value) {
  if (!value || *value == "0") return false;
  return !equal_ignoring_case(*value, "false");
}

}  // namespace leadline
