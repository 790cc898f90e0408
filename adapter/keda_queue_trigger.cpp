#include "adapter/keda_queue_trigger.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "adapter/keda_metadata.h"

namespace leadline {
namespace {

constexpr double kDefaultJobs = 5;           // KEDA's listLength, streamLength …
constexpr std::size_t kLongestKey = 1024;    // bytes of a key, a group
constexpr std::size_t kLongestMetric = 100;  // bytes of a metric's name
constexpr std::array<std::string_view, 3> kSubjects = {"queue", "listName", "stream"};

// As KEDA's NormalizeString(), and of every other byte that a path's segment cannot hold.
std::string metric_name_of(std::string_view kind, std::string_view name) {
  std::string metric = fmt::format("{}-{}", kind, name.substr(0, kLongestMetric));
  std::ranges::replace_if(
      metric,
      [](char c) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const bool digit = c >= '0' && c <= '9';
        return !letter && !digit && c != '-' && c != '_';
      },
      '-');
  return metric;
}

class Reader : public KedaMetadata {
 public:
  Reader(const Labels& metadata, const RedisConfig& redis)
      : KedaMetadata(metadata), redis_(redis) {}

  void read(KedaQueueTrigger& trigger) {
    read_subject(trigger);
    read_metric(trigger);
    read_goal(trigger);
    trigger.activation = first_activation(
        trigger.queue.kind == QueueKind::kStream ? "activationLagCount" : "activationListLength");
  }

 private:
  void read_subject(KedaQueueTrigger& trigger) {
    const auto given =
        std::ranges::count_if(kSubjects, [&](auto key) { return !text(key).empty(); });
    if (given != 1 || !text("workload").empty()) {
      return wrong("queue", "", "give one of queue, listName, stream and workload");
    }
    if (!text("queue").empty()) return read_configured(trigger);
    RedisQueue& queue = trigger.queue;
    queue.namespace_name = trigger.namespace_name;
    if (text("server").empty() && names_an_address()) {
      trigger.server = dialled();
    } else {
      read_server(queue);
    }
    if (text("stream").empty()) {
      read_list(queue);
    } else {
      read_stream(queue);
    }
    trigger.metric_name =
        metric_name_of(queue.kind == QueueKind::kStream ? "redis-streams" : "redis", queue.name);
  }

  void read_configured(KedaQueueTrigger& trigger) {
    const std::string_view name = text("queue");
    const auto found = std::ranges::find_if(redis_.queues, [&](const RedisQueue& queue) {
      return queue.namespace_name == trigger.namespace_name && queue.name == name;
    });
    if (found == redis_.queues.end()) {
      return wrong("queue", name, "is no queue of this namespace in the adapter's redis.queues");
    }
    trigger.is_configured = true;
    trigger.queue = *found;
    trigger.metric_name = metric_name_of("redis", name);
  }

  void read_server(RedisQueue& queue) {
    const std::string_view name = text("server");
    const auto found = std::ranges::find_if(
        redis_.servers, [&](const auto& server) { return server.name == name; });
    const bool open = found != redis_.servers.end() && is_open_to(*found, queue.namespace_name);
    if (!open) {
      return wrong("server", name,
                   "must name one of the adapter's redis.servers that has this namespace among "
                   "its namespaces; or give an address of its redis.allowed_addresses");
    }
    queue.server = name;
    read_database(*found);
  }

  bool names_an_address() const { return !text("address").empty() || !text("host").empty(); }

  RedisServer dialled() {
    RedisServer server;
    const bool in_one = !text("address").empty();
    const std::string written =
        in_one ? std::string(text("address")) : fmt::format("{}:{}", text("host"), text("port"));
    const auto address = parse_redis_address(written);
    const auto& allowed = redis_.allowed_addresses;
    if (!address || std::ranges::find(allowed, *address) == allowed.end()) {
      wrong(in_one ? "address" : "host", in_one ? text("address") : text("host"),
            "is not among the adapter's redis.allowed_addresses; or name one of its redis.servers "
            "in `server`");
    } else {
      server.host = address->host;
      server.port = address->port;
    }
    read_login(server);
    return server;
  }

  void read_login(RedisServer& server) {
    server.username = text("username");
    server.password = text("password");
    const std::string_view database = text("databaseIndex");
    const char* end = database.data() + database.size();
    const auto [stop, error] = std::from_chars(database.data(), end, server.database);
    if (!database.empty() && (error != std::errc() || stop != end)) {
      wrong("databaseIndex", database, "must be in [0, 65535]");
    }
    read_tls(server);
    if (!text("sentinelMaster").empty()) {
      wrong("sentinelMaster", text("sentinelMaster"),
            "a Sentinel is one of the adapter's redis.servers; name it in `server`");
    }
  }

  void read_tls(RedisServer& server) {
    const std::string_view enabled = text("enableTLS");
    if (enabled == "true") server.tls = TlsClientFiles();
    if (!enabled.empty() && enabled != "true" && enabled != "false") {
      wrong("enableTLS", enabled, "must be true or false");
    }
    if (text("unsafeSsl") == "true") {
      wrong("unsafeSsl", "true",
            "certificates are verified; one of the adapter's redis.servers has a ca_file");
    }
  }

  static bool is_open_to(const RedisServer& server, const std::string& namespace_name) {
    return std::ranges::any_of(server.namespaces, [&](const std::string& each) {
      return each == "*" || each == namespace_name;
    });
  }

  void read_database(const RedisServer& server) {
    const std::string_view written = text("databaseIndex");
    if (written.empty() || written == std::to_string(server.database)) return;
    wrong("databaseIndex", written,
          fmt::format("server {} is database {}; configure another server for this one",
                      server.name, server.database));
  }

  void read_list(RedisQueue& queue) {
    queue.kind = QueueKind::kAnyOf;
    read_key(queue, "listName");
    if (text("preset").empty()) return;
    const auto preset = queue_preset_from(text("preset"));
    if (!preset) {
      wrong("preset", text("preset"), "must be celery, bullmq, sidekiq, rq or asynq");
    }
    queue.kind = preset.value_or(queue.kind);
  }

  void read_stream(RedisQueue& queue) {
    queue.kind = QueueKind::kStream;
    read_key(queue, "stream");
    queue.group = text("consumerGroup");
    if (queue.group.size() > kLongestKey) {
      wrong("consumerGroup", queue.group, fmt::format("is longer than {} bytes", kLongestKey));
    }
  }

  void read_key(RedisQueue& queue, std::string_view key) {
    queue.name = text(key);
    queue.keys = {queue.name};
    if (queue.name.size() > kLongestKey) {
      wrong(key, queue.name, fmt::format("is longer than {} bytes", kLongestKey));
    }
  }

  void read_metric(KedaQueueTrigger& trigger) {
    const std::string_view name = text("metric");
    if (name.empty()) return;
    trigger.metric = queue_metric_from(name);
    if (!trigger.metric) {
      return wrong("metric", name,
                   fmt::format("must be one of {}", fmt::join(kQueueMetricNames, ", ")));
    }
    if (trigger.metric != QueueMetric::kDrain || !trigger.queue.workload.empty()) return;
    wrong("metric", name, "needs a queue of the adapter's redis.queues that has a workload");
  }

  // Of jobs KEDA's own default is as good as another; of seconds and rates there is none.
  void read_goal(KedaQueueTrigger& trigger) {
    if (trigger.counts_jobs()) {
      trigger.target_value = first_goal(goal_keys(trigger.queue));
    } else if (text("targetValue").empty()) {
      wrong("targetValue", "", "is required with this metric");
    } else {
      trigger.target_value = goal("targetValue");
    }
  }

  // KEDA's choice of mode: with a group its lag where lagCount says so, else what is pending.
  std::array<std::string_view, 2> goal_keys(const RedisQueue& queue) const {
    if (queue.kind != QueueKind::kStream) return {"targetValue", "listLength"};
    if (queue.group.empty()) return {"targetValue", "streamLength"};
    const std::string_view lag = text("lagCount");
    return {"targetValue", lag.empty() || lag == "0" ? "pendingEntriesCount" : "lagCount"};
  }

  double first_goal(const std::array<std::string_view, 2>& keys) {
    for (const std::string_view key : keys) {
      if (!text(key).empty()) return goal(key);
    }
    return kDefaultJobs;
  }

  double first_activation(std::string_view keda_key) {
    for (const std::string_view key : {std::string_view("activationTargetValue"), keda_key}) {
      if (!text(key).empty()) return activation(key);
    }
    return 0;
  }

  const RedisConfig& redis_;
};

}  // namespace

bool is_keda_queue_trigger(const Labels& metadata) {
  const KedaMetadata keys(metadata);
  return std::ranges::any_of(kSubjects, [&](auto key) { return !keys.text(key).empty(); });
}

Result<KedaQueueTrigger> parse_keda_queue_trigger(std::string_view namespace_name,
                                                  const Labels& metadata,
                                                  const RedisConfig& redis) {
  KedaQueueTrigger trigger;
  trigger.namespace_name = namespace_name;
  Reader reader(metadata, redis);
  reader.check_namespace(namespace_name);
  reader.read(trigger);
  if (const auto read = reader.result(); !read) return fail(read.error());
  return trigger;
}

}  // namespace leadline
