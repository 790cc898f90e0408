// The only file that includes CLI11: it costs seconds to compile.

#include <algorithm>

#include <CLI/CLI.hpp>

#include "daemon/config_state.h"

namespace leadline {

namespace {

using Options = std::map<std::string, CLI::Option*>;  // by key or flag name

Options add_keys(CLI::App& app, const ConfigSchema& schema) {
  Options options;
  for (const ConfigGroup& group : schema.groups) {
    for (const ConfigKey& key : group.keys) {
      const std::string flag = flag_of(key.name);
      const bool is_flag = key.type == ConfigType::kBoolean;
      options[key.name] = is_flag ? app.add_flag(flag) : app.add_option(flag);
    }
  }
  return options;
}

Options add_plain_flags(CLI::App& app, const ConfigSchema& schema) {
  Options options;
  for (const PlainFlag& flag : schema.flags) {
    const std::string name = "--" + flag.name;
    options[flag.name] = flag.value_name.empty() ? app.add_flag(name) : app.add_option(name);
  }
  return options;
}

// What was given, the last one winning: a wrapper's default can be overridden behind it.
std::map<std::string, std::string> given(const Options& options) {
  std::map<std::string, std::string> values;
  for (const auto& [name, option] : options) {
    if (option->count() > 0) values[name] = option->results().back();
  }
  return values;
}

std::vector<std::string> known_flags(const ConfigSchema& schema) {
  std::vector<std::string> known{"--config", "--check-config", "--print-config", "--help",
                                 "--version"};
  for (const PlainFlag& flag : schema.flags) known.push_back("--" + flag.name);
  for (const ConfigGroup& group : schema.groups) {
    for (const ConfigKey& key : group.keys) known.push_back(flag_of(key.name));
  }
  return known;
}

void check_choices(const ConfigSchema& schema, CommandLine& line) {
  for (const PlainFlag& flag : schema.flags) {
    const auto found = line.flags.find(flag.name);
    if (found == line.flags.end() || flag.choices.empty()) continue;
    if (std::count(flag.choices.begin(), flag.choices.end(), found->second) > 0) continue;
    line.errors.push_back(fmt::format("--{} = {}, must be one of {}", flag.name, found->second,
                                      fmt::join(flag.choices, ", ")));
  }
}

}  // namespace

CommandLine parse_command_line(const ConfigSchema& schema,
                               const std::vector<std::string>& arguments) {
  CommandLine line;
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  app.add_flag("--help,-h", line.help);
  app.add_flag("--version", line.version);
  app.add_flag("--check-config", line.check_config);
  app.add_flag("--print-config", line.print_config);
  app.add_option("--config", line.config_file)->take_last();
  const Options keys = add_keys(app, schema);
  const Options flags = add_plain_flags(app, schema);
  for (const Options& options : {keys, flags}) {
    for (const auto& [name, option] : options) option->take_last();
  }
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::Error& problem) {
    line.errors.emplace_back(problem.what());
    return line;
  }
  line.keys = given(keys);
  line.flags = given(flags);
  for (const std::string& extra : app.remaining()) {
    const std::string name = extra.substr(0, extra.find('='));
    line.errors.push_back(name.starts_with('-') ? fmt::format("{}: no such flag{}", name,
                                                              suggestion(name, known_flags(schema)))
                                                : fmt::format("unexpected argument {}", extra));
  }
  check_choices(schema, line);
  return line;
}

}  // namespace leadline
