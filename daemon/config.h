// Configuration, declared once per daemon: each key of a ConfigSchema is a YAML key `a_b`, a flag
// `--a-b` and an environment variable `LEADLINE_A_B`. A flag wins over the environment, the
// environment over the file (`--config FILE`), the file over the default. Used by every main; read
// once, at start.
//
// A Config that exists is valid. What is wrong is told all at once, each with its value, where it
// came from and what it must be:
//     scrape_interval_ms = 7 (from x.yaml line 3), must be in [250, 5000] ms
//
// Secrets never stand in flags or in the file: a key `bearer_token_file` names a file that holds
// it, and LEADLINE_BEARER_TOKEN may hold the secret itself. Immutable once loaded, so thread-safe.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace leadline {

using ErrorList = std::vector<std::string>;

enum class ConfigType {
  kInteger,
  kNumber,
  kText,
  kChoice,
  kBoolean,
  kDuration,    // integer milliseconds; the name ends in _ms
  kSecretFile,  // the name ends in _file
  kStructured,  // a list or map: YAML in the file, YAML flow text in flag and environment
};

struct ConfigKey {
  std::string name;  // snake_case, its unit at the end; not `port`, not `service_...`
  ConfigType type = ConfigType::kText;
  std::string default_value;  // YAML text; for kText the text itself
  std::string help;           // one paragraph
  std::string example;        // like default_value; empty: the default stands in the example file
  // Integers, numbers and durations: both ends belong to the range.
  double min = std::numeric_limits<double>::lowest();
  double max = std::numeric_limits<double>::max();
  // A variable of somebody else's that gives it too, after our own: KUBERNETES_SERVICE_HOST.
  // NOLINTNEXTLINE(readability-redundant-member-init): else designated initializers warn
  std::string other_variable = {};
  std::string unit;  // said in messages: "bytes"; durations say ms by themselves
  std::vector<std::string> choices;
  // Looks at the typed value (kStructured: the whole tree) and appends what is wrong, as text to
  // follow the key's name: "[2].name: missing". May be empty.
  std::function<void(const nlohmann::json&, ErrorList&)> validate;
};

struct ConfigGroup {
  std::string title;
  std::vector<ConfigKey> keys;
};

// A flag that is no setting: `--once`, `--output FORMAT`. Not in file or environment.
struct PlainFlag {
  std::string name;        // as typed, without the dashes: "once"
  std::string value_name;  // "FORMAT"; empty: the flag takes no value
  std::string help;
  // NOLINTNEXTLINE(readability-redundant-member-init): else {"once", "", "..."} warns
  std::vector<std::string> choices = {};
};

class Config;

struct ConfigSchema {
  std::string program;  // "leadline-sidecar"
  std::string summary;  // one line
  std::vector<ConfigGroup> groups;
  std::vector<PlainFlag> flags;
  // Looks at several keys together, so that one start lists every error; a key that was refused
  // shows its default here. May be empty.
  std::function<void(const Config&, ErrorList&)> validate;
};

// What is wrong with the schema itself: a bug, so load_config asserts that it is empty.
[[nodiscard]] ErrorList schema_errors(const ConfigSchema& schema);

// The values of one run. REQUIRES of each accessor: the schema has that key, with that type.
class Config {
 public:
  [[nodiscard]] std::int64_t integer(std::string_view key) const;
  [[nodiscard]] double number(std::string_view key) const;            // integers too
  [[nodiscard]] const std::string& text(std::string_view key) const;  // kChoice too
  [[nodiscard]] bool boolean(std::string_view key) const;
  [[nodiscard]] std::chrono::milliseconds duration(std::string_view key) const;
  // kSecretFile: the secret, without the line end behind it; empty where none is configured.
  [[nodiscard]] const std::string& secret(std::string_view key) const;
  // kSecretFile: the file, for those who read it again when it changes; empty where there is none.
  [[nodiscard]] const std::string& secret_path(std::string_view key) const;
  [[nodiscard]] const nlohmann::json& structured(std::string_view key) const;

  // Whether flag, environment or file gave it.
  [[nodiscard]] bool is_set(std::string_view key) const;

  // PlainFlags: whether it was given; its value, empty where it was not.
  [[nodiscard]] bool has_flag(std::string_view flag) const;
  [[nodiscard]] const std::string& flag_value(std::string_view flag) const;

  struct State;
  explicit Config(std::shared_ptr<const State> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<const State> state_;
};

// What the process was given; tests write their own.
struct ConfigInputs {
  std::vector<std::string> arguments;              // without the program's name
  std::map<std::string, std::string> environment;  // LEADLINE_*, KUBERNETES_SERVICE_* are enough
};

[[nodiscard]] ConfigInputs process_inputs(int argc, const char* const* argv);

// Either `config`, or the process ends with `exit_code` (kExitOk after --help, --version,
// --check-config and --print-config, kExitBadConfig with `errors`).
struct ConfigOutcome {
  std::optional<Config> config;
  int exit_code = 0;
  std::string output;  // for stdout
  ErrorList errors;
  ErrorList warnings;  // LEADLINE_* variables that nobody knows; for the log
};

[[nodiscard]] ConfigOutcome load_config(const ConfigSchema& schema, const ConfigInputs& inputs);

// Prints `output` to stdout and `errors` to stderr; returns the exit code.
int report(const ConfigOutcome& outcome);

// The YAML file with every key, its help, default and an example value.
[[nodiscard]] std::string example_config(const ConfigSchema& schema);

// Loads the example as a file (opening no secret): empty where it is valid. For each daemon's test.
[[nodiscard]] ErrorList example_errors(const ConfigSchema& schema);

}  // namespace leadline
