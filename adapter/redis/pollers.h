// RedisPollers has one RedisPoller for each server: those of the configuration, and those that
// KEDA's triggers name, which it forgets when no queue on them is asked for any more.
//
// Thread-safety: named() from any thread, the rest from the loop's. Destroyed after the loop ended.

#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "adapter/redis/connection.h"
#include "adapter/redis/poller.h"
#include "adapter/redis/queue_board.h"
#include "adapter/self_metrics.h"
#include "base/result.h"
#include "daemon/event_loop.h"

namespace leadline {

class RedisPollers {
 public:
  static constexpr std::size_t kMaxNamed = 64;             // by triggers; each is a connection
  static constexpr std::size_t kMaxNamedOfNamespace = 16;  // one tenant leaves room for others

  // All outlive it.
  RedisPollers(EventLoop& loop, QueueBoard& board, SelfMetrics& metrics)
      : loop_(loop), board_(board), metrics_(metrics) {}
  ~RedisPollers();
  RedisPollers(const RedisPollers&) = delete;
  RedisPollers& operator=(const RedisPollers&) = delete;

  // Polls the servers of the configuration. REQUIRES: called once.
  void start(const std::vector<RedisServer>& configured);

  // The name under which the QueueBoard has queues on a server that a trigger of the namespace
  // names; it is polled from now on. One server with the same login is one to all. kUnavailable:
  // there are too many.
  [[nodiscard]] Result<std::string> named(const std::string& namespace_name, RedisServer server);

 private:
  struct Named {
    std::string name, namespace_name;
    std::unique_ptr<RedisPoller> poller;  // the loop's
    bool unused = false;                  // at the last look, and not named since
  };

  [[nodiscard]] Result<void> has_room(const std::string& namespace_name) const;
  [[nodiscard]] std::string free_name(const RedisServer& server) const;
  void add(const RedisServer& server);
  void poll(const std::string& key, const RedisServer& server);
  void forget_unused();

  EventLoop& loop_;
  QueueBoard& board_;
  SelfMetrics& metrics_;
  std::vector<std::unique_ptr<RedisPoller>> configured_;
  mutable std::mutex mutex_;
  std::map<std::string, Named> named_;  // by all that tells one login from another
  TimerId timer_ = 0;
};

}  // namespace leadline
