// Splits a raw HTTP request target into decoded path segments and query parameters. Beast hands the
// target over undecoded, so `%2A`, `%2F` and `+` are told apart here and nowhere else. Pure.
// Source: kubernetes-metrics-api.md §1.2, §1.3; RFC 3986.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/api_error.h"

namespace leadline {

struct RequestTarget {
  std::string path;                   // as received, without query, for messages and authorisation
  std::vector<std::string> segments;  // decoded; a trailing slash leaves no empty one
  // The first value of each parameter, `+` and `%20` being a space; malformed pairs are dropped.
  std::map<std::string, std::string, std::less<>> parameters;
  // The last pair that is not among them, as received: malformed, or of a name that was there.
  std::string dropped;

  std::optional<std::string_view> parameter(std::string_view name) const;
};

// 400 where the path has a malformed escape or a control character, 404 where a segment decodes to
// something with a `/` (kube-apiserver would have made it a separator) or the path has an empty
// one.
[[nodiscard]] ApiResult<RequestTarget> parse_request_target(std::string_view raw);

// What Go's boolean query parameters mean: absent, `false` and `0` are false, all else is true.
bool flag_is_set(std::optional<std::string_view> value);

}  // namespace leadline
