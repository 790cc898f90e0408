// Percent-encoding (RFC 3986 §2.1). Pure.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace leadline {

// Everything but unreserved characters is encoded.
[[nodiscard]] std::string percent_encoded(std::string_view text);

// nullopt where an escape is malformed. `plus_is_space`: in queries only.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text,
                                                         bool plus_is_space = false);

}  // namespace leadline
