// RedisPoller asks one server once a second for all its queues, in one pipeline, and writes what it
// learns on the QueueBoard. Queues of which somebody awaits the first job it asks every 50 ms, and
// a new one at once. Streams with a backlog cost another pipeline; what queues tell of their flow
// is asked in a last one, once a second, after their counts were told. After a failure it waits
// longer each time, up to five seconds, and never in step with other replicas. What was known stays
// known through a lost connection, until it is stale; what Redis refuses is unknown at once. Lives
// on one loop, with the other pollers; that loop's thread only.

#pragma once

#include <chrono>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "adapter/redis/client.h"
#include "adapter/redis/connection.h"
#include "adapter/redis/queue_board.h"
#include "adapter/redis/queue_detail.h"
#include "adapter/self_metrics.h"
#include "base/clock.h"
#include "daemon/edge_log.h"
#include "daemon/event_loop.h"

namespace leadline {

struct RedisPollerOptions {
  std::chrono::milliseconds interval{1'000};
  std::chrono::milliseconds watched_interval{50};
  std::chrono::milliseconds huge_pause{60'000};  // of a flow whose replies were larger than allowed
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
  void start() { tick(); }

 private:
  // A queue of which another pipeline tells the rest.
  struct Unfinished {
    std::shared_ptr<CountedQueue> queue;
    QueueReading reading;
  };

  void tick();
  void tick_after(std::chrono::milliseconds wait);
  [[nodiscard]] QueueList due(SteadyTime now);
  void start_round(const std::shared_ptr<const QueueList>& all);
  void poll(QueueList queues);
  void take(const Result<RedisClient::Replies>& replies);
  void count_tails();
  [[nodiscard]] std::size_t tails_at_once() const;
  void take_tails(const Result<RedisClient::Replies>& replies);
  [[nodiscard]] static bool look_at_fewer(Unfinished& unfinished);
  void write_tails(const Unfinished& unfinished, std::span<const RedisReply> replies);
  void write(const std::shared_ptr<CountedQueue>& queue, const Result<QueueReading>& reading);
  void ask_flows();
  void take_flows(const Result<RedisClient::Replies>& replies);
  void write_flow(const Unfinished& unfinished, const QueueDetail& detail,
                  const Result<std::chrono::milliseconds>& server_time);
  void pause_flow(CountedQueue& queue, const Error& error, std::chrono::milliseconds pause);
  void lose_flows(const Error& error);
  void told_counts();
  void answered();
  void failed(const Error& error);
  void report();
  [[nodiscard]] std::chrono::milliseconds back_off();

  EventLoop& loop_;
  const std::string server_;
  QueueBoard& board_;
  SelfMetrics& metrics_;
  const RedisPollerOptions options_;
  const std::unique_ptr<RedisClient> client_;
  QueueList asked_;                     // of this poll
  std::vector<std::size_t> commands_;   // likewise: how many asked for each
  std::vector<Unfinished> unfinished_;  // likewise
  std::size_t tail_batch_ = 1;          // of so many queues the tails in one pipeline
  std::size_t tails_asked_ = 0;         // the last ones of unfinished_, in the pipeline in flight
  std::vector<Unfinished> flows_;       // of this poll, of which the flow is to be asked
  std::size_t flow_batch_ = 1;          // so many in one pipeline
  std::size_t flows_asked_ = 0;         // the last ones of flows_, in the pipeline in flight
  Instant asked_at_;
  SteadyTime flows_asked_at_;
  SteadyTime next_round_;                   // when all queues are asked
  std::shared_ptr<const QueueList> round_;  // those of the last round
  bool first_job_ = false;                  // seen in this poll
  int failures_ = 0;                        // in a row
  std::minstd_rand random_{std::random_device{}()};
  EdgeLog edges_;
  TimerId timer_ = 0;
};

}  // namespace leadline
