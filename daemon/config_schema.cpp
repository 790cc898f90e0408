#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "daemon/config_state.h"
#include "daemon/yaml.h"

namespace leadline {

namespace {

using Json = nlohmann::json;

bool is_snake_case(std::string_view name) {
  return !name.empty() && name.front() >= 'a' && name.front() <= 'z' && name.back() != '_' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

std::string range_of(const ConfigKey& key) {
  const std::string unit = key.type == ConfigType::kDuration ? "ms" : key.unit;
  const std::string in = unit.empty() ? "" : " " + unit;
  const bool low = key.min != std::numeric_limits<double>::lowest();
  const bool high = key.max != std::numeric_limits<double>::max();
  if (low && high) return fmt::format(" in [{}, {}]{}", key.min, key.max, in);
  if (low) return fmt::format(" of at least {}{}", key.min, in);
  if (high) return fmt::format(" of at most {}{}", key.max, in);
  return unit.empty() ? "" : " of " + unit;
}

tl::unexpected<Error> must_be(std::string_view what) {
  return fail(Errc::kBadConfig, "must be {}", what);
}

template <typename Number>
Result<Json> number_of(const ConfigKey& key, const std::string& text, std::string_view kind) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  const auto value = static_cast<double>(number);
  const std::string range = range_of(key);
  if (error != std::errc{} || stop != end || !std::isfinite(value)) {
    return must_be(fmt::format("{}{}", kind, range));
  }
  // "must be in [250, 5000] ms"; without a range it cannot be out of it.
  if (value < key.min || value > key.max) return must_be(std::string_view(range).substr(1));
  return Json(number);
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(1, 0);
  for (std::size_t j = 1; j <= b.size(); ++j) row.push_back(j);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

void check_key(const ConfigKey& key, ErrorList& errors) {
  const auto wrong = [&](std::string_view why) {
    errors.push_back(fmt::format("{}: {}", key.name, why));
  };
  if (!is_snake_case(key.name)) wrong("is not snake_case");
  if (key.name == "port") wrong("is what Kubernetes' service links set");
  if (key.name.starts_with("service_")) wrong("is what Kubernetes' service links set");
  if (key.help.empty()) wrong("has no help");
  if (key.type == ConfigType::kDuration && !key.name.ends_with("_ms")) wrong("must end in _ms");
  if (key.type == ConfigType::kSecretFile && !key.name.ends_with("_file")) {
    wrong("must end in _file");
  }
  if ((key.type == ConfigType::kChoice) == key.choices.empty()) wrong("choices and type disagree");
  const auto value = typed_value(key, key.default_value);
  if (!value) wrong(fmt::format("default '{}' {}", key.default_value, value.error().message));
}

}  // namespace

std::string flag_of(std::string_view key) {
  std::string flag = "--" + std::string(key);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

std::string variable_of(std::string_view key) {
  std::string variable = "LEADLINE_" + std::string(key);
  std::transform(variable.begin(), variable.end(), variable.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return variable;
}

// Near is: at most a third of the word wrong. `scrape_interval` is 3 from `scrape_interval_ms`,
// of 15.
std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
  const auto nearer = [word](const std::string& a, const std::string& b) {
    return distance(word, a) < distance(word, b);
  };
  const auto nearest = std::min_element(known.begin(), known.end(), nearer);
  if (nearest == known.end() || distance(word, *nearest) > word.size() / 3) return "";
  return fmt::format("; did you mean {}?", *nearest);
}

Result<Json> typed_value(const ConfigKey& key, const std::string& text) {
  switch (key.type) {
    case ConfigType::kInteger:
    case ConfigType::kDuration:
      return number_of<std::int64_t>(key, text, "an integer");
    case ConfigType::kNumber:
      return number_of<double>(key, text, "a number");
    case ConfigType::kText:
    case ConfigType::kSecretFile:
      return Json(text);
    case ConfigType::kBoolean:
      if (text == "true" || text == "false") return Json(text == "true");
      return must_be("true or false");
    case ConfigType::kChoice:
      if (std::count(key.choices.begin(), key.choices.end(), text) > 0) return Json(text);
      return must_be(fmt::format("one of {}", fmt::join(key.choices, ", ")));
    case ConfigType::kStructured: {
      auto value = parse_yaml(text);
      return value ? value : must_be("YAML: " + value.error().message);
    }
  }
  return Json();
}

ErrorList schema_errors(const ConfigSchema& schema) {
  ErrorList errors;
  std::set<std::string> flags{"--config", "--check-config", "--print-config", "--help",
                              "--version"};
  const auto claim = [&](const std::string& flag) {
    if (!flags.insert(flag).second) errors.push_back(flag + " is declared twice");
  };
  for (const ConfigGroup& group : schema.groups) {
    for (const ConfigKey& key : group.keys) {
      check_key(key, errors);
      claim(flag_of(key.name));
    }
  }
  for (const PlainFlag& flag : schema.flags) claim("--" + flag.name);
  return errors;
}

}  // namespace leadline
