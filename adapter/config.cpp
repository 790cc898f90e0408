#include "adapter/config.h"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "adapter/document_reader.h"
#include "base/ascii_case.h"

namespace leadline {
namespace {

using nlohmann::json;

// The keys of `slo`, in the order of Latency.
constexpr std::array<const char*, kLatencyCount> kSloKeys = {"ttft_ms", "inter_token_latency_ms",
                                                             "e2e_latency_ms", "queue_time_ms"};
constexpr double kLongestSlo = 3'600'000;  // an hour

double number_or(const json& object, const char* key, double otherwise) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : otherwise;
}

MetricAlias alias_from(DocumentReader& reader, const json& value, const std::string& path) {
  MetricAlias alias;
  if (!reader.object_with(value, {"name", "signal", "metric", "window", "scale"}, path)) {
    return alias;
  }
  alias.name = reader.text(value, "name", path);
  const std::string signal = reader.text(value, "signal", path);
  const std::string metric = reader.text(value, "metric", path);
  if (signal.empty() == metric.empty()) {
    reader.error(path, "needs either signal or metric, the name of a metric that we have");
  }
  alias.metric = signal.empty() ? metric : signal;
  alias.window = reader.text(value, "window", path);
  if (const auto scale = value.find("scale"); scale != value.end() && !scale->is_number()) {
    reader.error(path + ".scale", scale->dump() + " must be a number");
  }
  alias.scale = number_or(value, "scale", 1);
  return alias;
}

std::vector<MetricAlias> aliases_from(DocumentReader& reader, const json& list) {
  std::vector<MetricAlias> aliases;
  if (!list.is_array()) {
    if (!list.is_null()) reader.error("", "must be a list of {name, signal, window, scale}");
    return aliases;
  }
  for (const json& value : list) {
    aliases.push_back(alias_from(reader, value, fmt::format("[{}]", aliases.size())));
  }
  return aliases;
}

std::vector<std::string> names_from(DocumentReader& reader, const json& list) {
  std::vector<std::string> names;
  if (!list.is_array()) {
    if (!list.is_null()) reader.error("", "must be a list of metric names");
    return names;
  }
  for (const json& value : list) {
    if (!value.is_string()) reader.error(fmt::format("[{}]", names.size()), "must be text");
    names.push_back(value.is_string() ? value.get<std::string>() : std::string());
  }
  return names;
}

KedaClient keda_client_from(DocumentReader& reader, const json& value, const std::string& path) {
  KedaClient client;
  if (!reader.object_with(value, {"san", "namespaces"}, path)) return client;
  client.san = reader.required_text(value, "san", path);
  const json& namespaces = reader.list(value, "namespaces");
  if (namespaces.empty()) {
    reader.error(path + ".namespaces", "must be a list of namespaces; [\"*\"] is every one");
  }
  for (const json& each : namespaces) {
    const bool text = each.is_string() && !each.get<std::string>().empty();
    if (!text) reader.error(path + ".namespaces", each.dump() + " must be a namespace or \"*\"");
    client.namespaces.push_back(text ? each.get<std::string>() : std::string());
  }
  return client;
}

std::vector<KedaClient> keda_clients_from(DocumentReader& reader, const json& list) {
  std::vector<KedaClient> clients;
  if (!list.is_array()) {
    if (!list.is_null()) reader.error("", "must be a list of {san, namespaces}");
    return clients;
  }
  for (const json& value : list) {
    clients.push_back(keda_client_from(reader, value, fmt::format("[{}]", clients.size())));
  }
  return clients;
}

std::array<std::optional<double>, kLatencyCount> slo_from(DocumentReader& reader,
                                                          const json& value) {
  std::array<std::optional<double>, kLatencyCount> bounds;
  if (value.is_null()) return bounds;
  if (!reader.object_with(value, {kSloKeys[0], kSloKeys[1], kSloKeys[2], kSloKeys[3]}, "")) {
    return bounds;
  }
  for (std::size_t i = 0; i < kLatencyCount; ++i) {
    const auto bound = value.find(kSloKeys[i]);
    if (bound == value.end() || bound->is_null()) continue;
    const double milliseconds = number_or(value, kSloKeys[i], -1);
    const bool in_range = milliseconds > 0 && milliseconds <= kLongestSlo;
    if (!in_range) {
      reader.error(kSloKeys[i],
                   fmt::format("{} must be in (0, {}] ms", bound->dump(), kLongestSlo));
      continue;
    }
    bounds[i] = milliseconds / 1000;
  }
  return bounds;
}

void append_lines(const std::string& text, ErrorList& errors) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) errors.push_back(line);
}

template <typename Read>
auto validator(Read read) {
  return [read](const json& value, ErrorList& errors) {
    DocumentReader reader;
    static_cast<void>(read(reader, value));
    append_lines(reader.errors(), errors);
  };
}

RedisConfig redis_config(const Config& config) {
  DocumentReader ignored;  // valid already
  return redis_config_from(ignored, config.structured("redis"));
}

CatalogueConfig catalogue_config(const Config& config) {
  DocumentReader ignored;  // valid already
  return {.aliases = aliases_from(ignored, config.structured("metrics")),
          .hidden = names_from(ignored, config.structured("hidden_metrics")),
          .slo_bounds = slo_from(ignored, config.structured("slo"))};
}

// Pods and callers come from the Kubernetes API; or pods from a file, and callers show one token.
void validate_source(const Config& config, ErrorList& errors) {
  const bool token =
      !config.secret("token_file").empty() || !config.secret_path("token_file").empty();
  const bool file = !config.text("pods_file").empty();
  const bool kubeconfig = !config.text("kubeconfig").empty();
  if (file && kubeconfig) {
    errors.emplace_back("pods_file and kubeconfig: give one; a cluster tells its pods itself");
  } else if (file && !token) {
    errors.emplace_back("token_file: is required, or LEADLINE_TOKEN: nobody could read anything");
  } else if (!file && !kubeconfig && config.text("kube_host").empty()) {
    errors.emplace_back(
        "pods_file: is required where there is no Kubernetes API: this is no pod of a cluster "
        "(KUBERNETES_SERVICE_HOST is not set) and kubeconfig names none");
  } else if (!file && token) {
    errors.emplace_back("token_file: only with pods_file; a cluster tells who its callers are");
  }
  if (config.text("kube_service").find('/') == std::string::npos) {
    errors.push_back(
        fmt::format("kube_service = \"{}\": must be NAMESPACE/NAME", config.text("kube_service")));
  }
}

constexpr std::array<const char*, 3> kKedaFiles = {"keda_tls_cert_file", "keda_tls_key_file",
                                                   "keda_client_ca_file"};

std::size_t keda_files_given(const Config& config) {
  return static_cast<std::size_t>(std::ranges::count_if(
      kKedaFiles, [&](const char* key) { return !config.text(key).empty(); }));
}

// Mutual TLS as a whole, or plain text because somebody said so, or no door at all.
void validate_keda(const Config& config, ErrorList& errors) {
  const std::size_t files = keda_files_given(config);
  const bool clients = !config.structured("keda_clients").empty();
  if (config.boolean("keda_insecure")) {
    if (files > 0 || clients) {
      errors.emplace_back(
          "keda_insecure: excludes keda_tls_cert_file, keda_tls_key_file, keda_client_ca_file and "
          "keda_clients: without TLS nobody is told from anybody");
    }
    return;
  }
  for (const char* key : kKedaFiles) {
    if ((files > 0 || clients) && config.text(key).empty()) {
      errors.push_back(fmt::format("{}: is required to serve KEDA over mutual TLS", key));
    }
  }
  if (files > 0 && !clients) {
    errors.emplace_back("keda_clients: is required: no certificate might ask anything");
  }
}

// An alias would be hidden behind the queues' metric.
void validate_queue_names(const Config& config, ErrorList& errors) {
  if (redis_config(config).queues.empty()) return;
  for (const MetricAlias& alias : catalogue_config(config).aliases) {
    if (!ascii_lower(alias.name).starts_with("redis_queue_")) continue;
    errors.push_back(
        fmt::format("metrics: \"{}\" is a metric of the queues under redis", alias.name));
  }
}

void validate_together(const Config& config, ErrorList& errors) {
  const auto catalogue = Catalogue::make(catalogue_config(config));
  if (!catalogue) append_lines(catalogue.error().message, errors);
  validate_source(config, errors);
  validate_keda(config, errors);
  validate_queue_names(config, errors);
  const bool certificate = !config.text("tls_cert_file").empty();
  if (certificate != !config.text("tls_key_file").empty()) {
    errors.push_back(
        fmt::format("tls_cert_file = \"{}\" and tls_key_file = \"{}\": give both, or "
                    "neither for a certificate made in memory",
                    config.text("tls_cert_file"), config.text("tls_key_file")));
  }
}

ConfigKey duration_key(const char* name, const char* otherwise, double max, const char* help) {
  return {.name = name,
          .type = ConfigType::kDuration,
          .default_value = otherwise,
          .help = help,
          .min = 0,
          .max = max};
}

ConfigKey listen_port_key(const char* name, const char* otherwise, const char* help) {
  return {.name = name,
          .type = ConfigType::kInteger,
          .default_value = otherwise,
          .help = help,
          .min = 0,
          .max = 65535};
}

ConfigGroup pods_group() {
  ConfigKey max_age = duration_key(
      "max_age_ms", "5000", 60'000,
      "A sample older than this is never served. A pod whose engine is scraped rarely gets four of "
      "its scrape intervals instead, where that is longer.");
  max_age.min = 1000;
  return {.title = "Pods",
          .keys = {
              {.name = "pods_file",
               .type = ConfigType::kText,
               .default_value = "",
               .help = "YAML or JSON list of pods and objects, read again when it is replaced; for "
                       "a machine without a cluster. Without it the Kubernetes API tells them.",
               .example = "/etc/leadline/pods.yaml"},
              max_age,
              {.name = "min_coverage",
               .type = ConfigType::kNumber,
               .default_value = "0.5",
               .help = "Share of a workload's Ready pods that must give a signal for its value "
                       "to be served. Below, there is no value and the HPA holds.",
               .min = 0.01,
               .max = 1}}};
}

ConfigGroup kube_group() {
  return {
      .title = "Kubernetes API",
      .keys = {
          {.name = "kubeconfig",
           .type = ConfigType::kText,
           .default_value = "",
           .help =
               "File that says where the API is and who we are; only outside a pod. Its current "
               "context counts, with a token, a token file or a client certificate."},
          {.name = "kube_host",
           .type = ConfigType::kText,
           .default_value = "",
           .help = "Where the API is for a pod; the kubelet sets KUBERNETES_SERVICE_HOST.",
           .example = "10.96.0.1",
           .other_variable = "KUBERNETES_SERVICE_HOST"},
          {.name = "kube_https",
           .type = ConfigType::kInteger,
           .default_value = "443",
           .help = "Its port; the kubelet sets KUBERNETES_SERVICE_PORT.",
           .min = 1,
           .max = 65535,
           .other_variable = "KUBERNETES_SERVICE_PORT"},
          {.name = "kube_service",
           .type = ConfigType::kText,
           .default_value = "leadline/leadline-adapter",
           .help = "NAMESPACE/NAME of the Service that the API server dials. The certificate is "
                   "for its name and kept in the Secret NAME-certificate there."}}};
}

ConfigGroup metrics_group() {
  return {.title = "Metrics",
          .keys = {
              {.name = "metrics",
               .type = ConfigType::kStructured,
               .default_value = "[]",
               .help = "Further names for metrics: a list of {name, signal, window, scale}. A "
                       "request's own window wins over `window`; the value is multiplied by scale.",
               .example = "[{name: DCGM_FI_DEV_GPU_UTIL, signal: kv_cache_utilization_percent}, "
                          "{name: nv_queue, signal: queue_depth, window: 15s, scale: 1}]",
               .validate = validator(aliases_from)},
              {.name = "hidden_metrics",
               .type = ConfigType::kStructured,
               .default_value = "[]",
               .help = "Names of our own that are not served.",
               .example = "[batch_size]",
               .validate = validator(names_from)},
              {.name = "slo",
               .type = ConfigType::kStructured,
               .default_value = "{}",
               .help = "Bounds of the SLO miss shares: ttft_ms, inter_token_latency_ms, "
                       "e2e_latency_ms, queue_time_ms. A share without its bound is not served.",
               .example = "{ttft_ms: 2000, inter_token_latency_ms: 100}",
               .validate = validator(slo_from)}}};
}

ConfigKey pem_key(const char* name, const char* help, const char* example) {
  return {.name = name,
          .type = ConfigType::kText,
          .default_value = "",
          .help = help,
          .example = example};
}

ConfigGroup redis_group() {
  return {.title = "Redis queues",
          .keys = {{.name = "redis",
                    .type = ConfigType::kStructured,
                    .default_value = "{}",
                    .help = "Work queues in Redis: servers {name, address, or sentinel: "
                            "{master, addresses, username, password_file}, or cluster: true and "
                            "addresses; username, password_file, database, "
                            "tls: {ca_file, cert_file, key_file}, "
                            "namespaces: whose KEDA triggers may name it} and "
                            "queues {name, namespace, server, kind or preset, keys, group, "
                            "workload and workload_kind: whose pods do its jobs}. Kinds: "
                            "list, stream, sorted_set, set, hash, "
                            "counter. Presets: celery, bullmq, sidekiq, rq, asynq; their keys are "
                            "the library's queue names. allowed_addresses: HOST:PORT that KEDA "
                            "triggers may name, with a login of their own.",
                    .example = "{servers: [{name: main, address: \"redis.jobs:6379\"}], queues: "
                               "[{name: mail, namespace: shop, server: main, kind: list, "
                               "keys: [mail]}]}",
                    .validate = validator(redis_config_from)}}};
}

ConfigGroup api_group() {
  return {
      .title = "Serving",
      .keys = {{.name = "listen_address",
                .type = ConfigType::kText,
                .default_value = "::",
                .help = "Address that both ports listen at; :: is every IPv6 and IPv4 one."},
               listen_port_key("api_listen_port", "6443",
                               "HTTPS: the metrics APIs. 0 takes a free port."),
               pem_key("tls_cert_file",
                       "PEM certificate and chain, read again when it changes. Without it a "
                       "certificate is made: for all replicas in a cluster, else in memory.",
                       "/etc/leadline/tls.crt"),
               pem_key("tls_key_file", "PEM key of that certificate.", "/etc/leadline/tls.key"),
               {.name = "token_file",
                .type = ConfigType::kSecretFile,
                .default_value = "",
                .help = "File with the bearer token that may read everything; with pods_file only.",
                .example = "/etc/leadline/token"}}};
}

ConfigGroup keda_group() {
  return {
      .title = "KEDA",
      .keys = {listen_port_key("keda_listen_port", "9734",
                               "gRPC: KEDA's external and external-push scalers, where one of the "
                               "keys below turns it on. 0 takes a free port."),
               pem_key("keda_tls_cert_file",
                       "PEM certificate and chain shown to KEDA, read again when it changes.",
                       "/etc/leadline/keda/tls.crt"),
               pem_key("keda_tls_key_file", "PEM key of that certificate.",
                       "/etc/leadline/keda/tls.key"),
               pem_key("keda_client_ca_file",
                       "PEM certificates of who signs KEDA's; read again when it changes. A client "
                       "without such a certificate is refused.",
                       "/etc/leadline/keda/ca.crt"),
               {.name = "keda_clients",
                .type = ConfigType::kStructured,
                .default_value = "[]",
                .help = "Which namespaces a client certificate may ask about, by an alternative "
                        "name in it: a list of {san, namespaces}; \"*\" is every namespace.",
                .example = "[{san: keda-operator.keda.svc, namespaces: [\"*\"]}]",
                .validate = validator(keda_clients_from)},
               {.name = "keda_insecure",
                .type = ConfigType::kBoolean,
                .default_value = "false",
                .help = "Serves KEDA without TLS: whoever reaches the port may ask about every "
                        "namespace."},
               duration_key("keda_loading_grace_ms", "900000", 86'400'000,
                            "How long a pod that loads, or crashes again and again, keeps up a "
                            "workload that may go to zero. More than the slowest model needs."),
               duration_key("keda_absent_grace_ms", "60000", 3'600'000,
                            "How long no pod of a workload must be listed until its value is 0 "
                            "and no longer unknown; for KEDA's metrics-api scaler, too.")}};
}

ConfigGroup process_group() {
  return {.title = "Process",
          .keys = {listen_port_key("metrics_listen_port", "9735",
                                   "HTTP: self metrics and health. 0 takes a free port."),
                   duration_key("shutdown_delay_ms", "5000", 60'000,
                                "How long requests are still answered after SIGTERM, while "
                                "readiness is false already and clients turn elsewhere."),
                   duration_key("drain_grace_ms", "10000", 60'000,
                                "How long requests in flight may then take."),
                   {.name = "log_level",
                    .type = ConfigType::kChoice,
                    .default_value = "info",
                    .help = "Least important lines that are written.",
                    .choices = {"debug", "info", "warn", "error"}}}};
}

ConfigSchema make_schema() {
  return {.program = "leadline-adapter",
          .summary = "Serves the signals of inference pods to the HorizontalPodAutoscaler.",
          .groups = {pods_group(), kube_group(), metrics_group(), redis_group(), api_group(),
                     keda_group(), process_group()},
          .flags = {},
          .validate = validate_together};
}

}  // namespace

const ConfigSchema& adapter_schema() {
  static const ConfigSchema kSchema = make_schema();
  return kSchema;
}

namespace {

std::optional<KedaConfig> keda_config(const Config& config) {
  if (keda_files_given(config) == 0 && !config.boolean("keda_insecure")) return std::nullopt;
  DocumentReader ignored;  // valid already
  return KedaConfig{.port = static_cast<std::uint16_t>(config.integer("keda_listen_port")),
                    .tls_certificate_file = config.text("keda_tls_cert_file"),
                    .tls_key_file = config.text("keda_tls_key_file"),
                    .client_ca_file = config.text("keda_client_ca_file"),
                    .clients = keda_clients_from(ignored, config.structured("keda_clients")),
                    .loading_grace = config.duration("keda_loading_grace_ms")};
}

}  // namespace

AdapterConfig adapter_config(const Config& config) {
  const std::string& service = config.text("kube_service");
  const std::size_t slash = service.find('/');
  return {.pods_file = config.text("pods_file"),
          .kube = {.kubeconfig = config.text("kubeconfig"),
                   .host = config.text("kube_host"),
                   .port = std::to_string(config.integer("kube_https"))},
          .service_namespace = service.substr(0, slash),
          .service_name = service.substr(slash + 1),
          .listen_address = config.text("listen_address"),
          .api_port = static_cast<std::uint16_t>(config.integer("api_listen_port")),
          .metrics_port = static_cast<std::uint16_t>(config.integer("metrics_listen_port")),
          .tls_certificate_file = config.text("tls_cert_file"),
          .tls_key_file = config.text("tls_key_file"),
          .token = config.secret("token_file"),
          .keda = keda_config(config),
          .keda_absent_grace = config.duration("keda_absent_grace_ms"),
          .catalogue = catalogue_config(config),
          .redis = redis_config(config),
          .min_coverage = config.number("min_coverage"),
          .least_max_age = config.duration("max_age_ms"),
          .shutdown_delay = config.duration("shutdown_delay_ms"),
          .drain_grace = config.duration("drain_grace_ms"),
          .log_level = *parse_log_level(config.text("log_level"))};
}

}  // namespace leadline
