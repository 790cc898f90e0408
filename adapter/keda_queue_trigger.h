// KedaQueueTrigger is a trigger of a ScaledObject on a work queue in Redis: what its metadata asks
// of us. The keys are those of KEDA's own redis and redis-streams scalers. Pure, immutable,
// thread-safe. Source: contracts/keda.md §3.1 (KEDA v2.21.0).

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "adapter/label_selector.h"
#include "adapter/redis/config.h"
#include "adapter/redis/queue_metric.h"
#include "base/result.h"

namespace leadline {

struct KedaQueueTrigger {
  std::string namespace_name;         // the ScaledObject's
  bool is_configured = false;         // `queue` is one of the configuration, of that namespace
  std::optional<RedisServer> server;  // that it names by address; its name, and queue.server, are
                                      // still to be found
  RedisQueue queue;
  std::optional<QueueMetric> metric;  // nullopt: jobs waiting, and in flight where told
  std::string metric_name;            // a path segment: "redis-mail", as KEDA names it
  double target_value = 0;            // a replica's share, in the metric's unit, > 0
  double activation = 0;              // active while more jobs wait; >= 0

  [[nodiscard]] bool counts_jobs() const { return !metric || leadline::counts_jobs(*metric); }
};

// Whether the metadata is about a queue: it has `queue`, `listName` or `stream`.
[[nodiscard]] bool is_keda_queue_trigger(const Labels& metadata);

// What the metadata of a queue trigger may say; other keys are KEDA's own and left alone:
//   queue                  name of a queue of our configuration; or one of the next two:
//   listName               a list, sorted set, set or hash
//   preset                 with listName, which is then the library's name of the queue: celery, …
//   stream, consumerGroup  a stream; without a group every entry is a job
//   server                 name of a server of our configuration; with listName or stream
//   databaseIndex          must be the server's
// or, in place of `server`, where the address is one of redis.allowed_addresses:
//   address                HOST:PORT; else host and port
//   username, password, databaseIndex; enableTLS: true or false (default)
//   metric                 one of kQueueMetricNames; jobs waiting and in flight by default. The
//                          time to drain is told of a queue that is configured with a workload
//   targetValue            > 0; required where the metric counts no jobs; else listLength, or of a
//                          stream lagCount (with a group), pendingEntriesCount (likewise) or
//                          streamLength (without one); else 5
//   activationTargetValue  >= 0; else activationListLength or activationLagCount; else 0
// Each may be written `KEYFromEnv`. kBadInput, with every error, `; ` between them.
[[nodiscard]] Result<KedaQueueTrigger> parse_keda_queue_trigger(std::string_view namespace_name,
                                                                const Labels& metadata,
                                                                const RedisConfig& redis);

}  // namespace leadline
