#include "sidecar/config.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "engine/dialect.h"
#include "engine/dialects/generic.h"

namespace leadline {
namespace {

using nlohmann::json;

constexpr std::string_view kGeneric = "generic";

bool is_url(std::string_view text) {
  return text.find("://") != std::string_view::npos;
}

void check_url(const json& value, ErrorList& errors) {
  const auto& text = value.get_ref<const std::string&>();
  if (text.empty()) return;
  if (const auto url = parse_url(text); !url) errors.push_back(url.error().message);
}

std::string engine_ids() {
  std::vector<std::string_view> ids = {kGeneric};
  for (const Dialect* dialect : dialects()) ids.push_back(dialect->id());
  return fmt::format("{}", fmt::join(ids, ", "));
}

// `engine` is a URL or an engine id: `--engine http://127.0.0.1:8000 --once` is how people start.
void check_engine(const json& value, ErrorList& errors) {
  const auto& text = value.get_ref<const std::string&>();
  if (text.empty() || is_url(text)) return check_url(value, errors);
  if (find_dialect(text) != nullptr || text == kGeneric) return;
  errors.push_back(fmt::format("must be a URL or one of {}", engine_ids()));
}

Result<std::unique_ptr<Dialect>> generic_dialect(const json& mapping) {
  auto parsed = generic_mapping_from(mapping);
  if (!parsed) return fail(parsed.error());
  return make_generic_dialect(std::move(*parsed));
}

// nullopt: not a port.
std::optional<std::uint16_t> port_from(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  std::uint16_t port = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || stop != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

// `[8000, 8001]` in YAML, or `8000,8001` and `8000` as people write it into an environment
// variable.
std::vector<std::string> port_texts(const json& value) {
  std::vector<std::string> texts;
  if (value.is_array()) {
    for (const json& one : value)
      texts.push_back(one.is_string() ? one.get<std::string>() : one.dump());
    return texts;
  }
  std::string_view rest;
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  rest = text;
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    texts.emplace_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return texts;
}

void check_ports(const json& value, ErrorList& errors) {
  const std::vector<std::string> texts = port_texts(value);
  if (texts.size() > kMostPorts) {
    errors.push_back(fmt::format(": {} ports, must be at most {}", texts.size(), kMostPorts));
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!port_from(texts[i])) {
      errors.push_back(fmt::format("[{}] = {}: must be in [1, 65535]", i, texts[i]));
    }
  }
}

void check_mapping(const json& value, ErrorList& errors) {
  if (value.empty()) return;
  auto dialect = generic_dialect(value);
  if (!dialect) errors.push_back(dialect.error().message);
}

void check_interval(const json& value, ErrorList& errors) {
  const auto interval = value.get<std::int64_t>();
  if (interval != 0 && interval < 100)
    errors.emplace_back("must be 0 (adaptive) or at least 100 ms");
}

ConfigGroup engine_keys() {
  return {
      .title = "The engine",
      .keys = {
          {.name = "engine",
           .help = fmt::format("The engine's URL, or the id of its dialect ({}) to skip "
                               "recognising it. Unset: looked for and recognised by itself.",
                               engine_ids()),
           .example = "generic",
           .validate = check_engine},
          {.name = "engine_url",
           .help = "Where the engine listens. With a path that page is read; without, the paths "
                   "that engines use are tried. Unset: engine_ports on loopback.",
           .example = "http://127.0.0.1:8000",
           .validate = check_url},
          {.name = "engine_ports",
           .type = ConfigType::kStructured,
           .default_value = "[]",
           .help = "Ports on loopback to look for the engine at, in this order. Empty: the "
                   "ports that engines use by default.",
           .example = "[8000, 8080]",
           .validate = check_ports},
          {.name = "engine_mapping",
           .type = ConfigType::kStructured,
           .default_value = "{}",
           .help = "For an engine without a dialect of its own: which family of its page tells "
                   "which signal. Given, the page is read by it alone (engine: generic).",
           .example = "{rows: [{signal: queue_depth, family: my_queue_length}]}",
           .validate = check_mapping},
          {.name = "engine_token_file",
           .type = ConfigType::kSecretFile,
           .help = "File with the key that the engine's page needs (llama.cpp), sent as a bearer "
                   "token. Read again when the engine refuses it.",
           .example = "/etc/leadline/engine-token"},
          {.name = "scrape_interval_ms",
           .type = ConfigType::kDuration,
           .default_value = "0",
           .help = "Time between two scrapes. 0 adapts it to what the page costs the engine: a "
                   "hundred times the median scrape, in [250, 5000] ms. Smaller is fresher and "
                   "takes more of the engine's time.",
           .example = "1000",
           .min = 0,
           .max = 60000,
           .validate = check_interval},
      }};
}

ConfigGroup serving_keys() {
  return {
      .title = "What the sidecar serves",
      .keys = {
          {.name = "listen_address",
           .default_value = "::",
           .help = "Address to listen at; :: means every IPv6 and IPv4 one."},
          {.name = "listen_port",
           .type = ConfigType::kInteger,
           .default_value = "9733",
           .help = "Port of /metrics, /snapshot and the probes. 0 picks a free one and logs it.",
           .min = 0,
           .max = 65535},
          {.name = "drain_grace_ms",
           .type = ConfigType::kDuration,
           .default_value = "2000",
           .help = "On SIGTERM, how long answers in flight may take before the sidecar exits.",
           .min = 0,
           .max = 60000},
          {.name = "log_level",
           .type = ConfigType::kChoice,
           .default_value = "info",
           .help = "The least level that is logged.",
           .choices = {"debug", "info", "warn", "error"}},
      }};
}

ConfigGroup pod_keys() {
  return {.title = "Which pod this is (downward API)",
          .keys = {
              {.name = "pod_namespace", .help = "metadata.namespace.", .example = "default"},
              {.name = "pod_name", .help = "metadata.name.", .example = "vllm-0"},
              {.name = "pod_uid",
               .help = "metadata.uid; an adapter that dialled another pod refuses what we say.",
               .example = "5f3f0d6e-0000-4000-8000-000000000000"},
          }};
}

void check_together(const Config& config, ErrorList& errors) {
  if (is_url(config.text("engine")) && !config.text("engine_url").empty()) {
    errors.push_back(fmt::format("engine = {} and engine_url = {}: name the engine's URL once",
                                 config.text("engine"), config.text("engine_url")));
  }
  const bool mapped = !config.structured("engine_mapping").empty();
  const std::string& engine = config.text("engine");
  if (mapped && !engine.empty() && !is_url(engine) && engine != kGeneric) {
    errors.push_back(
        fmt::format("engine = {} and engine_mapping: a mapping is for generic", engine));
  }
  if (!mapped && engine == kGeneric) errors.emplace_back("engine = generic needs engine_mapping");
  if (config.has_flag("output") && !config.has_flag("once")) {
    errors.emplace_back("--output needs --once");
  }
}

EngineAddress address_of(const Config& config) {
  EngineAddress address;
  const std::string& engine = config.text("engine");
  const std::string& url = is_url(engine) ? engine : config.text("engine_url");
  if (!url.empty()) address.url = *parse_url(url);
  for (const std::string& text : port_texts(config.structured("engine_ports"))) {
    if (const auto port = port_from(text)) address.ports.push_back(*port);
  }
  return address;
}

// REQUIRES: validated.
std::shared_ptr<const Dialect> dialect_of(const Config& config) {
  if (const json& mapping = config.structured("engine_mapping"); !mapping.empty()) {
    return std::move(*generic_dialect(mapping));
  }
  const Dialect* built_in = find_dialect(config.text("engine"));
  return {std::shared_ptr<const Dialect>(), built_in};  // constant: nobody owns it
}

}  // namespace

ConfigSchema sidecar_schema() {
  return {.program = "leadline-sidecar",
          .summary = "Measures the inference engine beside it: queue, tokens, latencies, cache.",
          .groups = {engine_keys(), serving_keys(), pod_keys()},
          .flags = {{.name = "once",
                     .value_name = "",
                     .help = "Look at the engine once, print what it tells, and exit."},
                    {.name = "output",
                     .value_name = "FORMAT",
                     .help = "How --once prints: table (default) or json.",
                     .choices = {"table", "json"}}},
          .validate = check_together};
}

SidecarConfig sidecar_config(const Config& config) {
  SidecarConfig made;
  made.address = address_of(config);
  made.scraper = {.dialect = dialect_of(config),
                  .token = config.secret("engine_token_file"),
                  .token_file = config.secret_path("engine_token_file")};
  const auto interval = config.duration("scrape_interval_ms");
  if (interval.count() > 0) made.scrape_interval = interval;
  made.listen_address = config.text("listen_address");
  made.listen_port = static_cast<std::uint16_t>(config.integer("listen_port"));
  made.drain_grace = config.duration("drain_grace_ms");
  made.pod = {config.text("pod_namespace"), config.text("pod_name"), config.text("pod_uid")};
  made.log_level = parse_log_level(config.text("log_level")).value_or(LogLevel::kInfo);
  made.once = config.has_flag("once");
  made.json = config.flag_value("output") == "json";
  return made;
}

std::size_t phase_identity(const PodIdentity& pod) {
  return std::hash<std::string>{}(fmt::format("{}/{}/{}", pod.namespace_name, pod.name, pod.uid));
}

}  // namespace leadline
