// What a work queue in Redis is: its keys, the commands that count it, and what their replies mean.
// Used by RedisPoller. Pure. Only commands that read one named key: no EVAL, KEYS, SCAN or INFO.
//
// A key that does not exist is an empty queue: Redis removes a list with its last job. Everything
// that Redis refuses is unknown, never 0.

#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/redis/codec.h"
#include "base/clock.h"
#include "base/result.h"

namespace leadline {

// How the jobs lie in Redis: a data type, or the layout of a queue library.
// Source of the layouts: kombu transport/redis.py, bullmq src/classes/queue-keys.ts, sidekiq
// lib/sidekiq/api.rb, rq rq/queue.py and registry.py, asynq internal/base/base.go.
enum class QueueKind {
  kList,       // LLEN
  kStream,     // entries that the group was not given yet, and those given and not acknowledged
  kSortedSet,  // ZCARD
  kSet,        // SCARD
  kHash,       // HLEN
  kCounter,    // a string that holds a number: GETRANGE, so that a huge one stays where it is
  kAnyOf,      // a list, sorted set, set or hash, whichever lies there: KEDA's `listName`
  kCelery,     // its four priorities; in flight: `unacked`, which all queues of a database share
  kBullmq,     // wait, prioritized, delayed until now; without paused; in flight: active
  kSidekiq,    // in flight is unknown: its processes tell that every ten seconds only
  kRq,         // in flight: the registry of started jobs
  kAsynq,      // pending, scheduled or retried until now; in flight: active
};

// "list", "stream", "sorted_set", "set", "hash", "counter"; of a preset: "celery", …
[[nodiscard]] std::optional<QueueKind> queue_kind_from(std::string_view name);
[[nodiscard]] std::optional<QueueKind> queue_preset_from(std::string_view name);

// A queue as configured. Its name is unique in its namespace.
struct RedisQueue {
  std::string name;            // a label value
  std::string namespace_name;  // whose HPAs may read it
  std::string server;          // of RedisServer::name
  QueueKind kind = QueueKind::kList;
  std::vector<std::string> keys;  // counted together; of a preset: the library's queue names
  std::string group;              // of a stream; empty: every entry is a job, acknowledged or not
  std::string workload;           // whose pods work on its jobs, in its namespace; empty: not told
  std::string workload_kind = "Deployment";
};

// The commands of one poll, in the order of their replies. `now`: delayed jobs that are due wait as
// others do, since with no worker there is nobody to move them.
[[nodiscard]] std::vector<RedisCommand> queue_commands(const RedisQueue& queue, WallTime now);

// The entries of a stream that its group was not given yet. Redis may not know how many (lag is nil
// after XDEL, and before Redis 7), or say too many for ever (after XTRIM took some); so the first
// ones are looked at.
struct StreamTail {
  std::string key, last_delivered;
  std::int64_t limit = 1;   // how many are looked at
  std::int64_t beyond = 0;  // the answer where as many are there
};
inline constexpr std::int64_t kTailLimit = 1000;  // where lag is nil: more are told as so many

struct QueueReading {
  std::int64_t depth = 0;                 // jobs waiting, without those of `tails`
  std::optional<std::int64_t> in_flight;  // jobs given to workers; nullopt: the kind cannot tell
  std::vector<StreamTail> tails;
  bool is_exact = true;                  // false: a tail was longer than what is looked at
  std::vector<std::string> undelivered;  // IDs of the first entries of tails
  std::vector<std::string> whole_keys;   // streams whose every entry waits: there is no group
};

// kBadInput with what Redis said: WRONGTYPE, NOPERM, or a reply that is no count.
// REQUIRES: a reply for each of queue_commands().
[[nodiscard]] Result<QueueReading> read_queue(const RedisQueue& queue,
                                              std::span<const RedisReply> replies);

[[nodiscard]] RedisCommand tail_command(const StreamTail& tail);
// Adds what it tells to `reading`, of which `tail` is one; an error leaves that as it is.
[[nodiscard]] Result<void> add_tail(QueueReading& reading, const StreamTail& tail,
                                    const RedisReply& reply);

// What a user of `server`'s ACL needs to poll these of its queues, to follow `ACL SETUSER name`:
// "~jobs +llen". Sorted, each once; a byte of a key that means more in a pattern is `?`.
[[nodiscard]] std::string acl_rules(std::span<const RedisQueue> queues, std::string_view server);

}  // namespace leadline
