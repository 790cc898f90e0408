// What the files behind daemon/config.h share. Internal: config*.cpp only.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/config.h"

namespace leadline {

// One key's value with its history.
struct ConfigValue {
  const ConfigKey* key = nullptr;
  nlohmann::json typed;  // kSecretFile: the path
  std::string secret;    // kSecretFile: what the file or the environment holds
  std::string origin;    // "default", "flag --a-b", "LEADLINE_A_B", "x.yaml line 3"
  bool is_set = false;
};

struct Config::State {
  ConfigSchema schema;  // values point into it
  std::map<std::string, ConfigValue, std::less<>> values;
  std::map<std::string, std::string, std::less<>> flags;  // the PlainFlags that were given
};

// The command line taken apart. Unknown flags and missing values are in `errors`.
struct CommandLine {
  std::map<std::string, std::string> keys;   // by key name, as text
  std::map<std::string, std::string> flags;  // PlainFlags that were given
  std::optional<std::string> config_file;
  bool help = false, version = false, check_config = false, print_config = false;
  ErrorList errors;
};

[[nodiscard]] CommandLine parse_command_line(const ConfigSchema& schema,
                                             const std::vector<std::string>& arguments);

[[nodiscard]] std::string flag_of(
    std::string_view key);  // scrape_interval_ms -> --scrape-interval-ms
[[nodiscard]] std::string variable_of(std::string_view key);  // -> LEADLINE_SCRAPE_INTERVAL_MS

// "; did you mean X?" with the nearest of `known`, or nothing where none is near.
[[nodiscard]] std::string suggestion(std::string_view word, const std::vector<std::string>& known);

// Reads `text` as `key`'s type; the error says only what it must be: "must be in [250, 5000] ms".
[[nodiscard]] Result<nlohmann::json> typed_value(const ConfigKey& key, const std::string& text);

[[nodiscard]] std::string help_text(const ConfigSchema& schema);
[[nodiscard]] std::string printed_config(const Config::State& state);

}  // namespace leadline
