// EngineHost runs a BatchingEngine on the wall clock: one thread plans and ends steps, and every
// waiting request sleeps on its own stream until the step that made its token ends.
//
// Used by EngineServer. Every public function may be called from any thread; one mutex guards all.
// Invariant: a stream ends exactly once, done or broken.

#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"
#include "sim/batching.h"

namespace leadline {

// What a request has received so far.
struct StreamProgress {
  int tokens = 0;
  bool done = false;    // the last token is there
  bool broken = false;  // the engine restarted or stopped under it
};

// One request in the engine. Guarded by the host's mutex; handlers only pass it around.
struct TokenStream {
  BatchRequest request;
  StreamProgress progress;
  std::condition_variable changed;
};

// A gauge that a test sets by hand; nullopt: the truth.
struct GaugeMarks {
  std::optional<int> waiting;
  std::optional<int> running;
};

// One consistent look at the engine.
struct EngineState {
  int waiting = 0;
  int running = 0;
  GaugeMarks marks;
  int kv_blocks_used = 0;
  double start_seconds = 0;  // of the process, or of the last simulated restart; Unix epoch
  Instant seen{};
  EngineTotals totals;
};

class EngineHost {
 public:
  // REQUIRES: check(config).
  EngineHost(const BatchingConfig& config, PerfModel perf, Clock clock = system_now);
  ~EngineHost();
  EngineHost(const EngineHost&) = delete;
  EngineHost& operator=(const EngineHost&) = delete;

  // kUnavailable: refused by the queue limit, or stopping. The id in `request` is ignored.
  [[nodiscard]] Result<std::shared_ptr<TokenStream>> submit(BatchRequest request);

  // Waits until the stream has more than `seen` tokens, ended, or `patience` passed.
  StreamProgress wait(TokenStream& stream, int seen, std::chrono::milliseconds patience);

  // The client is gone. Does nothing to a stream that has ended.
  void abandon(TokenStream& stream);

  // Starts no further step while frozen; the one under way ends when it would.
  void freeze(bool frozen);

  // As a crashed process come back: counters at zero, new start time, every stream broken.
  void restart();

  // Takes effect for the next state(); returns when it did.
  Instant mark(const GaugeMarks& marks);

  [[nodiscard]] EngineState state() const;
  [[nodiscard]] const BatchingConfig& config() const { return config_; }

  // Breaks every stream and ends the thread; idempotent.
  void stop();

 private:
  void run();
  void run_step(std::unique_lock<std::mutex>& lock, std::chrono::nanoseconds duration);
  void deliver(const std::vector<TokenEvent>& events);
  void break_streams();

  const BatchingConfig config_;
  const PerfModel perf_;
  const Clock clock_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;  // work came, freeze changed, restart, stop
  BatchingEngine engine_;
  std::unordered_map<RequestId, std::shared_ptr<TokenStream>> streams_;  // the queue bounds it
  RequestId last_id_ = 0;
  GaugeMarks marks_;
  double start_seconds_ = 0;
  int epoch_ = 0;  // of the engine: a step planned before a restart is dropped
  bool frozen_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace leadline
