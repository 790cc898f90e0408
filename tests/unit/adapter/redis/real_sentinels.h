// RealSentinels is a master, its replica and three Sentinels that watch them, all processes of
// Debian's redis-server that end with the test. A master that does not answer is replaced after
// 500 ms. Used by the Sentinel tests. Not thread-safe.

#pragma once

#include <memory>
#include <vector>

#include "tests/unit/adapter/redis/real_redis.h"

namespace leadline::test {

class RealSentinels {
 public:
  static constexpr const char* kMaster = "jobs";  // its name

  // Throws where they do not know each other within 20 s.
  RealSentinels();
  ~RealSentinels();
  RealSentinels(const RealSentinels&) = delete;
  RealSentinels& operator=(const RealSentinels&) = delete;

  RealRedis& first() { return first_; }     // the master, to begin with
  RealRedis& second() { return *second_; }  // its replica, to begin with

  // As an operator would: the master is well, and another one takes its place.
  void fail_over();
  // Whether all that was written to `from` is on the other one.
  static bool is_replica_in_step(RealRedis& from);

  // "master" or "slave".
  static std::string role(RealRedis& redis);

  // To reach the master through these Sentinels.
  [[nodiscard]] RedisServer server() const;

 private:
  struct Sentinel;
  RealRedis first_;
  std::unique_ptr<RealRedis> second_;
  std::vector<std::unique_ptr<Sentinel>> sentinels_;
};

}  // namespace leadline::test
