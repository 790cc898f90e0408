// JSON documents as response bodies. Never throws: bytes that are not UTF-8 become U+FFFD.

#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace leadline {

enum class JsonStyle {
  kCompact,
  kPretty
};  // pretty: two spaces, as `kubectl get --raw | jq` users expect

// Ends with a newline, as the Go API servers' answers do.
std::string to_text(const nlohmann::ordered_json& json, JsonStyle style);

// Without blanks or a newline: a part of a document that is written as text.
std::string compact_text(const nlohmann::ordered_json& json);

// to_text() of a document that was written as text, compactly. REQUIRES: it is JSON.
std::string finish_text(std::string compact, JsonStyle style);

// Appends `text` as a JSON string, quotes included.
void append_json_string(std::string& json, std::string_view text);

}  // namespace leadline
