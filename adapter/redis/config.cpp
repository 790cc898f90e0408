#include "adapter/redis/config.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "adapter/given_text.h"
#include "adapter/label_value.h"
#include "adapter/pod_index.h"

namespace leadline {
namespace {

using nlohmann::json;

// A pipeline holds all commands of a server's queues: at most 64,000 of them.
constexpr std::size_t kMaxServers = 32;
constexpr std::size_t kMaxQueues = 500;
constexpr std::size_t kMaxKeys = 32;
constexpr std::size_t kMaxAddresses = 16;
constexpr std::int64_t kMaxDatabase = 65'535;
constexpr std::uint16_t kRedisPort = 6379;
constexpr std::uint16_t kSentinelPort = 26'379;

// A name that a label selector can hold.
std::string label_name(DocumentReader& reader, const json& value, const char* key,
                       const std::string& path) {
  std::string name = reader.required_text(value, key, path);
  if (!name.empty() && !is_label_value(name)) {
    reader.error(path + "." + key, fmt::format("\"{}\" must be a label value: at most 63 of "
                                               "[A-Za-z0-9._-], alphanumeric at both ends",
                                               name));
  }
  return name;
}

RedisAddress address_from(DocumentReader& reader, const std::string& text, const std::string& path,
                          std::uint16_t default_port = kRedisPort) {
  const auto address = parse_redis_address(text, default_port);
  if (!address && !text.empty()) {
    reader.error(path, fmt::format("\"{}\" must be HOST:PORT, without a scheme; an IPv6 address "
                                   "in brackets",
                                   text));
  }
  return address.value_or(RedisAddress());
}

std::uint16_t database_of(DocumentReader& reader, const json& value, const std::string& path) {
  const auto found = value.find("database");
  if (found == value.end() || found->is_null()) return 0;
  const bool fits = found->is_number_integer() && found->get<std::int64_t>() >= 0 &&
                    found->get<std::int64_t>() <= kMaxDatabase;
  if (fits) return found->get<std::uint16_t>();
  reader.error(path + ".database",
               fmt::format("{} must be in [0, {}]", found->dump(), kMaxDatabase));
  return 0;
}

TlsClientFiles tls_from(DocumentReader& reader, const json& value, const std::string& path) {
  TlsClientFiles files;
  if (!reader.object_with(value, {"ca_file", "cert_file", "key_file"}, path)) return files;
  files.ca_file = reader.required_text(value, "ca_file", path);
  files.certificate_file = reader.text(value, "cert_file", path);
  files.key_file = reader.text(value, "key_file", path);
  if (files.certificate_file.empty() != files.key_file.empty()) {
    reader.error(path, "give both cert_file and key_file, or neither");
  }
  return files;
}

// Whose triggers may name the server.
void read_namespaces(DocumentReader& reader, const json& value, const std::string& path,
                     RedisServer& server) {
  for (const json& name : reader.list(value, "namespaces")) {
    const bool is_text = name.is_string() && !name.get_ref<const std::string&>().empty();
    if (!is_text) reader.error(path, name.dump() + " must be the name of a namespace, or \"*\"");
    if (is_text) server.namespaces.push_back(name.get<std::string>());
  }
}

// At `addresses`.
std::vector<RedisAddress> addresses_from(DocumentReader& reader, const json& value,
                                         const std::string& path, std::uint16_t default_port) {
  std::vector<RedisAddress> addresses;
  const auto found = value.find("addresses");
  const bool some = found != value.end() && found->is_array() && !found->empty();
  if (!some || found->size() > kMaxAddresses) {
    reader.error(path + ".addresses",
                 fmt::format("must be a list of 1 to {} of HOST:PORT", kMaxAddresses));
    return addresses;
  }
  for (const json& address : *found) {
    const auto place = fmt::format("{}.addresses[{}]", path, addresses.size());
    const std::string text = address.is_string() ? address.get<std::string>() : address.dump();
    addresses.push_back(address_from(reader, text, place, default_port));
    if (text.empty()) reader.error(place, "must be HOST:PORT");
  }
  return addresses;
}

// Of a server, or of its Sentinels.
template <typename Login>
void read_login(DocumentReader& reader, const json& value, const std::string& path, Login& login) {
  login.username = reader.text(value, "username", path);
  login.password_file = reader.text(value, "password_file", path);
  if (!login.username.empty() && login.password_file.empty()) {
    reader.error(path + ".username", "needs password_file");
  }
}

RedisSentinels sentinels_from(DocumentReader& reader, const json& value, const std::string& path) {
  RedisSentinels sentinels;
  if (!reader.object_with(value, {"master", "addresses", "username", "password_file"}, path)) {
    return sentinels;
  }
  sentinels.master = reader.required_text(value, "master", path);
  sentinels.addresses = addresses_from(reader, value, path, kSentinelPort);
  read_login(reader, value, path, sentinels);
  return sentinels;
}

RedisAddress one_address(DocumentReader& reader, const json& value, const std::string& path) {
  return address_from(reader, reader.required_text(value, "address", path), path + ".address");
}

void read_cluster(DocumentReader& reader, const json& value, const std::string& path,
                  RedisServer& server) {
  const bool has_one = value.contains("address");
  if (has_one && value.contains("addresses")) {
    reader.error(path, "give either address or addresses of a cluster");
  }
  server.cluster = has_one ? std::vector{one_address(reader, value, path)}
                           : addresses_from(reader, value, path, kRedisPort);
}

// Where the server is: at an address, where its Sentinels say, or on the nodes of a Cluster.
void read_place(DocumentReader& reader, const json& value, const std::string& path,
                RedisServer& server) {
  const auto sentinel = value.find("sentinel");
  const bool is_cluster = reader.flag(value, "cluster", path, false);
  if (sentinel != value.end() && (is_cluster || value.contains("address"))) {
    reader.error(path, "give either sentinel, or address, or cluster with its addresses");
  }
  if (value.contains("addresses") && !is_cluster) {
    reader.error(path + ".addresses", "only a cluster has them (cluster: true); others: address");
  }
  if (sentinel != value.end()) {
    server.sentinels = sentinels_from(reader, *sentinel, path + ".sentinel");
  } else if (is_cluster) {
    read_cluster(reader, value, path, server);
  } else {
    RedisAddress address = one_address(reader, value, path);
    server.host = std::move(address.host);
    server.port = address.port;
  }
}

RedisServer server_from(DocumentReader& reader, const json& value, const std::string& path) {
  RedisServer server;
  if (!reader.object_with(value,
                          {"name", "address", "addresses", "cluster", "sentinel", "username",
                           "password_file", "database", "tls", "namespaces"},
                          path)) {
    return server;
  }
  server.name = label_name(reader, value, "name", path);
  read_place(reader, value, path, server);
  read_login(reader, value, path, server);
  server.database = database_of(reader, value, path);
  if (!server.cluster.empty() && server.database != 0) {
    reader.error(path + ".database", "must be 0: a cluster has no other");
  }
  read_namespaces(reader, value, path + ".namespaces", server);
  const auto tls = value.find("tls");
  if (tls != value.end()) server.tls = tls_from(reader, *tls, path + ".tls");
  return server;
}

void read_kind(DocumentReader& reader, const json& value, const std::string& path,
               RedisQueue& queue) {
  const std::string kind = reader.text(value, "kind", path);
  const std::string preset = reader.text(value, "preset", path);
  if (kind.empty() == preset.empty()) {
    return reader.error(path, "needs either kind or preset");
  }
  const auto found = kind.empty() ? queue_preset_from(preset) : queue_kind_from(kind);
  if (found) {
    queue.kind = *found;
  } else if (kind.empty()) {
    reader.error(path + ".preset", fmt::format("\"{}\" must be celery, bullmq, sidekiq, rq or "
                                               "asynq",
                                               preset));
  } else {
    reader.error(path + ".kind", fmt::format("\"{}\" must be list, stream, sorted_set, set, hash "
                                             "or counter",
                                             kind));
  }
}

void read_keys(DocumentReader& reader, const json& value, const std::string& path,
               RedisQueue& queue) {
  const auto keys = value.find("keys");
  const bool some = keys != value.end() && keys->is_array() && !keys->empty();
  if (!some || keys->size() > kMaxKeys) {
    return reader.error(path + ".keys", fmt::format("must be a list of 1 to {} keys", kMaxKeys));
  }
  std::set<std::string> seen;
  for (const json& key : *keys) {
    const std::string text = key.is_string() ? key.get<std::string>() : std::string();
    if (text.empty()) {
      reader.error(path + ".keys", key.dump() + " must be text (quote it), and not empty");
    } else if (!seen.insert(text).second) {
      reader.error(path + ".keys", fmt::format("\"{}\" stands twice", text));
    }
    queue.keys.push_back(text);
  }
}

void read_workload(DocumentReader& reader, const json& value, const std::string& path,
                   RedisQueue& queue) {
  queue.workload = reader.text(value, "workload", path);
  if (!queue.workload.empty() && !is_object_name(queue.workload)) {
    reader.error(path + ".workload",
                 fmt::format("\"{}\" must be the name of what is scaled", queue.workload));
  }
  const std::string kind = reader.text(value, "workload_kind", path);
  if (kind.empty()) return;
  queue.workload_kind = kind;
  if (queue.workload.empty()) reader.error(path + ".workload_kind", "needs workload");
  if (std::ranges::find(kScaledKinds, kind) == kScaledKinds.end()) {
    reader.error(path + ".workload_kind",
                 fmt::format("\"{}\" must be one of {}", kind, fmt::join(kScaledKinds, ", ")));
  }
}

RedisQueue queue_from(DocumentReader& reader, const json& value, const std::string& path) {
  RedisQueue queue;
  if (!reader.object_with(value,
                          {"name", "namespace", "server", "kind", "preset", "keys", "group",
                           "workload", "workload_kind"},
                          path)) {
    return queue;
  }
  queue.name = label_name(reader, value, "name", path);
  queue.namespace_name = reader.required_text(value, "namespace", path);
  queue.server = reader.required_text(value, "server", path);
  read_kind(reader, value, path, queue);
  read_keys(reader, value, path, queue);
  queue.group = reader.text(value, "group", path);
  if (!queue.group.empty() && queue.kind != QueueKind::kStream) {
    reader.error(path + ".group", "only a stream has consumer groups");
  }
  read_workload(reader, value, path, queue);
  return queue;
}

void check_together(DocumentReader& reader, const RedisConfig& config) {
  std::set<std::string> servers, queues;
  for (std::size_t i = 0; i < config.servers.size(); ++i) {
    const std::string& name = config.servers[i].name;
    if (name.empty() || servers.insert(name).second) continue;
    reader.error(fmt::format("servers[{}].name", i), fmt::format("\"{}\" stands twice", name));
  }
  for (std::size_t i = 0; i < config.queues.size(); ++i) {
    const RedisQueue& queue = config.queues[i];
    if (!queue.server.empty() && !servers.contains(queue.server)) {
      reader.error(fmt::format("queues[{}].server", i),
                   fmt::format("\"{}\" is no server of this list", queue.server));
    }
    const std::string place = queue.namespace_name + "/" + queue.name;
    if (queue.name.empty() || queues.insert(place).second) continue;
    reader.error(fmt::format("queues[{}].name", i), fmt::format("\"{}\" stands twice", place));
  }
}

}  // namespace

RedisConfig redis_config_from(DocumentReader& reader, const json& value) {
  RedisConfig config;
  if (value.is_null() ||
      !reader.object_with(value, {"servers", "queues", "allowed_addresses"}, "")) {
    return config;
  }
  const json& servers = reader.list(value, "servers");
  const json& queues = reader.list(value, "queues");
  if (servers.size() > kMaxServers || queues.size() > kMaxQueues) {
    reader.error("", fmt::format("at most {} servers and {} queues", kMaxServers, kMaxQueues));
    return config;
  }
  for (const json& server : servers) {
    const auto path = fmt::format("servers[{}]", config.servers.size());
    config.servers.push_back(server_from(reader, server, path));
  }
  for (const json& queue : queues) {
    const auto path = fmt::format("queues[{}]", config.queues.size());
    config.queues.push_back(queue_from(reader, queue, path));
  }
  for (const json& address : reader.list(value, "allowed_addresses")) {
    const auto path = fmt::format("allowed_addresses[{}]", config.allowed_addresses.size());
    const std::string text = address.is_string() ? address.get<std::string>() : address.dump();
    config.allowed_addresses.push_back(address_from(reader, text, path));
    if (text.empty()) reader.error(path, "must be HOST:PORT");
  }
  check_together(reader, config);
  return config;
}

}  // namespace leadline
