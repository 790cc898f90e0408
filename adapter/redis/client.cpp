#include "adapter/redis/client.h"

#include "adapter/redis/cluster.h"
#include "adapter/redis/connection.h"
#include "adapter/redis/sentinel.h"

namespace leadline {

std::unique_ptr<RedisClient> make_redis_client(EventLoop& loop, const RedisServer& server) {
  if (!server.cluster.empty()) return std::make_unique<ClusterClient>(loop, server);
  if (server.sentinels) return std::make_unique<SentinelClient>(loop, server, *server.sentinels);
  return std::make_unique<RedisConnection>(loop, server);
}

std::string topology_rules(const RedisServer& server) {
  if (!server.cluster.empty()) return "+asking +cluster|slots";
  return server.sentinels ? "+role" : "";
}

}  // namespace leadline
