#include "adapter/document_reader.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "daemon/yaml.h"

namespace leadline {
namespace {

using nlohmann::json;

// What a person sees of the offending value: not a whole document.
std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

const json* find(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string join(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

}  // namespace

Result<json> parse_document(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return fail(Errc::kBadInput, "the document is empty");
  if (text[first] == '{') {
    json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
    // What is no JSON may still be YAML's flow style: `{pods: []}`.
    if (!parsed.is_discarded()) return parsed;
  }
  return parse_yaml(text);
}

void DocumentReader::error(std::string_view path, std::string_view problem) {
  if (++total_ > kMaxErrors) return;
  errors_.push_back(path.empty() ? std::string(problem) : fmt::format("{}: {}", path, problem));
}

std::string DocumentReader::text(const json& object, const char* key, std::string_view path) {
  const json* value = find(object, key);
  if (value == nullptr) return {};
  if (value->is_string()) return value->get<std::string>();
  error(join(path, key), fmt::format("{} must be text", shown(*value)));
  return {};
}

bool DocumentReader::flag(const json& object, const char* key, std::string_view path,
                          bool otherwise) {
  const json* value = find(object, key);
  if (value == nullptr) return otherwise;
  if (value->is_boolean()) return value->get<bool>();
  error(join(path, key), fmt::format("{} must be true or false", shown(*value)));
  return otherwise;
}

std::uint16_t DocumentReader::port(const json& object, const char* key, std::string_view path) {
  const json* value = find(object, key);
  if (value == nullptr) return 0;
  const bool in_range =
      value->is_number_integer() && value->get<double>() >= 0 && value->get<double>() <= 65535;
  if (in_range) return value->get<std::uint16_t>();
  error(join(path, key), fmt::format("{} must be in [0, 65535]", shown(*value)));
  return 0;
}

Labels DocumentReader::labels(const json& object, const char* key, std::string_view path) {
  Labels labels;
  const json* value = find(object, key);
  if (value == nullptr) return labels;
  const std::string place = join(path, key);
  if (!value->is_object()) {
    error(place, fmt::format("{} must be a map of text", shown(*value)));
    return labels;
  }
  for (const auto& [name, label] : value->items()) {
    if (label.is_string()) {
      labels[name] = label.get<std::string>();
    } else {
      error(join(place, name), fmt::format("{} must be text (quote it)", shown(label)));
    }
  }
  return labels;
}

std::string DocumentReader::required_text(const json& object, const char* key,
                                          std::string_view path) {
  const std::size_t before = total_;
  std::string value = text(object, key, path);
  if (value.empty() && total_ == before) error(join(path, key), "is required");
  return value;
}

bool DocumentReader::object_with(const json& value, std::initializer_list<std::string_view> allowed,
                                 std::string_view path) {
  if (!value.is_object()) {
    error(path, fmt::format("{} must be a map", shown(value)));
    return false;
  }
  for (const auto& [key, ignored] : value.items()) {
    if (std::find(allowed.begin(), allowed.end(), key) != allowed.end()) continue;
    error(join(path, key), fmt::format("is not a key here; known: {}", fmt::join(allowed, ", ")));
  }
  return true;
}

const json& DocumentReader::list(const json& object, const char* key) {
  static const json kEmpty = json::array();
  const json* value = find(object, key);
  if (value == nullptr) return kEmpty;
  if (value->is_array()) return *value;
  error(key, fmt::format("{} must be a list", shown(*value)));
  return kEmpty;
}

std::string DocumentReader::errors() const {
  std::string text = fmt::format("{}", fmt::join(errors_, "\n"));
  if (total_ > kMaxErrors) text += fmt::format("\n... and {} more", total_ - kMaxErrors);
  return text;
}

}  // namespace leadline
