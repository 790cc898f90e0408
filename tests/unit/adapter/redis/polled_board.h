// PolledBoard is a QueueBoard that the real RedisPoller fills from a server, a hundred times a
// second, and the eyes of a test on it. Used by the Sentinel and Cluster tests. Not thread-safe.

#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "adapter/redis/poller.h"
#include "tests/unit/adapter/fake_sidecar.h"
#include "tests/unit/adapter/redis/real_redis.h"
#include "tests/unit/daemon/loop_thread.h"

namespace leadline::test {

class PolledBoard {
 public:
  // Lists with these keys, on `server`.
  PolledBoard(const std::vector<std::string>& keys, const RedisServer& server)
      : board_(queues(keys)) {
    thread_.call([&] {
      poller_ = std::make_unique<RedisPoller>(
          thread_.loop(), server, board_, metrics_,
          RedisPollerOptions{.interval = std::chrono::milliseconds{10}});
      poller_->start();
    });
  }
  ~PolledBoard() {
    thread_.call([&] { poller_.reset(); });
  }
  PolledBoard(const PolledBoard&) = delete;
  PolledBoard& operator=(const PolledBoard&) = delete;

  [[nodiscard]] QueueState state(std::size_t place) const {
    return *board_.configured()[place]->state();
  }

  // The depth, or why there is none.
  [[nodiscard]] std::string shown(std::size_t place) const {
    const QueueState state = this->state(place);
    return state.depth ? std::to_string(*state.depth) : state.problem;
  }

  // Whether a queue was counted anew since `since`, and nothing stands beside it.
  [[nodiscard]] bool is_fresh(std::size_t place, SteadyTime since) const {
    const QueueState state = this->state(place);
    return state.depth && state.problem.empty() && state.sampled_at > since;
  }

  // Looks every ten milliseconds until `holds`. What it saw of the queue that is none of `right`
  // and not unknown, else ""; it says so too where `holds` does not come within 30 s.
  [[nodiscard]] std::string wrong_until(std::size_t place, const std::vector<std::int64_t>& right,
                                        const std::function<bool()>& holds) {
    const SteadyTime deadline = system_now().steady + std::chrono::seconds{30};
    while (!holds()) {
      const auto depth = state(place).depth;
      const bool fine = !depth || std::ranges::find(right, *depth) != right.end();
      if (!fine) return fmt::format("depth {}", *depth);
      if (system_now().steady > deadline) return "it never came: " + shown(place);
      rest(thread_, std::chrono::milliseconds{10});
    }
    return {};
  }

  // Whether it is shown within ten seconds, or something that begins so.
  [[nodiscard]] bool becomes(std::size_t place, const std::string& want) {
    return eventually(thread_, [&] { return shown(place).starts_with(want); });
  }

 private:
  static std::vector<RedisQueue> queues(const std::vector<std::string>& keys) {
    std::vector<RedisQueue> queues;
    for (const std::string& key : keys) {
      queues.push_back({.name = key,
                        .namespace_name = "ns",
                        .server = "main",
                        .kind = QueueKind::kList,
                        .keys = {key},
                        .group = {}});
    }
    return queues;
  }

  QueueBoard board_;
  SelfMetrics metrics_;
  LoopThread thread_;
  std::unique_ptr<RedisPoller> poller_;
};

}  // namespace leadline::test
