// RedisPoller asks one server once a second for all its queues, in one pipeline, and writes what it
// learns on the QueueBoard. A stream with a backlog costs another pipeline. After a failure it
// waits longer each time, up to five seconds, and never in step with other replicas. What was known
// stays known through a lost connection, until it is stale; what Redis refuses is unknown at once.
// Lives on one loop, with the other pollers; that loop's thread only.

#pragma once

#include <chrono>
#include <cstddef>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "adapter/redis/connection.h"
#include "adapter/redis/queue_board.h"
#include "adapter/self_metrics.h"
#include "base/clock.h"
#include "daemon/edge_log.h"
#include "daemon/event_loop.h"

namespace leadline {

struct RedisPollerOptions {
  std::chrono::milliseconds interval{1'000};
  Clock clock = system_now;
};

class RedisPoller {
 public:
  // All references outlive it.
  RedisPoller(EventLoop& loop, const RedisServer& server, QueueBoard& board, SelfMetrics& metrics,
              RedisPollerOptions options = {});
  ~RedisPoller();
  RedisPoller(const RedisPoller&) = delete;
  RedisPoller& operator=(const RedisPoller&) = delete;

  // Asks now, and then again and again. REQUIRES: called once.
  void start() { poll(); }

 private:
  // A queue of which another pipeline counts the rest.
  struct Unfinished {
    std::size_t place;  // on the board
    QueueReading reading;
  };

  void poll();
  void take(const Result<RedisConnection::Replies>& replies);
  void take_queue(std::size_t place, std::span<const RedisReply> replies,
                  QueueBoard::States& states);
  void count_tails();
  void take_tails(const Result<RedisConnection::Replies>& replies);
  void write(std::size_t place, const Result<QueueReading>& reading, QueueBoard::States& states);
  void answered();
  void failed(const Error& error);
  void poll_later();

  EventLoop& loop_;
  const std::string server_;
  QueueBoard& board_;
  SelfMetrics& metrics_;
  const RedisPollerOptions options_;
  RedisConnection connection_;
  std::vector<std::size_t> places_;     // of this server's queues on the board
  std::vector<Unfinished> unfinished_;  // of this poll
  Instant asked_at_;
  int failures_ = 0;  // in a row
  std::minstd_rand random_{std::random_device{}()};
  EdgeLog edges_;
  TimerId timer_ = 0;
};

}  // namespace leadline
