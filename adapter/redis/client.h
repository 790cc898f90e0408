// RedisClient asks the Redis servers behind one name of the configuration: one server, the master
// that Sentinels name, or the nodes of a Cluster. Used by RedisPoller, one each. Lives on one loop,
// whose thread alone uses it. Destroying it ends its connections; a pending callback is then never
// called.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapter/redis/codec.h"
#include "base/result.h"

namespace leadline {

class EventLoop;
struct RedisServer;

class RedisClient {
 public:
  using Replies = std::vector<RedisReply>;
  using Done = std::function<void(Result<Replies>)>;

  RedisClient() = default;
  virtual ~RedisClient() = default;
  RedisClient(const RedisClient&) = delete;
  RedisClient& operator=(const RedisClient&) = delete;

  // Calls `done` later, exactly once, with one reply per command; an error among them is a reply.
  // kUnavailable: no connection or no answer in time; kBadInput: the login was refused, or what
  // came is no Redis or too much of it; kBadConfig: a file cannot be read.
  // REQUIRES: no pipeline in flight, `commands` not empty; `done` may start the next.
  virtual void pipeline(const std::vector<RedisCommand>& commands, Done done) = 0;
};

// The kind of client that the server is configured for. `loop` outlives it.
[[nodiscard]] std::unique_ptr<RedisClient> make_redis_client(EventLoop& loop,
                                                             const RedisServer& server);

// What a user's ACL needs besides acl_rules() of its queues, to find who has them: "+role".
[[nodiscard]] std::string topology_rules(const RedisServer& server);

}  // namespace leadline
