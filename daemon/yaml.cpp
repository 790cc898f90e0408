#include "daemon/yaml.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <regex>

#include <yaml-cpp/yaml.h>
#include <nlohmann/json.hpp>

namespace leadline {

namespace {

using Json = nlohmann::json;

// `text` matches YAML's grammar of numbers; one beyond T's range stays a text.
template <typename T>
Json number_in(const std::string& text) {
  T value{};
  const char* begin = text.data() + (text.front() == '+' ? 1 : 0);
  const auto read = std::from_chars(begin, text.data() + text.size(), value);
  return read.ec == std::errc{} ? Json(value) : Json(text);
}

// Source: YAML 1.2.2 §10.3.2, core schema.
Json plain_scalar(const std::string& text) {
  static const std::regex kInteger("[-+]?[0-9]+");
  static const std::regex kFloat(R"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)");
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return {};
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  if (text.size() > 40) return text;  // no number is longer, and std::regex recurses per character
  const bool octal_looking = text.size() > 1 && text[0] == '0' && text.find('.') == text.npos;
  if (octal_looking) return text;
  if (std::regex_match(text, kInteger) && text.size() < 19) {
    return number_in<std::int64_t>(text);
  }
  if (std::regex_match(text, kFloat)) return number_in<double>(text);
  return text;
}

// Without aliases a node needs a byte of text at least; a bomb makes millions of a few hundred.
constexpr std::size_t kMostNodesPerByte = 16;

class Converter {
 public:
  explicit Converter(std::size_t text_bytes)
      : most_nodes_(std::min(kMaxYamlNodes, 1'000 + kMostNodesPerByte * text_bytes)) {}

  Result<Json> convert(const YAML::Node& node, int depth) {
    if (depth > kMaxYamlDepth) return refuse(node, "is nested too deeply");
    if (++nodes_ > most_nodes_) return refuse(node, "is too large");
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        return Json();
      case YAML::NodeType::Scalar:
        return node.Tag() == "?" || node.Tag().empty() ? plain_scalar(node.Scalar())
                                                       : Json(node.Scalar());
      case YAML::NodeType::Sequence:
        return sequence(node, depth);
      case YAML::NodeType::Map:
        return map(node, depth);
    }
    return Json();
  }

  static tl::unexpected<Error> refuse(const YAML::Node& node, std::string_view why) {
    return fail(Errc::kBadInput, "line {}: {}", node.Mark().line + 1, why);
  }

 private:
  Result<Json> sequence(const YAML::Node& node, int depth) {
    Json list = Json::array();
    for (const YAML::Node& item : node) {
      auto value = convert(item, depth + 1);
      if (!value) return value;
      list.push_back(std::move(*value));
    }
    return list;
  }

  Result<Json> map(const YAML::Node& node, int depth) {
    Json object = Json::object();
    for (const auto& item : node) {
      const YAML::Node& key = item.first;
      if (!key.IsScalar()) return refuse(key, "a key must be text");
      auto value = convert(item.second, depth + 1);
      if (!value) return value;
      if (!object.emplace(key.Scalar(), std::move(*value)).second) {
        return refuse(key, fmt::format("{} stands twice in one map", key.Scalar()));
      }
    }
    return object;
  }

  std::size_t most_nodes_;
  std::size_t nodes_ = 0;
};

Result<YAML::Node> load(std::string_view text) {
  try {
    return YAML::Load(std::string(text));
  } catch (const YAML::Exception& problem) {
    return fail(Errc::kBadInput, "line {}: {}", problem.mark.line + 1, problem.msg);
  }
}

Result<YamlEntry> entry_of(Converter& converter, const YAML::Node& node, int line) {
  auto value = converter.convert(node, 1);
  if (!value) return fail(value.error());
  YamlEntry entry{.line = line,
                  .scalar = {},
                  .is_scalar = node.IsScalar(),
                  .is_null = node.IsNull(),
                  .value = std::make_shared<const Json>(std::move(*value))};
  if (node.IsScalar()) entry.scalar = node.Scalar();
  return entry;
}

}  // namespace

Result<Json> parse_yaml(std::string_view text) {
  auto node = load(text);
  if (!node) return fail(node.error());
  return Converter(text.size()).convert(*node, 0);
}

Result<std::map<std::string, YamlEntry>> parse_yaml_map(std::string_view text) {
  const auto root = load(text);
  if (!root) return fail(root.error());
  std::map<std::string, YamlEntry> entries;
  if (root->IsNull()) return entries;
  if (!root->IsMap()) return Converter::refuse(*root, "must be a map of keys and values");
  Converter converter(text.size());
  for (const auto& item : *root) {
    const YAML::Node& key = item.first;
    if (!key.IsScalar()) return Converter::refuse(key, "a key must be text");
    auto entry = entry_of(converter, item.second, key.Mark().line + 1);
    if (!entry) return fail(entry.error());
    if (!entries.emplace(key.Scalar(), std::move(*entry)).second) {
      return Converter::refuse(key, fmt::format("{} stands twice", key.Scalar()));
    }
  }
  return entries;
}

}  // namespace leadline
