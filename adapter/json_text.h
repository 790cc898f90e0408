// JSON documents as response bodies. Never throws: bytes that are not UTF-8 become U+FFFD.

#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace leadline {

enum class JsonStyle {
  kCompact,
  kPretty
};  // pretty: two spaces, as `kubectl get --raw | jq` users expect

// Ends with a newline, as the Go API servers' answers do.
std::string to_text(const nlohmann::ordered_json& json, JsonStyle style);

}  // namespace leadline
