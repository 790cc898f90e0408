// RealCluster is a Redis Cluster of three masters, processes of Debian's redis-server that end with
// the test. What they hold they write down, so that a killed one comes back with it; the slots of
// the others stay served meanwhile. Used by the Cluster tests. Not thread-safe.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/adapter/redis/real_redis.h"

namespace leadline::test {

class RealCluster {
 public:
  static constexpr std::size_t kNodes = 3;

  // Throws where the cluster is not up within 20 s.
  RealCluster();

  RealRedis& node(std::size_t place) { return *nodes_[place]; }
  std::string id(std::size_t place) { return nodes_[place]->say({"CLUSTER", "MYID"}).text; }

  // A key that this node serves, to begin with.
  [[nodiscard]] static std::string key_on(std::size_t place, const std::string& name = "jobs");

  // Says it to every node that runs.
  void say_to_all(const RedisCommand& command);

  // A fourth node, which takes this one's place where it dies. Throws where it is not in step
  // within 20 s.
  std::unique_ptr<RealRedis> replica_of(std::size_t place);

  // To reach it through its first node; and through all.
  [[nodiscard]] RedisServer server() const;
  [[nodiscard]] RedisServer server_with_all() const;

 private:
  [[nodiscard]] bool is_up();
  std::vector<std::unique_ptr<RealRedis>> nodes_;
};

}  // namespace leadline::test
