// QueueBoard is which queues are counted, and what is known of each: those of the configuration,
// and those that KEDA's triggers ask for. The RedisPoller of a queue's server writes what is known
// of it; QueueService and KedaQueues read. Thread-safe.

#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/redis/queue.h"
#include "adapter/redis/queue_rates.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/shared_cell.h"

namespace leadline {

// What is known of a queue's jobs beyond their number. Of kinds that do not tell it, and of queues
// for which nobody wants it, this stays as it begins.
struct QueueFlow {
  Result<double> oldest_age = fail(Errc::kUnavailable, "not asked yet");  // seconds; 0: no jobs
  Result<QueueRates> rates = fail(Errc::kUnavailable, "not asked yet");
  SteadyTime sampled_at;  // when the question was sent
};

struct QueueState {
  std::optional<std::int64_t> depth;      // jobs waiting; nullopt: unknown, because of `problem`
  std::optional<std::int64_t> in_flight;  // jobs with workers; nullopt too where it cannot be told
  SteadyTime sampled_at;                  // when the question was sent; of a known depth
  std::string problem = "not asked yet";  // the newest one; may stand beside a depth not yet stale
  std::optional<SteadyTime> taken_at;     // when a worker was last seen: jobs in flight, or fewer
                                          // waiting than before
  QueueFlow flow;

  // Jobs waiting and in flight; 0 where they are not known.
  [[nodiscard]] std::int64_t jobs() const { return depth.value_or(0) + in_flight.value_or(0); }
};

// kUnavailable or kStale with the reason, where the state must not be served: unknown, or asked for
// longer ago than `max_age`. Of its flow nothing is said.
[[nodiscard]] Result<void> check_servable(const QueueState& state, SteadyTime now,
                                          std::chrono::milliseconds max_age);

// A queue that is counted. Written by one poller.
class CountedQueue {
 public:
  explicit CountedQueue(RedisQueue queue)
      : queue_(std::move(queue)), state_(std::make_shared<const QueueState>()) {}

  [[nodiscard]] const RedisQueue& queue() const { return queue_; }
  [[nodiscard]] std::shared_ptr<const QueueState> state() const { return state_.load(); }
  void publish(QueueState state) {
    state_.store(std::make_shared<const QueueState>(std::move(state)));
    is_new_ = false;
  }
  [[nodiscard]] bool is_new() const { return is_new_; }  // nothing was published yet

  // Somebody asks for its flow, which is found out from now on.
  void want_flow() { wants_flow_ = true; }
  [[nodiscard]] bool wants_flow() const { return wants_flow_; }

  // What its poller keeps of it, which alone may touch this.
  struct FlowMemory {
    QueueRateWindow window;
    std::vector<std::string> whole_keys;   // of the last reading
    SteadyTime next_at;                    // not asked for before
    std::int64_t tail_limit = kTailLimit;  // entries that may be looked at: more were too large
  };
  [[nodiscard]] FlowMemory& flow_memory() { return flow_memory_; }

  // A trigger uses it.
  void ask(SteadyTime now) { asked_at_ = now.time_since_epoch().count(); }
  [[nodiscard]] SteadyTime asked_at() const { return time_of(asked_at_); }

  // Somebody waits for its first job: for the next second it is counted as often as can be.
  void watch(SteadyTime now) { watched_at_ = now.time_since_epoch().count(); }
  [[nodiscard]] bool is_watched(SteadyTime now) const {
    return now - time_of(watched_at_) < std::chrono::seconds{1};
  }

 private:
  static SteadyTime time_of(SteadyTime::rep ticks) {
    return SteadyTime(SteadyTime::duration(ticks));
  }

  const RedisQueue queue_;
  SharedCell<const QueueState> state_;
  std::atomic<bool> is_new_ = true, wants_flow_ = false;
  FlowMemory flow_memory_;
  std::atomic<SteadyTime::rep> asked_at_ = 0, watched_at_ = 0;
};

using QueueList = std::vector<std::shared_ptr<CountedQueue>>;

class QueueBoard {
 public:
  static constexpr std::size_t kMaxAsked = 2'000;  // by triggers, besides the configured ones
  static constexpr std::size_t kMaxAskedOfNamespace = 500;  // one tenant leaves room for others
  static constexpr std::chrono::minutes kForgetAfter{60};   // longer than KEDA polls

  explicit QueueBoard(std::vector<RedisQueue> configured);

  // Those of the configuration, in its order.
  [[nodiscard]] const QueueList& configured() const { return configured_; }
  // nullptr: there is none.
  [[nodiscard]] std::shared_ptr<CountedQueue> configured(std::string_view namespace_name,
                                                         std::string_view name) const;

  // The queue with the server, kind, keys and group of `queue`, which is counted from now on where
  // it was not. kUnavailable: too many are asked for.
  [[nodiscard]] Result<std::shared_ptr<CountedQueue>> asked(const RedisQueue& queue,
                                                            SteadyTime now);

  // Counts no longer what no trigger asked for since kForgetAfter. Cheap: looks once a minute.
  void forget_unasked(SteadyTime now);

  // All that are counted on a server; the same pointer until that changes.
  [[nodiscard]] std::shared_ptr<const QueueList> of(std::string_view server) const;

  // `told` is called, on the pollers' loop, when a queue without jobs has some. REQUIRES: before
  // the first poller starts.
  void on_first_job(std::function<void()> told) { told_ = std::move(told); }
  void tell_first_job() const {
    if (told_) told_();
  }

 private:
  using ByServer = std::map<std::string, std::shared_ptr<const QueueList>, std::less<>>;
  [[nodiscard]] Result<void> has_room(const std::string& namespace_name) const;
  void group();

  const QueueList configured_;
  std::function<void()> told_;
  mutable std::mutex mutex_;
  QueueList asked_;
  ByServer by_server_;
  SteadyTime looked_at_;
};

}  // namespace leadline
