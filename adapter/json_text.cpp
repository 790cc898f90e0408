#include "adapter/json_text.h"

#include <algorithm>
#include <utility>

namespace leadline {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

// What Kubernetes allows in names is always plain.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
}

}  // namespace

std::string to_text(const Json& json, JsonStyle style) {
  return dump(json, style == JsonStyle::kPretty ? 2 : -1) + "\n";
}

std::string compact_text(const Json& json) {
  return dump(json, -1);
}

std::string finish_text(std::string compact, JsonStyle style) {
  if (style == JsonStyle::kPretty) return to_text(Json::parse(compact), style);
  compact += '\n';
  return compact;
}

void append_json_string(std::string& json, std::string_view text) {
  if (!is_plain(text)) {
    json += compact_text(Json(text));
    return;
  }
  json += '"';
  json += text;
  json += '"';
}

}  // namespace leadline
