// Reads YAML as JSON: configuration files and structured values, the pods file, manifests. yaml-cpp
// and its exceptions stay behind it. Pure.
//
// Plain scalars become null, booleans and numbers by YAML 1.2's core schema (so `yes` and `08` are
// text), quoted ones text. Aliases may expand a text only so far. A key that stands twice in one
// map is an error: yaml-cpp would take either.

#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace leadline {

inline constexpr int kMaxYamlDepth = 64;
inline constexpr std::size_t kMaxYamlNodes = 4'000'000;  // 150,000 pods of 25 nodes

// kBadInput with the line; an empty document is null.
[[nodiscard]] Result<nlohmann::json> parse_yaml(std::string_view text);

// One value of a map at the document's top.
struct YamlEntry {
  int line = 0;        // from 1
  std::string scalar;  // as written, without quotes; empty for lists and maps
  bool is_scalar = false;
  bool is_null = false;  // `key:` with nothing behind it
  std::shared_ptr<const nlohmann::json> value;
};

// The top of a configuration file. An empty document is an empty map, anything else than a map
// kBadInput.
[[nodiscard]] Result<std::map<std::string, YamlEntry>> parse_yaml_map(std::string_view text);

}  // namespace leadline
