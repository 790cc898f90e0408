// QueueBoard is what is known of every configured queue: RedisPollers write it on their one loop,
// QueueService reads it on any. Thread-safe for one writer.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapter/redis/queue.h"
#include "base/clock.h"
#include "base/shared_cell.h"

namespace leadline {

struct QueueState {
  std::optional<std::int64_t> depth;      // jobs waiting; nullopt: unknown, because of `problem`
  std::optional<std::int64_t> in_flight;  // jobs with workers; nullopt too where it cannot be told
  SteadyTime sampled_at;                  // when the question was sent; of a known depth
  std::string problem = "not asked yet";  // the newest one; may stand beside a depth not yet stale
};

class QueueBoard {
 public:
  using States = std::vector<QueueState>;  // in the order of queues()

  explicit QueueBoard(std::vector<RedisQueue> queues)
      : queues_(std::move(queues)), states_(std::make_shared<const States>(queues_.size())) {}

  [[nodiscard]] const std::vector<RedisQueue>& queues() const { return queues_; }
  [[nodiscard]] std::shared_ptr<const States> states() const { return states_.load(); }

  // Replaces all states at once. REQUIRES: one for each queue.
  void publish(States states) { states_.store(std::make_shared<const States>(std::move(states))); }

 private:
  const std::vector<RedisQueue> queues_;
  SharedCell<const States> states_;
};

}  // namespace leadline
