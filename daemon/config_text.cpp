#include <iterator>

#include "daemon/config_state.h"

namespace leadline {

namespace {

constexpr std::size_t kWidth = 96;

// Fills lines with the words of `text`, each line behind `indent`.
std::string wrapped(std::string_view text, std::string_view indent) {
  std::string lines;
  std::string line;
  const auto flush = [&] {
    if (!line.empty()) lines.append(indent).append(std::exchange(line, "")).append("\n");
  };
  while (!text.empty()) {
    const auto space = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, space);
    if (indent.size() + line.size() + 1 + word.size() > kWidth) flush();
    if (!line.empty()) line += ' ';
    line += word;
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  flush();
  return lines;
}

bool is_plain(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX"
             "YZ0123456789_./:-") == text.npos &&
         text.find(": ") == text.npos && text.back() != ':' && text.front() != '-';
}

// Text as a YAML scalar: plain where nobody could take it for anything else, else quoted as in
// JSON, which YAML reads alike.
std::string yaml_text(const std::string& text) {
  return is_plain(text) ? text : nlohmann::json(text).dump();
}

std::string yaml_value(const nlohmann::json& value) {
  return value.is_string() ? yaml_text(value.get_ref<const std::string&>()) : value.dump();
}

std::string value_name(const ConfigKey& key) {
  switch (key.type) {
    case ConfigType::kInteger:
      return "INTEGER";
    case ConfigType::kNumber:
      return "NUMBER";
    case ConfigType::kText:
      return "TEXT";
    case ConfigType::kChoice:
      return fmt::format("{}", fmt::join(key.choices, "|"));
    case ConfigType::kBoolean:
      return "[=true|false]";
    case ConfigType::kDuration:
      return "MILLISECONDS";
    case ConfigType::kSecretFile:
      return "FILE";
    case ConfigType::kStructured:
      return "YAML";
  }
  return "";
}

std::string default_of(const ConfigKey& key) {
  return key.default_value.empty() ? "none" : key.default_value;
}

std::string key_help(const ConfigKey& key) {
  const std::string separator = key.type == ConfigType::kBoolean ? "" : " ";
  std::string text = fmt::format("  {}{}{}\n", flag_of(key.name), separator, value_name(key));
  text += wrapped(key.help, "      ");
  return text + fmt::format("      Default: {}. Environment: {}.\n", default_of(key),
                            variable_of(key.name));
}

std::string flag_help(const PlainFlag& flag) {
  const std::string value = flag.value_name.empty() ? "" : " " + flag.value_name;
  return fmt::format("  --{}{}\n", flag.name, value) + wrapped(flag.help, "      ");
}

}  // namespace

std::string help_text(const ConfigSchema& schema) {
  std::string text = fmt::format("{} {}: {}\n\nUsage: {} [--config FILE] [flags]\n\n",
                                 schema.program, LEADLINE_VERSION, schema.summary, schema.program);
  text += wrapped(
      "Every setting below is a flag (--scrape-interval-ms), an environment variable "
      "(LEADLINE_SCRAPE_INTERVAL_MS) and a key of the YAML file (scrape_interval_ms). A flag wins "
      "over the environment, the environment over the file, the file over the default.",
      "");
  for (const ConfigGroup& group : schema.groups) {
    text += fmt::format("\n{}\n", group.title);
    for (const ConfigKey& key : group.keys) text += key_help(key);
  }
  text += "\nOther flags\n";
  for (const PlainFlag& flag : schema.flags) text += flag_help(flag);
  return text + flag_help({"config", "FILE", "Read settings from this YAML file."}) +
         flag_help(
             {"check-config", "", "Check all settings; exit with 0 or, naming each error, 2."}) +
         flag_help({"print-config", "", "Print the effective settings and where each came from."}) +
         flag_help({"help", "", "Print this."}) + flag_help({"version", "", "Print the version."});
}

std::string printed_config(const Config::State& state) {
  std::string text;
  for (const ConfigGroup& group : state.schema.groups) {
    text += fmt::format("# {}\n", group.title);
    for (const ConfigKey& key : group.keys) {
      const ConfigValue& value = state.values.find(key.name)->second;
      const std::string from = value.is_set ? "from " + value.origin : "default";
      const std::string secret = value.secret.empty() ? "" : " (holds ***)";
      text += fmt::format("{}: {}  # {}{}\n", key.name, yaml_value(value.typed), from, secret);
    }
  }
  return text;
}

std::string example_config(const ConfigSchema& schema) {
  std::string text =
      fmt::format("# Every setting of {}, with an example value each.\n", schema.program);
  for (const ConfigGroup& group : schema.groups) {
    text += fmt::format("\n# --- {}\n", group.title);
    for (const ConfigKey& key : group.keys) {
      const std::string& shown = key.example.empty() ? key.default_value : key.example;
      const bool is_text = key.type == ConfigType::kText || key.type == ConfigType::kSecretFile;
      text += "\n" + wrapped(key.help, "# ");
      text += wrapped(
          fmt::format("Default: {}. Environment: {}.", default_of(key), variable_of(key.name)),
          "# ");
      text += fmt::format("{}: {}\n", key.name, is_text ? yaml_text(shown) : shown);
    }
  }
  return text;
}

}  // namespace leadline
