#include "daemon/config.h"

#include <cassert>
#include <cstdio>
#include <set>
#include <sstream>

#include <unistd.h>

#include "daemon/config_state.h"
#include "daemon/exit_codes.h"
#include "daemon/log.h"
#include "daemon/text_file.h"
#include "daemon/yaml.h"

namespace leadline {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxFile = 4 * 1024 * 1024;
constexpr std::size_t kMaxSecret = 64 * 1024;

// LEADLINE_BEARER_TOKEN for bearer_token_file.
std::string secret_variable(const ConfigKey& key) {
  return variable_of(key.name.substr(0, key.name.size() - std::string_view("_file").size()));
}

// Where one value came from before it has a type.
struct RawValue {
  std::string text;                  // a scalar's
  std::shared_ptr<const Json> tree;  // from the file; else null
  bool is_scalar = true;
  std::string origin;
};

// Gathers the values of all keys, and every complaint on the way.
class Loader {
 public:
  Loader(const ConfigSchema& schema, const ConfigInputs& inputs, bool open_secrets)
      : inputs_(inputs), state_(std::make_shared<Config::State>()), open_secrets_(open_secrets) {
    state_->schema = schema;
  }

  void take(const CommandLine& line);
  void take_file(const std::string& name, std::string_view text);
  void take_environment();
  std::shared_ptr<const Config::State> finish();

  ErrorList errors;
  ErrorList warnings;

 private:
  template <typename Visit>
  void each_key(Visit visit) {
    for (const ConfigGroup& group : state_->schema.groups) {
      for (const ConfigKey& key : group.keys) visit(key);
    }
  }
  std::vector<std::string> known_keys();
  void set(const ConfigKey& key, const RawValue& raw);
  void set_default(const ConfigKey& key);
  void read_secret(ConfigValue& value);
  void complain(const ConfigKey& key, const RawValue& raw, std::string_view why);

  const ConfigInputs& inputs_;
  std::shared_ptr<Config::State> state_;
  bool open_secrets_;
};

std::vector<std::string> Loader::known_keys() {
  std::vector<std::string> known;
  each_key([&](const ConfigKey& key) { known.push_back(key.name); });
  return known;
}

void Loader::complain(const ConfigKey& key, const RawValue& raw, std::string_view why) {
  const std::string shown = raw.is_scalar ? " = " + printable(raw.text) : "";
  errors.push_back(fmt::format("{}{} (from {}), {}", key.name, shown, raw.origin, why));
}

void Loader::set(const ConfigKey& key, const RawValue& raw) {
  ConfigValue value{.key = &key, .typed = {}, .secret = {}, .origin = raw.origin, .is_set = true};
  if (key.type == ConfigType::kStructured && raw.tree) {
    value.typed = *raw.tree;
  } else if (!raw.is_scalar) {
    return complain(key, raw, "must be a single value, not a list or map");
  } else {
    auto typed = typed_value(key, raw.text);
    if (!typed) return complain(key, raw, typed.error().message);
    value.typed = std::move(*typed);
  }
  if (key.validate) {
    ErrorList found;
    key.validate(value.typed, found);
    for (const std::string& why : found) {
      if (key.type != ConfigType::kStructured) {
        complain(key, raw, why);
      } else {
        errors.push_back(fmt::format("{}{} (from {})", key.name,
                                     why.starts_with('[') ? why : ": " + why, raw.origin));
      }
    }
    if (!found.empty()) return;  // its default stands in, so that the rest can be checked together
  }
  state_->values[key.name] = std::move(value);
}

void Loader::set_default(const ConfigKey& key) {
  auto typed = typed_value(key, key.default_value);
  assert(typed);
  state_->values.emplace(key.name, ConfigValue{.key = &key,
                                               .typed = std::move(*typed),
                                               .secret = {},
                                               .origin = "default",
                                               .is_set = false});
}

void Loader::take_file(const std::string& name, std::string_view text) {
  const auto entries = parse_yaml_map(text);
  if (!entries) {
    errors.push_back(entries.error().with_context(name).message);
    return;
  }
  std::map<std::string, const ConfigKey*> keys;
  each_key([&](const ConfigKey& key) { keys[key.name] = &key; });
  for (const auto& [word, entry] : *entries) {
    const std::string origin = fmt::format("{} line {}", name, entry.line);
    const auto known = keys.find(word);
    if (known == keys.end()) {
      errors.push_back(fmt::format("{} ({}): no such key{}", printable(word), origin,
                                   suggestion(word, known_keys())));
    } else if (entry.is_null) {
      errors.push_back(fmt::format("{} ({}): has no value", word, origin));
    } else {
      set(*known->second, {entry.scalar, entry.value, entry.is_scalar, origin});
    }
  }
}

void Loader::take_environment() {
  std::set<std::string> known;
  each_key([&](const ConfigKey& key) {
    known.insert(variable_of(key.name));
    if (key.type == ConfigType::kSecretFile) known.insert(secret_variable(key));
    for (const std::string& name : {key.other_variable, variable_of(key.name)}) {
      const auto given = inputs_.environment.find(name);
      // Empty is how a manifest says "not set".
      if (given == inputs_.environment.end() || given->second.empty()) continue;
      set(key, {given->second, nullptr, true, given->first});
    }
  });
  for (const auto& [name, value] : inputs_.environment) {
    if (!name.starts_with("LEADLINE_") || known.count(name) > 0) continue;
    warnings.push_back(fmt::format("{}: no such setting{}", printable(name),
                                   suggestion(name, {known.begin(), known.end()})));
  }
}

void Loader::take(const CommandLine& line) {
  each_key([&](const ConfigKey& key) {
    const auto given = line.keys.find(key.name);
    if (given == line.keys.end()) return;
    set(key, {given->second, nullptr, true, "flag " + flag_of(key.name)});
  });
  state_->flags.insert(line.flags.begin(), line.flags.end());
}

// A file that was named wins over the variable, as the more deliberate of the two.
void Loader::read_secret(ConfigValue& value) {
  const auto& path = value.typed.get_ref<const std::string&>();
  const auto given = inputs_.environment.find(secret_variable(*value.key));
  if (path.empty() && given != inputs_.environment.end() && !given->second.empty()) {
    value.secret = given->second;
    value.origin = given->first;
    value.is_set = true;
  }
  if (path.empty() || !open_secrets_) return;
  auto text = read_text_file(path, kMaxSecret);
  if (!text) {
    complain(*value.key, {path, nullptr, true, value.origin}, text.error().message);
    return;
  }
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  value.secret = std::move(*text);
}

std::shared_ptr<const Config::State> Loader::finish() {
  each_key([this](const ConfigKey& key) { set_default(key); });
  for (auto& [name, value] : state_->values) {
    if (value.key->type == ConfigType::kSecretFile) read_secret(value);
  }
  if (state_->schema.validate) state_->schema.validate(Config(state_), errors);
  return state_;
}

void take_config_file(Loader& loader, const std::string& path) {
  const auto text = read_text_file(path, kMaxFile);
  if (text) {
    loader.take_file(path, *text);
  } else {
    loader.errors.push_back(text.error().with_context("--config").message);
  }
}

}  // namespace

// --- Config

namespace {

const ConfigValue& value_of(const Config::State& state, std::string_view name) {
  const auto found = state.values.find(name);
  assert(found != state.values.end());
  return found->second;
}

}  // namespace

std::int64_t Config::integer(std::string_view key) const {
  return value_of(*state_, key).typed.get<std::int64_t>();
}

double Config::number(std::string_view key) const {
  return value_of(*state_, key).typed.get<double>();
}

const std::string& Config::text(std::string_view key) const {
  return value_of(*state_, key).typed.get_ref<const std::string&>();
}

bool Config::boolean(std::string_view key) const {
  return value_of(*state_, key).typed.get<bool>();
}

std::chrono::milliseconds Config::duration(std::string_view key) const {
  assert(value_of(*state_, key).key->type == ConfigType::kDuration);
  return std::chrono::milliseconds(integer(key));
}

const std::string& Config::secret(std::string_view key) const {
  assert(value_of(*state_, key).key->type == ConfigType::kSecretFile);
  return value_of(*state_, key).secret;
}

const std::string& Config::secret_path(std::string_view key) const {
  assert(value_of(*state_, key).key->type == ConfigType::kSecretFile);
  return text(key);
}

const Json& Config::structured(std::string_view key) const {
  return value_of(*state_, key).typed;
}

bool Config::is_set(std::string_view key) const {
  return value_of(*state_, key).is_set;
}

bool Config::has_flag(std::string_view flag) const {
  return state_->flags.find(flag) != state_->flags.end();
}

const std::string& Config::flag_value(std::string_view flag) const {
  static const std::string kNone;
  const auto found = state_->flags.find(flag);
  return found == state_->flags.end() ? kNone : found->second;
}

// --- Loading

ConfigInputs process_inputs(int argc, const char* const* argv) {
  ConfigInputs inputs;
  if (argc > 1) inputs.arguments.assign(argv + 1, argv + argc);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    const bool ours = text.starts_with("LEADLINE_") || text.starts_with("KUBERNETES_SERVICE_");
    if (!ours || equals == text.npos) continue;
    inputs.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return inputs;
}

ConfigOutcome load_config(const ConfigSchema& schema, const ConfigInputs& inputs) {
  assert(schema_errors(schema).empty());
  const CommandLine line = parse_command_line(schema, inputs.arguments);
  if (line.help) return {.config = {}, .output = help_text(schema)};
  if (line.version) {
    return {.config = {}, .output = fmt::format("{} {}\n", schema.program, LEADLINE_VERSION)};
  }
  Loader loader(schema, inputs, /*open_secrets=*/true);
  loader.errors = line.errors;
  if (line.config_file) take_config_file(loader, *line.config_file);
  loader.take_environment();
  loader.take(line);
  const auto state = loader.finish();
  ConfigOutcome outcome{.config = {},
                        .exit_code = loader.errors.empty() ? kExitOk : kExitBadConfig,
                        .output = {},
                        .errors = std::move(loader.errors),
                        .warnings = std::move(loader.warnings)};
  if (!outcome.errors.empty()) return outcome;
  if (line.print_config) {
    outcome.output = printed_config(*state);
  } else if (line.check_config) {
    outcome.output = "configuration ok\n";
  } else {
    outcome.config = Config(state);
  }
  return outcome;
}

int report(const ConfigOutcome& outcome) {
  std::fputs(outcome.output.c_str(), stdout);
  for (const std::string& error : outcome.errors) std::fprintf(stderr, "%s\n", error.c_str());
  for (const std::string& warning : outcome.warnings) {
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  }
  return outcome.exit_code;
}

ErrorList example_errors(const ConfigSchema& schema) {
  const ConfigInputs nothing;
  Loader loader(schema, nothing, /*open_secrets=*/false);
  loader.take_file("example", example_config(schema));
  loader.finish();
  return loader.errors;
}

}  // namespace leadline
