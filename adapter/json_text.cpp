#include "adapter/json_text.h"

namespace leadline {

std::string to_text(const nlohmann::ordered_json& json, JsonStyle style) {
  const int indent = style == JsonStyle::kPretty ? 2 : -1;
  return json.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace leadline
