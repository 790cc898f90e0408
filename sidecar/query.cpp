#include "sidecar/query.h"

#include <algorithm>

namespace leadline {

std::string_view path_of(std::string_view raw) {
  return raw.substr(0, raw.find('?'));
}

std::optional<std::string_view> query_value(std::string_view raw, std::string_view name) {
  const auto mark = std::min(raw.find('?'), raw.size());
  std::string_view rest = raw.substr(std::min(mark + 1, raw.size()));
  while (!rest.empty()) {
    const auto end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const auto equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) != name) continue;
    return pair.substr(std::min(equals + 1, pair.size()));
  }
  return std::nullopt;
}

}  // namespace leadline
