// What a request's raw path and query say. Pure.

#pragma once

#include <optional>
#include <string_view>

namespace leadline {

// "/snapshot" of "/snapshot?after=1&wait_ms=2".
[[nodiscard]] std::string_view path_of(std::string_view raw);

// The value of the first `name=value`, not percent-decoded: our own values need no escaping.
// `name` alone has an empty value; nullopt where the query does not name it.
[[nodiscard]] std::optional<std::string_view> query_value(std::string_view raw,
                                                          std::string_view name);

}  // namespace leadline
