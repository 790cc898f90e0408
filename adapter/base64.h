// Base64 (RFC 4648 §4), as Kubernetes writes Secrets and kubeconfigs. Pure.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace leadline {

[[nodiscard]] std::string encode_base64(std::string_view bytes);

// Line breaks are skipped; nullopt for anything else that is not base64.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

}  // namespace leadline
